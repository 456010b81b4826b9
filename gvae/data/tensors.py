"""A graph as named dense tensors, as files hold them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.graph import is_sparse

EDGE_KEYS = ("edge_weight", "edge_time")


def graph_tensors(data: Data) -> dict[str, Tensor]:
    """Edges, features and labels by name; sparse features as the parts of their CSR form."""
    keys = ("edge_index", *EDGE_KEYS, "y")
    tensors = {key: data[key].contiguous() for key in keys if data.get(key) is not None}
    tensors["num_nodes"] = torch.tensor(data.num_nodes)
    x = data.x
    if x is not None and is_sparse(x):
        parts = {"crow": x.crow_indices(), "col": x.col_indices(), "values": x.values()}
        tensors |= {f"x.{name}": part.contiguous() for name, part in parts.items()}
        tensors["x.size"] = torch.tensor(x.shape)
    elif x is not None:
        tensors["x"] = x.contiguous()
    return tensors


def graph_from_tensors(tensors: Mapping[str, Tensor]) -> Data:
    """The graph of `graph_tensors`."""
    data = Data(num_nodes=int(tensors["num_nodes"]))
    for key in ("edge_index", *EDGE_KEYS, "y", "x"):
        if key in tensors:
            data[key] = tensors[key]
    if "x.size" in tensors:
        crow, col, values = (tensors[f"x.{name}"] for name in ("crow", "col", "values"))
        data.x = torch.sparse_csr_tensor(
            crow, col, values, size=tensors["x.size"].tolist(), check_invariants=True
        )
    return data


def graph_hash(data: Data) -> str:
    """SHA-256 of a graph: its ids, edges, weights, features and labels."""
    found = hashlib.sha256(json.dumps(data.get("node_ids")).encode())
    for name, tensor in sorted(graph_tensors(data).items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()
