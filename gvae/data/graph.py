"""One validated form of a graph: symmetric and coalesced edges, features dense or sparse as they are."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import is_undirected

from gvae.data.checks import check_features, check_weight
from gvae.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SPARSE_BELOW = 0.25
"""Features with a smaller share of non-zeros are kept as sparse CSR, whose products are then the faster."""

MAX_NODES = 3_037_000_499
"""So that ``src N + dst`` fits in 64 bits."""

with warnings.catch_warnings():
    # Torch says once a process that CSR is in beta and that its invariants go unchecked; said here, unheard.
    warnings.simplefilter("ignore")
    torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (1, 1)).to_sparse_csr()


@dataclass(frozen=True)
class EdgeSet:
    """Edges without self-loops and repetitions, sorted, and how many of those there were.

    Parameters
    ----------
    edge_index
        Shape ``(2, E)``; both directions of each edge, unless directed.
    weight, time
        Shape ``(E,)``, or ``None``.
    self_loops, repeats
        Rows that were dropped, and rows that were merged into others.
    """

    edge_index: Tensor
    weight: Tensor | None
    time: Tensor | None
    self_loops: int
    repeats: int


def make_graph(
    edge_index: Tensor,
    num_nodes: int,
    *,
    x: Tensor | None = None,
    y: Tensor | None = None,
    edge_weight: Tensor | None = None,
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
    edge_weight
        Weights ``(E,)``, finite and >= 0; summed where edges are merged, see `merge_edges`.
    directed
        Keep the directions; by default the edges are made symmetric.

    Returns
    -------
    torch_geometric.data.Data
        ``edge_index`` sorted and coalesced, symmetric unless ``directed``; ``num_nodes`` always set.

    Raises
    ------
    InputError
        For a wrong shape or type, an index out of range, features or weights that are not finite.
    """
    check_edge_index(edge_index, num_nodes)
    if edge_weight is not None:
        check_weight(edge_weight, edge_index)
    return graph_of(
        merge_edges(edge_index, num_nodes, weight=edge_weight, directed=directed), num_nodes, x, y
    )


def graph_of(edges: EdgeSet, num_nodes: int, x: Tensor | None = None, y: Tensor | None = None) -> Data:
    """A graph of merged edges with features and labels, which are checked; see `make_graph`."""
    data = Data(edge_index=edges.edge_index, num_nodes=num_nodes)
    if x is not None:
        data.x = _checked_features(x, num_nodes)
    if y is not None:
        if y.shape != (num_nodes,):
            raise InputError(f"y must have shape ({num_nodes},), got {tuple(y.shape)}")
        data.y = y
    if edges.weight is not None:
        data.edge_weight = edges.weight.to(torch.get_default_dtype())
        check_weight(data.edge_weight, data.edge_index)  # large ones can overflow in sums and in this type
    if edges.time is not None:
        data.edge_time = edges.time
    return data


