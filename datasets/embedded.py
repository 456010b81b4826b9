"""The citation graphs inside the package; `gvae.datasets.recipe` made them, SOURCES.md tells from what."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import make_graph
from gvae.errors import InputError

FOLDER = Path(__file__).parent / "data"
SHA256 = {
    "cora": "0774d05d6ff256705b4b6baa52a64f2db45d538b4abc3850cb567360639a1cdc",
    "citeseer": "c2ae9a207cdb6fd4fac2b5c9968081569d77ccc41927fdfaf28ea257302c10f2",
    "pubmed": "ee85ae7d8857307be00efd54672b1e01bf4513b3e86755c371738393a24f9bbd",
}


def load_embedded(name: str, directed: bool = False) -> Data:
    """Load ``cora``, ``citeseer`` or ``pubmed`` after checking the file's SHA-256."""
    arrays = _read(name)
    edges = torch.from_numpy(arrays["edges"].astype(np.int64))
    if directed:
        edges = _with_directions(edges, torch.from_numpy(arrays["direction"]))
    data = make_graph(
        edges,
        num_nodes=int(arrays["shape"][0]),
        x=_features(arrays),
        y=torch.from_numpy(arrays["y"].astype(np.int64)),
        directed=directed,
    )
    data.class_names = arrays["class_names"].tolist()
    for mask in ("train_mask", "val_mask", "test_mask"):
        if mask in arrays:
            data[mask] = torch.from_numpy(arrays[mask])
    return data


def _read(name: str) -> dict[str, NDArray[Any]]:
    path = FOLDER / f"{name}.npz"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); reinstall gvae") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise InputError(
            f"{path}: damaged (SHA-256 {found[:12]}..., expected {SHA256[name][:12]}...); reinstall gvae"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file)


def _features(arrays: dict[str, NDArray[Any]]) -> Tensor:
    num_nodes, num_features = arrays["shape"].tolist()
    return torch.sparse_csr_tensor(
        torch.from_numpy(arrays["indptr"].astype(np.int64)),
        torch.from_numpy(arrays["indices"].astype(np.int64)),
        torch.from_numpy(arrays["values"][arrays["codes"]]),
        size=(num_nodes, num_features),
        check_invariants=True,
    )


def _with_directions(edges: Tensor, direction: Tensor) -> Tensor:
    """Directed edges: bit 1 of ``direction`` stands for src -> dst, bit 2 for dst -> src."""
    return torch.cat([edges[:, (direction & 1) > 0], edges[:, (direction & 2) > 0].flip(0)], dim=1)
