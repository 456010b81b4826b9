"""How well logits tell edges from non-edges: AUC, average precision, MRR, hits, precision among the best."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gvae.errors import InputError, UnknownNameError
from gvae.metrics.scored_pairs import ScoredPairs

HITS = (1, 3, 10, 20, 50, 100)
"""The k of hits@k that `link_scores` gives unless told otherwise, as far as there are so many candidates."""


@dataclass(frozen=True)
class Scores:
    """Link-prediction figures, fractions in [0, 1].

    Parameters
    ----------
    auc
        Area under the ROC curve.
    ap
        Average precision.
    others
        Further figures by name, as ``"mrr"`` and ``"hits@10"``.
    """

    auc: float
    ap: float
    others: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __getitem__(self, name: str) -> float:
        """A figure by its name.

        Raises
        ------
        UnknownNameError
            If it is not among them; the message names those that are.
        """
        known = self.to_dict()
        if name not in known:
            raise UnknownNameError.of("metric", str(name), known)
        return known[name]

    def to_dict(self) -> dict[str, float]:
        """All figures by name."""
        return {"auc": self.auc, "ap": self.ap, **self.others}

    @classmethod
    def from_dict(cls, figures: Mapping[str, float]) -> Scores:
        """The scores that gave these figures."""
        others = {name: value for name, value in figures.items() if name not in ("auc", "ap")}
        return cls(figures["auc"], figures["ap"], others)


def link_scores(positives: ArrayLike, negatives: ArrayLike, names: Iterable[str] | None = None) -> Scores:
    """Rank edges against non-edges.

    Parameters
    ----------
    positives, negatives
        As in `figures`. Logits, not probabilities: a float32 sigmoid makes ties at the top.
    names
        Figures to give beside AUC and average precision, by the names of `figures`. ``None`` is ``mrr`` and
        each ``hits@k`` of `HITS` with k at most the number of candidates.

    Returns
    -------
    Scores
        Each figure as `figures` defines it.

    Raises
    ------
    InputError
        As `figures`.
    """
    pairs = ScoredPairs(positives, negatives)
    if names is None:
        names = ("mrr", *(f"hits@{k}" for k in HITS if k <= pairs.num_candidates))
    found = _figures(pairs, ("auc", "ap", *names))
    return Scores(auc=found.pop("auc"), ap=found.pop("ap"), others=found)


def figures(positives: ArrayLike, negatives: ArrayLike, names: Iterable[str]) -> dict[str, float]:
    """Compute the named figures alone; what several need is sorted and searched once.

    ``auc``
        Share of pairs (positive, negative) in order, ties a half: the area under the ROC curve.
    ``ap``
        Average precision: the mean over positives of TP / (TP + FP), where TP and FP count the positives and
        negatives that score at least as high.
    ``mrr``
        Mean of 1 / rank over positives, ranks as in `ranks`.
    ``hits@k``
        Share of positives with rank <= k.
    ``precision@k``
        Share of positives among the k best of all pairs. Which of the pairs that tie with the k-th are in is
        left to chance: the figure is the mean over their orders.

    Parameters
    ----------
    positives
        Scores of edges, any real numbers but NaN, shape ``(P,)``.
    negatives
        Scores of non-edges: ``(Q,)``, shared by all positives, or ``(P, K)``, candidates of each positive's
        own. ``auc``, ``ap`` and ``precision@k`` pool them all.
    names
        The figures, k any positive number.

    Returns
    -------
    dict
        Fractions by name, in the order of ``names``.

    Raises
    ------
    UnknownNameError
        For a name that is none of these.
    InputError
        If the shapes do not fit, there are no positives or no negatives, a score is NaN, or k is larger than
        the number of candidates (``hits@k``) or of pairs (``precision@k``).

    Notes
    -----
    AUC and average precision are those of scikit-learn. Open Graph Benchmark's Hits@K for shared negatives
    (ogbl-collab, ogbl-ppa, ogbl-ddi) puts a positive behind all negatives that it ties with: the pessimistic
    rule, lower than the average rule here where there are ties and equal where there are none.

    Sources: Hanley and McNeil 1982 (auc); Voorhees 1999, TREC-8 (mrr); Bordes et al. 2013 (hits); McSherry
    and Najork 2008 (precision with ties).
    """
    return _figures(ScoredPairs(positives, negatives), names)


def ranks(positives: ArrayLike, negatives: ArrayLike) -> NDArray[np.float64]:
    """Rank of each positive among its negatives: 1 + #greater + #equal / 2, best is 1.

    Ties share their rank, the average rule, as in Open Graph Benchmark's evaluator of ogbl-citation2.

    Parameters
    ----------
    positives, negatives
        As in `figures`.

    Returns
    -------
    ndarray
        Shape ``(P,)``; a half where the number of ties is odd.

    Raises
    ------
    InputError
        If the shapes do not fit, there are no positives or no negatives, or a score is NaN.

    Notes
    -----
    Source: Berrendorf et al. 2020, arXiv 2002.06914 (there: the realistic rank).
    """
    pairs = ScoredPairs(positives, negatives)
    if pairs.own:
        return pairs.ranks
    found = np.empty(len(pairs.positives))
    found[np.argsort(pairs.given)] = pairs.ranks
    return found


def check_candidates(names: Iterable[str], negatives: ArrayLike) -> None:
    """Check, before anything is scored, that there are negatives enough for each ``hits@k`` among figures.

    Parameters
    ----------
    names
        Figures as in `figures`; those of other kinds pass.
    negatives
        Anything with a candidate in each place of its last axis: scores ``(Q,)`` or ``(P, K)``, or node pairs
        ``(2, Q)`` or ``(2, P, K)``.

    Raises
    ------
    InputError
        If a k is larger than the number of candidates.
    """
    for name in names:
        match = _AT_K.fullmatch(name)
        if match and match[1] == "hits":
            _require_candidates(int(match[2]), np.shape(negatives)[-1])


def _figures(pairs: ScoredPairs, names: Iterable[str]) -> dict[str, float]:
    chosen = {name: _figure(name) for name in names}
    return {name: compute(pairs) for name, compute in chosen.items()}


def _figure(name: str) -> Callable[[ScoredPairs], float]:
    """The function behind a name."""
    if name in _FIGURES:
        return _FIGURES[name]
    match = _AT_K.fullmatch(name)
    if match is None:
        known = (*_FIGURES, *(f"hits@{k}" for k in HITS), "precision@100")
        raise UnknownNameError.of("metric", name, known)
    return partial(_hits if match[1] == "hits" else _precision, k=int(match[2]))


def _auc(pairs: ScoredPairs) -> float:
    in_order = int(pairs.below.sum()) + int(pairs.not_above.sum())  # twice; whole numbers, so exact
    return in_order / (2 * len(pairs.positives) * len(pairs.negatives))


def _ap(pairs: ScoredPairs) -> float:
    positives = pairs.positives
    hits = len(positives) - np.searchsorted(positives, positives, side="left")  # (P,)
    alarms = len(pairs.negatives) - pairs.below  # (P,)
    return float((hits / (hits + alarms)).mean())


def _mrr(pairs: ScoredPairs) -> float:
    return float((1 / pairs.ranks).mean())


def _hits(pairs: ScoredPairs, k: int) -> float:
    _require_candidates(k, pairs.num_candidates)
    return float((pairs.ranks <= k).mean())


def _require_candidates(k: int, num_candidates: int) -> None:
    if k > num_candidates:
        raise InputError(f"hits@{k} needs at least {k} negatives, got {num_candidates}")


def _precision(pairs: ScoredPairs, k: int) -> float:
    sides = pairs.positives, pairs.negatives
    total = sum(len(side) for side in sides)
    if k > total:
        raise InputError(f"precision@{k} needs at least {k} pairs, got {total}")
    best = np.concatenate([side[-k:] for side in sides])
    threshold = np.partition(best, len(best) - k)[len(best) - k]  # the k-th best of all pairs
    above, tied = np.array([_above_and_tied(side, threshold) for side in sides]).T  # each (2,)
    return float((above[0] + (k - above.sum()) * tied[0] / tied.sum()) / k)


def _above_and_tied(ascending: NDArray[np.floating], threshold: np.floating) -> tuple[int, int]:
    left, right = (int(np.searchsorted(ascending, threshold, side=side)) for side in ("left", "right"))
    return len(ascending) - right, right - left


_FIGURES: dict[str, Callable[[ScoredPairs], float]] = {"auc": _auc, "ap": _ap, "mrr": _mrr}
_AT_K = re.compile(r"(hits|precision)@([1-9][0-9]{0,17})")
