"""The most likely missing links: the highest logits among pairs that are not edges, never all N^2 at once."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.utils import add_self_loops, remove_self_loops, to_scipy_sparse_matrix, to_undirected

from gvae._optional import require
from gvae.config import require_int
from gvae.data.graph import check_edge_index
from gvae.errors import GvaeWarning, InputError, MissingPackageError
from gvae.layers import Decoder, InnerProductDecoder

BLOCK_LOGITS, MIN_BLOCK = 1 << 20, 16
"""Rows are taken so many that a block has 2^20 logits (4 MiB in float32), but at least 16."""

EXACT_UP_TO = 10**10
"""Pairs (asked nodes times nodes) that `top_per_node` scores one by one unless told otherwise: 100,000 nodes,
each asked, take half a minute to a few minutes on two cores."""

OVER_FETCH = 100
"""Partners beyond k that the approximate search fetches, so that known edges among them can be dropped."""

CELLS_SCANNED, POINTS_PER_CELL = 64, 39
"""Of 4 sqrt(N) cells so many are scanned; faiss asks for 39 points a cell, so small graphs have fewer."""


@dataclass(frozen=True)
class Ranking:
    """Node pairs, best first.

    Parameters
    ----------
    pairs
        Node indices, shape ``(2, P)``.
    scores
        Their logits, shape ``(P,)``.
    rank
        Place of each pair, from 1: overall, or among the pairs of its asked node; shape ``(P,)``.
    """

    pairs: Tensor
    scores: Tensor
    rank: Tensor


@dataclass(frozen=True, eq=False)
class Filters:
    """What a pair must be to be ranked, beside not being known.

    Parameters
    ----------
    min_score
        Least logit.
    max_degree
        Most known neighbours of a candidate: nodes with more are nobody's partner. A node that is asked for
        by `top_per_node` is answered whatever its own degree.
    sides
        0 or 1 for each node of a bipartite graph, shape ``(N,)``: only pairs across are ranked.

    Raises
    ------
    InputError
        If ``min_score`` is NaN, ``max_degree`` negative, or ``sides`` not of zeros and ones.
    """

    min_score: float | None = None
    max_degree: int | None = None
    sides: Tensor | None = None

    def __post_init__(self) -> None:
        if self.min_score is not None and self.min_score != self.min_score:
            raise InputError("min_score must be a number, got NaN")
        if self.max_degree is not None:
            require_int("max_degree", self.max_degree, at_least=0)
        if self.sides is not None and not ((self.sides == 0) | (self.sides == 1)).all():
            raise InputError("sides must hold 0 or 1 for each node")


NO_FILTERS = Filters()


@torch.no_grad()
def top_pairs(
    decoder: Decoder, z: Tensor, k: int, *, known: Tensor, filters: Filters = NO_FILTERS
) -> Ranking:
    """Find the k pairs with the highest logits among all that are neither known edges nor self-pairs.

    Exact, in O(N^2 D) time and O(block + k) memory: rows of logits are made block by block, and each block
    adds only what beats the k-th best so far.

    Parameters
    ----------
    decoder
        Its ``rows`` are asked for; of an asymmetric one, the logit from the lower to the higher node counts.
    z
        Embedding, shape ``(N, D)``.
    k
        How many pairs, at least 1.
    known
        Edges ``(2, E)`` that are left out in both directions, whichever is given.
    filters
        Which other pairs are left out; see `Filters`.

    Returns
    -------
    Ranking
        Pairs with src < dst; fewer than k where there are fewer candidates. Equal logits stand in the order
        of their node indices.

    Raises
    ------
    InputError
        If an argument cannot be used, or the logits are not finite.
    """
    k = min(require_int("k", k, at_least=1), math.comb(z.size(0), 2))
    candidates = _Candidates(decoder, z, known, filters)
    best = _Best(k, z)
    for start in range(0, len(candidates.partners), candidates.block):
        nodes = candidates.partners[start : start + candidates.block]
        first = int(nodes[0]) + 1  # src < dst: nothing before it is needed, and dst <= src only in a corner
        logits = candidates.logits(nodes)[:, first:]
        row, column = (logits > best.threshold).nonzero(as_tuple=True)
        pairs = torch.stack([nodes[row], column + first])
        upper = pairs[0] < pairs[1]
        best.offer(pairs[:, upper], logits[row, column][upper])
    pairs, scores = best.result()
    return Ranking(pairs, scores, torch.arange(1, len(scores) + 1, device=z.device))


@torch.no_grad()
def top_per_node(
    decoder: Decoder,
    z: Tensor,
    nodes: Tensor,
    k: int,
    *,
    known: Tensor,
    filters: Filters = NO_FILTERS,
    approximate: bool | None = False,
) -> Ranking:
    """Find for each asked node its k partners with the highest logits, known ones and itself left out.

    Exact by default, in O(B N D) time for B nodes and O(block + B k) memory. With ``approximate`` faiss
    searches: Bachrach et al. (2014) make of the largest ``z_i^T z_j`` the smallest distance between
    ``(z_i, 0)`` and ``(z_j, sqrt(max_n |z_n|^2 - |z_j|^2))``, and of the cells into which k-means parts these
    points the nearest 64 are scanned.

    Parameters
    ----------
    decoder
        Its ``rows`` are asked for, logits from the asked node to each other.
    z
        Embedding, shape ``(N, D)``.
    nodes
        Indices of the asked nodes, shape ``(B,)``.
    k
        How many partners a node, at least 1.
    known
        Edges ``(2, E)`` that are left out in both directions, whichever is given.
    filters
        Which other pairs are left out; see `Filters`.
    approximate
        Search by faiss (extra ``ann``), for `InnerProductDecoder` alone: in sub-quadratic time, but some
        partners may be missed, and a node may get fewer than k though it has k candidates, above all if it
        has many known edges. The search is seeded: on one machine the same question has the same answer.
        ``None``: where it pays, above `EXACT_UP_TO` pairs, if faiss is installed.

    Returns
    -------
    Ranking
        ``pairs[0]`` the asked nodes in their order, ``pairs[1]`` their partners, best first; fewer than k
        where a node has fewer candidates. Equal logits stand in the order of the partners' indices.

    Raises
    ------
    InputError
        If an argument cannot be used, or the logits are not finite.
    """
    k = min(require_int("k", k, at_least=1), z.size(0))
    _check_nodes(nodes, z.size(0))
    candidates = _Candidates(decoder, z, known, filters)
    if approximate is None:
        approximate = _worth_an_index(decoder, len(nodes) * z.size(0))
    search = _Approximate(candidates) if approximate else _Exact(candidates)
    # Filled in place: small tensors kept from each block would lie between the large ones and pin the heap.
    partners, scores = nodes.new_full((len(nodes), k), -1), z.new_zeros(len(nodes), k)
    for start in range(0, len(nodes), search.block):
        row, column, score = search(nodes[start : start + search.block], k)
        best, rank = _best_of_each_row(row, score, k)
        partners[start + row[best], rank] = column[best]
        scores[start + row[best], rank] = score[best].to(z.dtype)
    found = partners >= 0
    row, rank = found.nonzero(as_tuple=True)
    return Ranking(torch.stack([nodes[row], partners[found]]), scores[found], rank + 1)


def _worth_an_index(decoder: Decoder, num_pairs: int) -> bool:
    """Whether the approximate index pays and can be had; warns where it pays but is not installed."""
    if num_pairs <= EXACT_UP_TO or type(decoder) is not InnerProductDecoder:
        return False
    try:
        require("faiss", extra="ann")
    except MissingPackageError as error:
        warnings.warn(
            f"{num_pairs:,} pairs are scored, which takes long ({error})", GvaeWarning, stacklevel=5
        )
        return False
    return True


class _Candidates:
    """The pairs that may be ranked: their logits, and -inf in the place of all others."""

    def __init__(self, decoder: Decoder, z: Tensor, known: Tensor, filters: Filters) -> None:
        if not hasattr(decoder, "rows"):
            raise InputError(f"{type(decoder).__name__} has no rows(z, nodes), which a ranking needs")
        num_nodes = z.size(0)
        check_edge_index(known, num_nodes)
        self.decoder, self.z, self.min_score = decoder, z, filters.min_score
        self.block = max(MIN_BLOCK, BLOCK_LOGITS // max(num_nodes, 1))
        edges = to_undirected(remove_self_loops(known)[0], num_nodes=num_nodes)
        self.excluded = add_self_loops(edges, num_nodes=num_nodes)[0]  # (2, 2 E + N)
        self._excluded_rows = to_scipy_sparse_matrix(self.excluded, num_nodes=num_nodes).tocsr()
        degree = edges[0].bincount(minlength=num_nodes)
        self.is_partner = degree <= (num_nodes if filters.max_degree is None else filters.max_degree)  # (N,)
        self.partners = self.is_partner.nonzero().flatten()
        self.sides = filters.sides
        if self.sides is not None and self.sides.shape != (num_nodes,):
            raise InputError(f"sides must have shape ({num_nodes},), got {tuple(self.sides.shape)}")

    def logits(self, nodes: Tensor) -> Tensor:
        """Logits of some nodes ``(B,)`` with all nodes, shape ``(B, N)``; -inf for what is no candidate."""
        z = self.z
        logits = self.finite(self.decoder.rows(z, nodes))
        known = self._excluded_rows[nodes.cpu().numpy()].tocoo()
        row, column = (torch.from_numpy(index).long().to(z.device) for index in (known.row, known.col))
        # A copy from here on: what a decoder gives may be its own.
        logits = logits.index_put((row, column), logits.new_tensor(-math.inf))
        if len(self.partners) < len(self.is_partner):
            logits.masked_fill_(~self.is_partner, -math.inf)
        if self.sides is not None:
            logits.masked_fill_(self.sides[nodes, None] == self.sides, -math.inf)
        if self.min_score is not None:
            logits.masked_fill_(logits < self.min_score, -math.inf)
        return logits

    def finite(self, logits: Tensor) -> Tensor:
        """The logits themselves; InputError if one is NaN or infinite."""
        if logits.numel() and not torch.stack(logits.aminmax()).isfinite().all():
            raise InputError(
                f"{type(self.decoder).__name__} must give finite logits, got NaN or infinite ones"
            )
        return logits


class _Exact:
    """Candidates of each asked node, its k best among them, by all its logits."""

    def __init__(self, candidates: _Candidates) -> None:
        self._candidates = candidates
        self.block = candidates.block

    def __call__(self, nodes: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (positions in ``nodes``) in ascending order, columns and scores, each ``(P,)``."""
        logits = self._candidates.logits(nodes)
        kth = logits.topk(k, sorted=False).values.amin(dim=1, keepdim=True)
        # All that equals the k-th comes along, as topk would choose among equals as it likes.
        row, column = (logits >= kth.clamp(min=torch.finfo(logits.dtype).min)).nonzero(as_tuple=True)
        return row, column, logits[row, column]


