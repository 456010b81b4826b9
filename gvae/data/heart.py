"""Hard negatives: every edge gets candidates of its own, the nodes most similar to either of its ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from gvae.data.graph import among, both_directions, check_edge_index
from gvae.data.similarity import Similarity, make_similarity
from gvae.data.splits import CANDIDATES
from gvae.errors import InputError

HEART = ("resource-allocation", "pagerank", "cosine")
"""HeaRT's similarities; without features the last is left out."""

BLOCK = 2**20
"""Scores worked on at a time: small enough for the caches, about 100 MB in all."""


def hard_negatives(
    positives: Tensor,
    similarities: Sequence[Similarity],
    known: Tensor,
    num_nodes: int,
    *,
    generator: torch.Generator,
    candidates: int = CANDIDATES,
    block: int = BLOCK,
) -> Tensor:
    """Choose the hardest negatives of each edge, as HeaRT does.

    Edge (s, t) is to be told from pairs (s, c) and (c, t). For each end, each similarity ranks all nodes c
    but the end's neighbours, the end itself and the edge's other end, by their similarity x(c) with the end::

        rank(c) = #{d: x(d) >= x(c)} - #{d: x(d) = max x} + 1    where x(c) > 0, over d with x(d) > 0
        rank(c) = 1 + the largest of these ranks (1 if there is none)    where x(c) <= 0

    Taken are the nodes whose least rank over the similarities is smallest; ties go by the sum of the ranks,
    then at random. So nodes similar in no way come last, in random order.

    Parameters
    ----------
    positives
        Edges to be scored, each once, ``(2, P)``.
    similarities
        At least one, all on the edges that messages pass along; 0 or less means not similar. HeaRT's are
        `heart_similarities`.
    known
        Edges whose pairs are never candidates, in either or both directions, ``(2, M)``. HeaRT: the training
        edges for val, the training and validation edges for test. Other positives may then be candidates;
        with all edges of the graph here, none is.
    num_nodes
        Number of nodes N.
    generator
        Where the random order of ties comes from.
    candidates
        Candidates for each end K.
    block
        Scores, rows times N, worked on at a time; the memory depends on it, the result does not.

    Returns
    -------
    Tensor
        ``(2, P, 2 K)``, int64: of each edge (s, t) first K pairs (s, c), then K pairs (c, t), each the
        hardest first, none twice.

    Raises
    ------
    InputError
        For node indices out of range, no similarity, or an end with fewer than K nodes to choose from.

    Notes
    -----
    Three differences from the authors' code. Among equal least ranks it leaves the choice to ``topk``; and
    where fewer than K nodes are similar at all, it fills up at random with repetitions. It writes the ranks
    of a node over its feature similarities, so that at the node's second edge ranks are ranked; a fault not
    repeated here. Its PageRank is approximate (to 5e-5), so most pairs have none; ours only rounds.

    Similarities are compared as float32: what differs in float64 by rounding alone is a tie.

    References
    ----------
    Li et al., "Evaluating Graph Neural Networks for Link Prediction: Current Pitfalls and New Benchmarking"
    (NeurIPS 2023), arXiv 2306.10453; the rules are those of the code, ``create_hard_negatives.py``.
    """
    check_edge_index(positives, num_nodes)
    check_edge_index(known, num_nodes)
    _check_settings(similarities, candidates, block)
    ends, others = positives.flatten(), positives.flip(0).flatten()  # (2 P,): every source, every target
    closed = _closed_neighbourhoods(known, num_nodes)
    _check_enough(ends, others, known, closed, candidates)
    hardest = ends.new_empty(ends.numel(), candidates)
    order = torch.argsort(ends, stable=True)  # a node's rows together: its similarities are computed once
    size = max(1, block // max(1, num_nodes))
    for start in range(0, ends.numel(), size):
        rows = order[start : start + size]
        masked = _masked(closed, ends[rows], others[rows])
        hardest[rows] = _hardest(similarities, ends[rows], masked, candidates, generator)
    return _pairs(positives, hardest)


def heart_similarities(edge_index: Tensor, num_nodes: int, x: Tensor | None = None) -> list[Similarity]:
    """The similarities that HeaRT ranks candidates by: from edges and, where there are features, from these.

    Parameters
    ----------
    edge_index
        The edges that messages pass along, both directions, shape ``(2, E)``.
    num_nodes
        Number of nodes N.
    x
        Features ``(N, D)``, dense or sparse CSR, or ``None``.

    Returns
    -------
    list of Similarity
        Resource allocation, personalised PageRank and, with features, their cosine.
    """
    names = HEART[:2] if x is None else HEART
    return [make_similarity(name, edge_index, num_nodes, x) for name in names]


def _hardest(
    similarities: Sequence[Similarity],
    ends: Tensor,
    masked: NDArray[np.bool_],
    candidates: int,
    generator: torch.Generator,
) -> Tensor:
    """The candidates of ends ``(B,)`` among the nodes that are not masked ``(B, N)``, as ``(B, K)``."""
    nodes, row = torch.unique(ends, return_inverse=True)
    least = np.full(masked.shape, masked.shape[1], dtype=np.int64)  # no rank is above N
    total = np.zeros_like(least)
    for similarity in similarities:
        scores = similarity.rows(nodes).float()[row].numpy()  # (B, N)
        ranks = _ranks(np.where(masked, 0, scores))
        np.minimum(least, ranks, out=least)
        total += ranks
    keys = torch.from_numpy(least * (len(similarities) * masked.shape[1] + 1) + total)
    keys = _with_random_ties(keys, len(similarities), generator)
    keys[torch.from_numpy(masked)] = torch.iinfo(torch.long).max
    return keys.topk(candidates, largest=False).indices


def _ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rank of each score in its row ``(B, N)``, 1 for the highest; see `hard_negatives`."""
    scores = np.where(scores > 0, scores, 0)
    order = np.argsort(scores, axis=1)
    ascending = np.take_along_axis(scores, order, axis=1)
    below = np.zeros(scores.shape, dtype=np.int64)  # scores below this one: where its run of ties starts
    starts = ascending[:, 1:] != ascending[:, :-1]
    below[:, 1:] = np.where(starts, np.arange(1, scores.shape[1]), 0)
    np.maximum.accumulate(below, axis=1, out=below)
    # As if the zeros were one score just below the least positive one.
    zeros = (ascending == 0).sum(axis=1, keepdims=True)
    np.maximum(below, zeros - 1, out=below)
    ranks = np.empty_like(below)
    np.put_along_axis(ranks, order, below[:, -1:] - below + 1, axis=1)
    return ranks


def _with_random_ties(keys: Tensor, num_similarities: int, generator: torch.Generator) -> Tensor:
    """Keys ``(B, N)`` with random bits below their own, as many as 63 bits have room for, 31 at most."""
    num_nodes = keys.size(1)
    bits = min(31, 62 - ((num_nodes + 1) * (num_similarities * num_nodes + 1)).bit_length())
    return (keys << bits) + torch.randint(2**bits, keys.shape, generator=generator)


def _closed_neighbourhoods(known: Tensor, num_nodes: int) -> Any:
    """Known edges in both directions and the diagonal, as a boolean CSR matrix ``(N, N)``."""
    diagonal = torch.arange(num_nodes).expand(2, -1)
    pairs = torch.cat([both_directions(known), diagonal], dim=1).numpy()
    return csr_array((np.ones(pairs.shape[1], dtype=bool), tuple(pairs)), shape=(num_nodes, num_nodes))


def _masked(closed: Any, ends: Tensor, others: Tensor) -> NDArray[np.bool_]:
    """Nodes that are no candidates of each end ``(B,)``: ``(B, N)``."""
    masked: NDArray[np.bool_] = closed[ends.numpy()].toarray()
    masked[np.arange(len(masked)), others.numpy()] = True
    return masked


def _pairs(positives: Tensor, hardest: Tensor) -> Tensor:
    """Candidates ``(2 P, K)`` of every source, then of every target, as pairs ``(2, P, 2 K)``."""
    of_source, of_target = hardest.view(2, -1, hardest.size(1))
    source, target = positives.unsqueeze(2).expand(-1, -1, hardest.size(1))
    return torch.stack([torch.cat([source, of_target], 1), torch.cat([of_source, target], 1)])


def _check_settings(similarities: Sequence[Similarity], candidates: int, block: int) -> None:
    if not similarities:
        raise InputError("similarities must hold at least one, got none")
    for name, value in (("candidates", candidates), ("block", block)):
        if value < 1:
            raise InputError(f"{name} must be >= 1, got {value}")


def _check_enough(ends: Tensor, others: Tensor, known: Tensor, closed: Any, candidates: int) -> None:
    num_nodes: int = closed.shape[0]
    masked = torch.from_numpy(np.diff(closed.indptr))[ends].long()
    masked += (ends != others) & ~among(torch.stack([ends, others]), known, num_nodes)
    left = num_nodes - masked
    if ends.numel() and int(left.min()) < candidates:
        row = int(left.argmin())
        raise InputError(
            f"hard negatives need {candidates} candidates for each end of an edge; node {int(ends[row])} "
            f"has {int(left[row])} nodes that are not its neighbours (graph of {num_nodes} nodes)"
        )
