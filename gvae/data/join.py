"""Two graphs as one, joined by the ids of their nodes."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.graph import is_sparse, make_graph
from gvae.data.nodes import node_ids, positions
from gvae.errors import InputError


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