class _Approximate:
    """Candidates of each asked node by inverted lists, one index for each side of the graph."""

    block = 4096

    def __init__(self, candidates: _Candidates) -> None:
        if type(candidates.decoder) is not InnerProductDecoder:  # a subclass may score otherwise
            raise InputError(
                f"approximate=True needs an InnerProductDecoder, got {type(candidates.decoder).__name__}"
            )
        self._candidates = candidates
        z, sides, allowed = candidates.z, candidates.sides, candidates.is_partner
        self._excluded: Tensor = (candidates.excluded[0] * z.size(0) + candidates.excluded[1]).sort().values
        # Who is on side s asks the index of the other side; without sides all are on side 0 and ask one.
        self._side = z.new_zeros(z.size(0)) if sides is None else sides
        shown = [allowed] if sides is None else [allowed & (sides == 1), allowed & (sides == 0)]
        self._partners = [mask.nonzero().flatten() for mask in shown]
        self._indexes = [_InvertedLists(candidates.finite(z[partners])) for partners in self._partners]

    def __call__(self, nodes: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (positions in ``nodes``) in ascending order, columns and scores, each ``(P,)``."""
        z, least = self._candidates.z, self._candidates.min_score
        found = self._nearest(nodes, k + OVER_FETCH).sort(dim=1).values
        row, column = (found >= 0).nonzero()[:, 0], found[found >= 0]
        score = self._candidates.finite(self._candidates.decoder(z, torch.stack([nodes[row], column])))
        keep = self._is_new(nodes[row], column) & (score >= (-math.inf if least is None else least))
        return row[keep], column[keep], score[keep]

    def _nearest(self, nodes: Tensor, count: int) -> Tensor:
        """Nodes found for each asked one, -1 where there are no more; shape ``(B, count)``."""
        found = nodes.new_full((len(nodes), count), -1)
        for side, (partners, index) in enumerate(zip(self._partners, self._indexes, strict=True)):
            mine = self._side[nodes] == side
            places = index.search(self._candidates.z[nodes[mine]], count)
            found[mine] = torch.cat([partners, partners.new_tensor([-1])])[places]  # place -1: the last
        return found

    def _is_new(self, src: Tensor, dst: Tensor) -> Tensor:
        codes = src * self._candidates.z.size(0) + dst
        place = torch.searchsorted(self._excluded, codes).clamp(max=len(self._excluded) - 1)
        return self._excluded[place] != codes


class _InvertedLists:
    """faiss's inverted lists on the points that make inner products distances (Bachrach et al. 2014)."""

    def __init__(self, z: Tensor) -> None:
        faiss = require("faiss", extra="ann")
        norms = z.square().sum(dim=1, keepdim=True)
        points = (
            torch.cat([z, (norms.max() - norms).sqrt()], dim=1) if len(z) else z.new_empty(0, z.size(1) + 1)
        )
        cells = max(1, min(4 * math.isqrt(len(z)), len(z) // POINTS_PER_CELL))
        self._index = faiss.index_factory(points.size(1), f"IVF{cells},Flat")
        self._index.cp.seed = 0
        self._index.nprobe = CELLS_SCANNED
        if len(z):
            self._index.train(_to_faiss(points))
            self._index.add(_to_faiss(points))

    def search(self, z: Tensor, count: int) -> Tensor:
        """Places of the nearest points, -1 where fewer were found; shape ``(B, count)``."""
        if not (len(z) and self._index.ntotal):
            return torch.full((len(z), count), -1, device=z.device)
        _, places = self._index.search(_to_faiss(torch.cat([z, z.new_zeros(len(z), 1)], dim=1)), count)
        return torch.from_numpy(places).to(z.device)


class _Best:
    """The k best of all pairs offered so far; among equals the first, so offer them in order."""

    def __init__(self, k: int, z: Tensor) -> None:
        self.threshold = -math.inf  # what is not above need not be offered
        self._k, self._size = k, 0
        # The k best and as many that wait; in one place, lest small tensors pin the heap between the blocks.
        self._pairs = torch.empty(2, 2 * k, dtype=torch.long, device=z.device)
        self._scores = z.new_empty(2 * k)

    def offer(self, pairs: Tensor, scores: Tensor) -> None:
        """Take up pairs ``(2, P)`` and their scores ``(P,)``."""
        if self._size + len(scores) > 2 * self._k:
            pairs, scores = self._sorted(pairs, scores)
            self.threshold = float(scores[-1])
            self._size = 0
        end = self._size + len(scores)
        self._pairs[:, self._size : end], self._scores[self._size : end] = pairs, scores
        self._size = end

    def result(self) -> tuple[Tensor, Tensor]:
        """Pairs ``(2, P)`` and scores ``(P,)``, best first, P <= k."""
        return self._sorted(self._pairs[:, :0], self._scores[:0])

    def _sorted(self, pairs: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        pairs = torch.cat([self._pairs[:, : self._size], pairs], dim=1)
        scores = torch.cat([self._scores[: self._size], scores])
        order = scores.sort(descending=True, stable=True).indices[: self._k]
        return pairs[:, order], scores[order]


def _best_of_each_row(row: Tensor, score: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Places of each row's k best, and their ranks from 0; of equals the first. ``row`` ascends."""
    order = score.sort(descending=True, stable=True).indices
    order = order[row[order].sort(stable=True).indices]
    rank = torch.arange(len(row), device=row.device) - torch.searchsorted(row, row)
    return order[rank < k], rank[rank < k]


def _check_nodes(nodes: Tensor, num_nodes: int) -> None:
    if nodes.dim() != 1 or nodes.dtype != torch.long:
        raise InputError(
            f"nodes must be int64 of shape (B,), got {nodes.dtype} of shape {tuple(nodes.shape)}"
        )
    if len(nodes) and not 0 <= int(nodes.min()) <= int(nodes.max()) < num_nodes:
        raise InputError(
            f"nodes must be from 0 to {num_nodes - 1}, got {int(nodes.min())} to {int(nodes.max())}"
        )


def _to_faiss(points: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(points.float().cpu().numpy())