def merge_edges(
    edge_index: Tensor,
    num_nodes: int,
    *,
    weight: Tensor | None = None,
    time: Tensor | None = None,
    directed: bool = False,
) -> EdgeSet:
    """Drop self-loops and merge rows of the same edge: weights are summed, of times the earliest is kept.

    Undirected, (a, b) and (b, a) are rows of the same edge, with one exception: a list that holds every edge
    in both directions, with equal weights and times, is symmetric, not repeated: its weights stay.

    Parameters
    ----------
    edge_index
        Shape ``(2, E)``, int64.
    num_nodes
        Number of nodes N.
    weight, time
        Shape ``(E,)``.
    directed
        Keep the directions.
    """
    keep = edge_index[0] != edge_index[1]
    src, dst = edge_index[:, keep]
    rows = _Rows(src * num_nodes + dst, _at(weight, keep), _at(time, keep))
    rows = rows.merged() if directed else rows.undirected(num_nodes)
    pairs = torch.stack([rows.codes // num_nodes, rows.codes % num_nodes])
    stored = rows.codes.numel() // (1 if directed or rows.symmetric else 2)
    return EdgeSet(pairs, rows.weight, rows.time, int((~keep).sum()), src.numel() - stored)


@dataclass(frozen=True)
class _Rows:
    """Ordered pairs as codes ``src N + dst``, with what belongs to them."""

    codes: Tensor
    weight: Tensor | None
    time: Tensor | None
    symmetric: bool = False

    def merged(self) -> _Rows:
        """Each code once, sorted."""
        if self.weight is None and self.time is None:
            return _Rows(torch.unique(self.codes), None, None)
        codes, row = torch.unique(self.codes, return_inverse=True)
        weight = self.weight
        if weight is not None:
            weight = torch.zeros(codes.numel(), dtype=weight.dtype).index_add_(0, row, weight)
        time = self.time
        if time is not None:
            time = time.new_full((codes.numel(),), torch.inf).scatter_reduce_(0, row, time, "amin")
        return _Rows(codes, weight, time)

    def is_symmetric(self, num_nodes: int) -> bool:
        """Whether merged rows hold each pair in both directions, with equal weights and times."""
        reverse, order = torch.sort(self.codes % num_nodes * num_nodes + self.codes // num_nodes)
        return torch.equal(reverse, self.codes) and all(
            values is None or torch.equal(values, values[order]) for values in (self.weight, self.time)
        )

    def undirected(self, num_nodes: int) -> _Rows:
        """Both directions of each edge, sorted; what is symmetric already stays."""
        src, dst = self.codes // num_nodes, self.codes % num_nodes
        if 2 * int((src < dst).sum()) == self.codes.numel() and (rows := self.merged()).is_symmetric(
            num_nodes
        ):
            return replace(rows, symmetric=True)
        low, high = torch.minimum(src, dst), torch.maximum(src, dst)
        once = _Rows(low * num_nodes + high, self.weight, self.time).merged()
        low, high = once.codes // num_nodes, once.codes % num_nodes
        codes, order = torch.sort(torch.cat([once.codes, high * num_nodes + low]))
        edge = order % once.codes.numel() if once.codes.numel() else order
        return _Rows(codes, _at(once.weight, edge), _at(once.time, edge))


def _at(values: Tensor | None, index: Tensor) -> Tensor | None:
    return None if values is None else values[index]


def check_edge_index(edge_index: Tensor, num_nodes: int) -> None:
    """Raise ``InputError`` unless ``edge_index`` is integer, of shape (2, E), with indices in [0, N)."""
    if not isinstance(edge_index, Tensor):
        raise InputError(f"edge_index must be a torch.Tensor, got {type(edge_index).__name__}")
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise InputError(f"edge_index must have shape (2, E), got {tuple(edge_index.shape)}")
    if edge_index.dtype != torch.long:
        raise InputError(f"edge_index must hold int64 node indices, got {edge_index.dtype}")
    if num_nodes > MAX_NODES:
        raise InputError(f"a graph must have at most {MAX_NODES:,} nodes, got {num_nodes:,}")
    if edge_index.numel() and not (int(edge_index.min()) >= 0 and int(edge_index.max()) < num_nodes):
        raise InputError(
            f"edge_index must hold node indices from 0 to {num_nodes - 1}, "
            f"got {int(edge_index.min())} to {int(edge_index.max())}"
        )


def unique_edges(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Each undirected edge once, as ``(2, E)`` with src < dst, sorted; self-loops dropped."""
    edges = edge_index[:, edge_index[0] != edge_index[1]]
    codes = torch.unique(pair_codes(edges, num_nodes))
    return torch.stack([codes // num_nodes, codes % num_nodes])


def pair_codes(pairs: Tensor, num_nodes: int) -> Tensor:
    """A number for each node pair ``(2, ...)``, the same in both directions: ``low N + high``, ``(...)``."""
    return pairs.amin(0) * num_nodes + pairs.amax(0)


def among(pairs: Tensor, edges: Tensor, num_nodes: int) -> Tensor:
    """Which pairs ``(2, P)`` are among the edges ``(2, E)``, in either direction, shape ``(P,)``."""
    return torch.isin(pair_codes(pairs, num_nodes), pair_codes(edges, num_nodes))


def both_directions(edges: Tensor) -> Tensor:
    """Edges ``(2, E)``, each given once, in both directions: ``(2, 2 E)``."""
    return torch.cat([edges, edges.flip(0)], dim=1)


def is_sparse(x: Tensor) -> bool:
    """Whether ``x`` has the one sparse layout used here, CSR."""
    return x.layout == torch.sparse_csr


def _checked_features(x: Tensor, num_nodes: int) -> Tensor:
    if x.layout not in (torch.strided, torch.sparse_coo, torch.sparse_csr):
        raise InputError(f"x must be dense, COO or CSR, got {x.layout}")
    x = x.to(torch.get_default_dtype())
    if x.layout == torch.sparse_coo:
        x = x.to_sparse_csr()
    check_features(x, num_nodes)
    if is_sparse(x) or int(x.count_nonzero()) >= SPARSE_BELOW * x.numel():
        return x
    return x.to_sparse_csr()


def density(data: Data) -> float:
    """Share of the N (N - 1) / 2 node pairs that are edges of an undirected graph."""
    num_nodes = int(data.num_nodes or 0)
    return float(data.num_edges / (num_nodes * (num_nodes - 1)))


def is_symmetric(data: Data) -> bool:
    """Whether a graph has both directions of each edge, with equal weights and times."""
    values = [data[key] for key in ("edge_weight", "edge_time") if data.get(key) is not None]
    return bool(is_undirected(data.edge_index, values or None, num_nodes=data.num_nodes))


def num_non_edges(data: Data) -> int:
    """Number of node pairs that are not edges of an undirected graph."""
    num_nodes = int(data.num_nodes or 0)
    return num_nodes * (num_nodes - 1) // 2 - int(data.num_edges) // 2


def as_undirected(data: Data) -> Data:
    """The graph itself if it is undirected, or else a copy with both directions of each edge."""
    if is_symmetric(data):
        return data
    symmetric = make_graph(data.edge_index, int(data.num_nodes or 0), edge_weight=data.get("edge_weight"))
    for key, value in data.to_dict().items():
        if not key.startswith("edge_"):
            symmetric[key] = value
    return symmetric


def without_features(data: Data) -> Data:
    """A shallow copy of a graph whose ``x`` is ``None``."""
    bare = copy.copy(data)
    bare.x = None
    return bare


def without_isolated(data: Data) -> Data:
    """The graph without nodes that have no edge; the graph itself if there are none.

    The nodes that stay keep their order, features, labels and ids (``node_ids``; their old indices where the
    graph had none).
    """
    num_nodes = int(data.num_nodes or 0)
    keep = torch.zeros(num_nodes, dtype=torch.bool)
    keep[data.edge_index.flatten()] = True
    if keep.all():
        return data
    nodes = keep.nonzero().view(-1)
    smaller = Data(num_nodes=len(nodes), edge_index=(keep.cumsum(0) - 1)[data.edge_index])
    ids = data.get("node_ids") or range(num_nodes)
    smaller.node_ids = [ids[node] for node in nodes.tolist()]
    for key, value in data.to_dict().items():
        if key.startswith("edge_") and key != "edge_index":
            smaller[key] = value
    if data.x is not None:
        smaller.x = select_rows(data.x, nodes)
    if data.y is not None:
        smaller.y = data.y[nodes]
    return smaller


def as_scipy(x: Tensor) -> csr_array:
    """A dense or sparse CSR matrix on the CPU as SciPy's CSR."""
    from scipy.sparse import csr_array

    if not is_sparse(x):
        return csr_array(x.numpy())
    parts = x.values().numpy(), x.col_indices().numpy(), x.crow_indices().numpy()
    return csr_array(parts, shape=tuple(x.shape))


def select_rows(x: Tensor, rows: Tensor) -> Tensor:
    """Rows of a dense or sparse CSR matrix, in the same layout."""
    if not is_sparse(x):
        return x.index_select(0, rows)
    chosen = as_scipy(x)[rows.numpy()]
    crow, col = (torch.from_numpy(part).long() for part in (chosen.indptr, chosen.indices))
    return torch.sparse_csr_tensor(crow, col, torch.from_numpy(chosen.data), size=chosen.shape)
