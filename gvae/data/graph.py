"""One validated form of a graph: symmetric and coalesced edges, features dense or sparse as they are."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, remove_self_loops, to_undirected

from gvae.errors import InputError

SPARSE_BELOW = 0.25
"""Features with a smaller share of non-zeros are kept as sparse CSR, whose products are then the faster."""

with warnings.catch_warnings():
    # Torch says once a process that CSR is in beta and that its invariants go unchecked; said here, unheard.
    warnings.simplefilter("ignore")
    torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (1, 1)).to_sparse_csr()


def make_graph(
    edge_index: Tensor,
    num_nodes: int,
    *,
    x: Tensor | None = None,
    y: Tensor | None = None,
    directed: bool = False,
) -> Data:
    """Build a validated graph.

    Self-loops are dropped and repeated edges merged; isolated nodes are kept.

    Parameters
    ----------
    edge_index
        Integer node indices, shape ``(2, E)``; each edge in either or both directions.
    num_nodes
        Number of nodes N, isolated ones included.
    x
        Node features ``(N, D)``, dense, COO or CSR; stored in torch's default float type, as CSR when mostly
        zero. ``None``: featureless.
    y
        Node labels ``(N,)``.
    directed
        Keep the directions; by default the edges are made symmetric.

    Returns
    -------
    torch_geometric.data.Data
        ``edge_index`` sorted and coalesced, symmetric unless ``directed``; ``num_nodes`` always set.

    Raises
    ------
    InputError
        For a wrong shape or type, an index out of range, features that are not finite.
    """
    check_edge_index(edge_index, num_nodes)
    edge_index, _ = remove_self_loops(edge_index)
    symmetric = coalesce if directed else to_undirected
    data = Data(edge_index=symmetric(edge_index, num_nodes=num_nodes), num_nodes=num_nodes)
    if x is not None:
        data.x = _checked_features(x, num_nodes)
    if y is not None:
        if y.shape != (num_nodes,):
            raise InputError(f"y must have shape ({num_nodes},), got {tuple(y.shape)}")
        data.y = y
    return data


def check_edge_index(edge_index: Tensor, num_nodes: int) -> None:
    """Raise ``InputError`` unless ``edge_index`` is integer, of shape (2, E), with indices in [0, N)."""
    if not isinstance(edge_index, Tensor):
        raise InputError(f"edge_index must be a torch.Tensor, got {type(edge_index).__name__}")
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise InputError(f"edge_index must have shape (2, E), got {tuple(edge_index.shape)}")
    if edge_index.dtype != torch.long:
        raise InputError(f"edge_index must hold int64 node indices, got {edge_index.dtype}")
    if edge_index.numel() and not (int(edge_index.min()) >= 0 and int(edge_index.max()) < num_nodes):
        raise InputError(
            f"edge_index must hold node indices from 0 to {num_nodes - 1}, "
            f"got {int(edge_index.min())} to {int(edge_index.max())}"
        )


def unique_edges(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Each undirected edge once, as ``(2, E)`` with src < dst, sorted; self-loops dropped."""
    low, high = edge_index.min(0).values, edge_index.max(0).values
    keep = low < high
    codes = torch.unique(low[keep] * num_nodes + high[keep])
    return torch.stack([codes // num_nodes, codes % num_nodes])


def both_directions(edges: Tensor) -> Tensor:
    """Edges ``(2, E)``, each given once, in both directions: ``(2, 2 E)``."""
    return torch.cat([edges, edges.flip(0)], dim=1)


def is_sparse(x: Tensor) -> bool:
    """Whether ``x`` has the one sparse layout used here, CSR."""
    return x.layout == torch.sparse_csr


def _checked_features(x: Tensor, num_nodes: int) -> Tensor:
    if x.dim() != 2 or x.size(0) != num_nodes:
        raise InputError(f"x must have shape ({num_nodes}, D), one row a node, got {tuple(x.shape)}")
    if x.layout not in (torch.strided, torch.sparse_coo, torch.sparse_csr):
        raise InputError(f"x must be dense, COO or CSR, got {x.layout}")
    x = x.to(torch.get_default_dtype())
    if x.layout == torch.sparse_coo:
        x = x.to_sparse_csr()
    values = x.values() if is_sparse(x) else x
    if not torch.isfinite(values).all():
        raise InputError("x must be finite, got NaN or infinite features")
    if is_sparse(x) or int(x.count_nonzero()) >= SPARSE_BELOW * x.numel():
        return x
    return x.to_sparse_csr()
