"""Similarities of node pairs from edges or features alone: nothing is learned.

A is the adjacency matrix without weights, d the degrees, N(i) the neighbours of i.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from gvae.data.graph import as_scipy, check_edge_index
from gvae.data.pagerank import PageRank
from gvae.errors import InputError, UnknownNameError

BLOCK = 1 << 22
"""Numbers that a block of pairs may hold at once."""

BETA = 0.005
"""Katz: what each further step of a walk counts, as in HeaRT's heuristics (Li et al. 2023)."""

SPECTRAL_DIM = 64
"""Eigenvectors of the spectral similarity beyond the connected parts' own, or a quarter of the nodes.

Of 16, 32 and 64 the best mean AUC on validation edges of Cora, CiteSeer and PubMed."""

NCV, TOL = 80, 1e-4
"""Lanczos vectors, and the relative error of the eigenvalues."""

SMALL = 256
"""Nodes up to which all eigenvectors are computed."""

ROUNDING = 1e-8
"""Length below which a row of eigenvectors is zero."""


class Similarity(Protocol):
    """A symmetric score of node pairs; the higher, the more alike."""

    def rows(self, nodes: Tensor) -> Tensor:
        """Similarity of each of ``nodes`` ``(B,)`` with all nodes, ``(B, N)``."""
        ...

    def pairs(self, pairs: Tensor) -> Tensor:
        """Similarity of each pair ``(2, P)``, shape ``(P,)``; memory grows with P, never with N x N."""
        ...


class Walks:
    """Scores ``(L A)_ij`` for a sparse L that is known by blocks of rows: sums over the neighbours of j.

    Parameters
    ----------
    adjacency
        A, sparse, shape ``(N, N)``.
    left
        From nodes ``(B,)`` to their rows of L, sparse ``(B, N)``.
    cost
        Bound on the non-zeros of each row of L, shape ``(N,)``: it sets the length of the blocks.
    """

    def __init__(
        self,
        adjacency: sparse.csr_array,
        left: Callable[[NDArray[np.int64]], sparse.csr_array],
        cost: NDArray[np.int64],
    ) -> None:
        self._adjacency, self._left, self._cost = adjacency, left, cost

    def rows(self, nodes: Tensor) -> Tensor:
        """See `Similarity.rows`."""
        return torch.from_numpy((self._left(nodes.numpy()) @ self._adjacency).toarray())

    def pairs(self, pairs: Tensor) -> Tensor:
        """See `Similarity.pairs`."""
        src, dst = pairs.numpy()
        # The score is symmetric: L's row is taken for the end where it is shorter.
        swap = self._cost[src] > self._cost[dst]
        src, dst = np.where(swap, dst, src), np.where(swap, src, dst)
        scores = np.zeros(src.size)
        for part in blocks(self._cost[src] + np.diff(self._adjacency.indptr)[dst], BLOCK):
            product = self._left(src[part]).multiply(self._adjacency[dst[part]])
            scores[part] = product.sum(axis=1)
        return torch.from_numpy(scores)


class Products:
    """Scores ``z_i . z_j`` of rows of Z, dense or sparse.

    Parameters
    ----------
    z
        Shape ``(N, D)``.
    """

    def __init__(self, z: NDArray[np.floating] | sparse.csr_array) -> None:
        self._z = z

    def rows(self, nodes: Tensor) -> Tensor:
        """See `Similarity.rows`."""
        product = self._z[nodes.numpy()] @ self._z.T
        return torch.from_numpy(product.toarray() if sparse.issparse(product) else product)

    def pairs(self, pairs: Tensor) -> Tensor:
        """See `Similarity.pairs`."""
        src, dst = pairs.numpy()
        scores = np.zeros(src.size)
        for part in blocks(np.full(src.size, max(1, self._z.shape[1])), BLOCK):
            scores[part] = (self._z[src[part]] * self._z[dst[part]]).sum(axis=1)
        return torch.from_numpy(scores)


def blocks(cost: NDArray[np.int64], budget: int) -> Iterator[slice]:
    """Runs of items whose costs add up to about ``budget``; at least one item each."""
    group = np.cumsum(cost) // budget
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    for start, stop in itertools.pairwise([*starts.tolist(), cost.size]):
        yield slice(start, stop)


def make_similarity(name: str, edge_index: Tensor, num_nodes: int, x: Tensor | None = None) -> Similarity:
    """Make a similarity of a graph's node pairs.

    Parameters
    ----------
    name
        One of `SIMILARITIES`.
    edge_index
        Edges in both directions without self-loops and repetitions, shape ``(2, E)``.
    num_nodes
        Number of nodes N, isolated ones included.
    x
        Features ``(N, D)``, dense or sparse CSR; only ``"cosine"`` needs them.

    Returns
    -------
    Similarity
        On the CPU; its scores are float64, PageRank's float32.

    Raises
    ------
    UnknownNameError
        If there is no such similarity.
    InputError
        For a wrong ``edge_index``, or ``"cosine"`` without features.
    """
    if name not in SIMILARITIES:
        raise UnknownNameError.of("similarity", name, SIMILARITIES)
    check_edge_index(edge_index, num_nodes)
    src, dst = edge_index.cpu().numpy()
    adjacency = sparse.csr_array((np.ones(src.size), (src, dst)), shape=(num_nodes, num_nodes))
    return SIMILARITIES[name](adjacency, x)


