"""Personalised PageRank of undirected graphs, up to a tolerance."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

BLOCK = 1 << 19
"""Numbers in a block of sources, N x B: what a cache holds; but at least 16 sources."""


class PageRank:
    """Personalised PageRank: where a walk from s is that goes back to s with chance a before each step.

    ``pi_s = a e_s + (1 - a) A D^-1 pi_s``. With ``S = D^-1/2 A D^-1/2`` and ``c = 1 - a`` it is
    ``a D^1/2 (I - c S)^-1 D^-1/2 e_s``. The eigenvalues of S lie in [-1, 1], where the inverse has the
    Chebyshev series ::

        1 / (1 - c x) = (1 + 2 sum_k rho^k T_k(x)) / sqrt(1 - c^2),   rho = (1 - sqrt(1 - c^2)) / c,

    cut where the rest is below the tolerance. At a = 0.15 a term shrinks the rest by rho = 0.56, a step of
    the power iteration by 0.85. A node without an edge keeps its walk: ``pi_s = e_s``.

    Parameters
    ----------
    adjacency
        A, symmetric, sparse CSR, shape ``(N, N)``.
    teleport
        a, in (0, 1).
    tolerance
        Bound on the error of ``pi_s(j) sqrt(d_s / d_j)`` by cutting the series; the sums are in float32.
    """

    def __init__(
        self, adjacency: sparse.csr_array, *, teleport: float = 0.15, tolerance: float = 1e-10
    ) -> None:
        degree = np.diff(adjacency.indptr)
        alone = sparse.diags_array((degree == 0).astype(float))  # a self-loop: the walk stays
        root = np.sqrt(np.maximum(degree, 1))
        scale = sparse.diags_array(1 / root)
        matrix = (scale @ (adjacency + alone) @ scale).tocsr().astype(np.float32)
        rows, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
        self._matrix = torch.sparse_csr_tensor(rows, columns, values, matrix.shape)
        self._root = torch.from_numpy(root.astype(np.float32))
        self._series = _Series(teleport, tolerance)

    def rows(self, nodes: Tensor) -> Tensor:
        """``pi_s`` of each of ``nodes`` ``(B,)``, shape ``(B, N)``, float32; each row sums to 1."""
        found = torch.empty(nodes.numel(), self._root.numel())
        for part in self._slices(nodes.numel()):
            found[part] = self._solve(nodes[part]) * self._root / self._root[nodes[part], None]
        return found

    def pairs(self, pairs: Tensor) -> Tensor:
        """``pi_i(j) + pi_j(i)`` of each pair ``(2, P)``, shape ``(P,)``, float32.

        One end as the source gives both, for ``d_i pi_i(j) = d_j pi_j(i)``.
        """
        src, dst = _few_sources(pairs, self._root.numel())
        ratio = self._root[dst] / self._root[src]
        sources, row = torch.unique(src, return_inverse=True)
        order = torch.argsort(row)
        scores = torch.empty(src.numel())
        for part in self._slices(sources.numel()):
            first, last = torch.searchsorted(row[order], torch.tensor([part.start, part.stop])).tolist()
            chosen = order[first:last]
            scores[chosen] = self._solve(sources[part])[row[chosen] - part.start, dst[chosen]]
        return scores * (ratio + 1 / ratio)

    def _slices(self, count: int) -> list[slice]:
        size = max(16, BLOCK // max(1, self._root.numel()))
        return [slice(start, start + size) for start in range(0, count, size)]

    def _solve(self, sources: Tensor) -> Tensor:
        """``a (I - c S)^-1 e_s`` of each source, shape ``(B, N)``."""
        rho = self._series.rho
        unit = torch.zeros(self._root.numel(), sources.numel())
        unit[sources, torch.arange(sources.numel())] = 1
        # rho^k T_k(S) e_s, k = 0 and 1, (N, B); T_{k+1} = 2 S T_k - T_{k-1}.
        before, now = unit, rho * (self._matrix @ unit)
        total = unit + 2 * now
        for _ in range(self._series.terms - 1):
            before, now = now, torch.addmm(before, self._matrix, now, beta=-(rho**2), alpha=2 * rho)
            total.add_(now, alpha=2)
        return total.mul_(self._series.scale).t()


class _Series:
    """The Chebyshev series of ``a / (1 - (1 - a) x)``.

    Parameters
    ----------
    rho
        Ratio of its coefficients ``scale (1, 2 rho, 2 rho^2, ...)``.
    terms
        Largest k, so that ``2 scale sum_{l > k} rho^l`` is below the tolerance; |T_k| <= 1.
    """

    def __init__(self, teleport: float, tolerance: float) -> None:
        c = 1 - teleport
        root = math.sqrt(1 - c**2)
        self.rho = (1 - root) / c
        self.scale = teleport / root
        self.terms = max(1, math.ceil(math.log(tolerance * (1 - self.rho) / (2 * self.scale), self.rho)) - 1)


def _few_sources(pairs: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """The pairs' ends, that one first which is in more of the pairs."""
    count = torch.bincount(pairs.flatten(), minlength=num_nodes)
    rank = torch.argsort(torch.argsort(count, stable=True))
    swap = rank[pairs[0]] < rank[pairs[1]]
    return torch.where(swap, pairs[1], pairs[0]), torch.where(swap, pairs[0], pairs[1])
