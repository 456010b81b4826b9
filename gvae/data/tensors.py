"""A graph as named dense tensors, as files hold them, and two graphs as one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.graph import is_sparse, make_graph
from gvae.data.nodes import node_ids, positions
from gvae.errors import InputError

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


def extend_graph(data: Data, more: Data) -> Data:
    """Add the nodes and edges of another graph, joined by id; what is known already stays as it is.

    Parameters
    ----------
    data
        The graph; its nodes keep their positions.
    more
        Its new nodes come after those, in their order; they need features if ``data`` has them.

    Returns
    -------
    torch_geometric.data.Data
        With ``node_ids``; no labels.

    Raises
    ------
    InputError
        If the new nodes lack features, or have another number of them.
    """
    ids, more_ids = node_ids(data), node_ids(more)
    place = positions(ids, more_ids)
    new = np.flatnonzero(place < 0)
    place[new] = len(ids) + np.arange(len(new))
    total = len(ids) + len(new)
    added = torch.from_numpy(place)[more.edge_index]
    codes = data.edge_index[0] * total + data.edge_index[1]
    fresh = ~torch.isin(added[0] * total + added[1], codes)
    weight = None
    if data.get("edge_weight") is not None:
        weights = more.get("edge_weight")
        weight = torch.cat(
            [data.edge_weight, (torch.ones(len(fresh)) if weights is None else weights)[fresh]]
        )
    joined = make_graph(
        torch.cat([data.edge_index, added[:, fresh]], dim=1),
        total,
        x=_extended_features(data.x, more.x, torch.from_numpy(new)),
        edge_weight=weight,
    )
    fresh_ids = more_ids[new]
    if ids.dtype != fresh_ids.dtype:
        ids, fresh_ids = ids.cast(pl.String), fresh_ids.cast(pl.String)
    joined.node_ids = pl.concat([ids, fresh_ids]).to_list()
    return joined


def _extended_features(x: Tensor | None, more: Tensor | None, new: Tensor) -> Tensor | None:
    if x is None or not len(new):
        return x
    if more is None or more.size(1) != x.size(1):
        found = "none" if more is None else more.size(1)
        raise InputError(f"new nodes must have the {x.size(1)} features of the others, got {found}")
    if not (is_sparse(x) or is_sparse(more)):
        return torch.cat([x, more[new]])
    return torch.cat([_coo(x), _coo(more).index_select(0, new)])


def _coo(x: Tensor) -> Tensor:
    sparse: Tensor = x.to_sparse_coo()  # type: ignore[no-untyped-call]
    return sparse