def _weighted_neighbours(weight: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Builder:
    """``sum_{k in N(i) & N(j)} w(d_k)``."""

    def make(adjacency: sparse.csr_array, x: Tensor | None) -> Similarity:
        degree = np.diff(adjacency.indptr)
        weighted = adjacency @ sparse.diags_array(weight(degree.astype(float)))
        return Walks(adjacency, lambda nodes: weighted[nodes], degree)

    return make


def _inverse_log(degree: NDArray[np.float64]) -> NDArray[np.float64]:
    # A node of degree 1 is no common neighbour of two nodes: it counts 0.
    inverse = np.zeros_like(degree)
    return np.divide(1, np.log(np.maximum(degree, 1)), out=inverse, where=degree > 1)


def _inverse(degree: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1, degree, out=np.zeros_like(degree), where=degree > 0)


def _preferential_attachment(adjacency: sparse.csr_array, x: Tensor | None) -> Similarity:
    return Products(np.diff(adjacency.indptr).astype(float)[:, None])


def _katz(adjacency: sparse.csr_array, x: Tensor | None) -> Similarity:
    degree = np.diff(adjacency.indptr)
    identity = sparse.eye_array(adjacency.shape[0], format="csr")

    def left(nodes: NDArray[np.int64]) -> sparse.csr_array:
        first = adjacency[nodes]
        return BETA * identity[nodes] + BETA**2 * first + BETA**3 * (first @ adjacency)

    return Walks(adjacency, left, 1 + degree + (adjacency @ degree).astype(np.int64))


def _pagerank(adjacency: sparse.csr_array, x: Tensor | None) -> Similarity:
    return PageRank(adjacency)


def _spectral(adjacency: sparse.csr_array, x: Tensor | None) -> Similarity:
    """Cosine of rows of U, the top eigenvectors of S = D^-1/2 A D^-1/2 (Ng, Jordan and Weiss 2001).

    Each connected part C has the eigenvector sqrt(d / vol C), of eigenvalue 1. A sparse graph has hundreds of
    parts, among which an eigensolver would choose by the whim of rounding: all of them are in U, and 64
    further ones.
    """
    degree: NDArray[np.float64] = np.diff(adjacency.indptr).astype(np.float64)
    scale = sparse.diags_array(np.sqrt(_inverse(degree)))
    count, part = connected_components(adjacency, directed=False)
    volume: NDArray[np.float64] = np.bincount(part, weights=degree, minlength=count).astype(np.float64)
    trivial = np.sqrt(degree * _inverse(volume)[part])
    by_part = sparse.csr_array((trivial, (np.arange(part.size), part)), shape=(part.size, count))
    vectors = _top_eigenvectors((scale @ adjacency @ scale).tocsr(), by_part)
    return Products(_unit_rows(sparse.hstack([by_part, sparse.csr_array(vectors)], format="csr")))


def _top_eigenvectors(matrix: sparse.csr_array, known: sparse.csr_array) -> NDArray[np.float64]:
    """Eigenvectors of M's largest eigenvalues, ``(N, k)``, orthogonal to the known ones, ``(N, C)``."""
    num_nodes = matrix.shape[0]
    count = min(SPECTRAL_DIM, num_nodes // 4)
    back = known.T.tocsr()
    if num_nodes <= SMALL:
        values, vectors = np.linalg.eigh((matrix - known @ back).toarray())
        values, vectors = values[num_nodes - count :], vectors[:, num_nodes - count :]
    else:
        operator = LinearOperator(
            matrix.shape, matvec=lambda v: matrix @ v - known @ (back @ v), dtype=np.float64
        )
        start = np.random.default_rng(0).standard_normal(num_nodes)
        values, vectors = eigsh(operator, k=count, which="LA", v0=start, ncv=NCV, tol=TOL)
    vectors = vectors[:, values > ROUNDING]
    # A node outside of the eigenvectors' parts has zeros there, up to rounding.
    within = np.linalg.norm(vectors, axis=1, keepdims=True) > ROUNDING
    kept: NDArray[np.float64] = np.where(within, vectors, 0)
    return kept


def _cosine(adjacency: sparse.csr_array, x: Tensor | None) -> Similarity:
    if x is None:
        raise InputError("cosine needs node features; the graph has none")
    return Products(_unit_rows(as_scipy(x.detach().cpu().double())))


def _unit_rows(z: sparse.csr_array) -> sparse.csr_array:
    """Rows of length 1; those that are zero stay zero."""
    norm = np.sqrt(z.multiply(z).sum(axis=1))
    return (sparse.diags_array(_inverse(norm)) @ z).tocsr()


Builder = Callable[[sparse.csr_array, Tensor | None], Similarity]

SIMILARITIES: dict[str, Builder] = {
    "common-neighbours": _weighted_neighbours(np.ones_like),
    "adamic-adar": _weighted_neighbours(_inverse_log),
    "resource-allocation": _weighted_neighbours(_inverse),
    "preferential-attachment": _preferential_attachment,
    "katz": _katz,
    "pagerank": _pagerank,
    "spectral": _spectral,
    "cosine": _cosine,
}
