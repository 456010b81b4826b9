"""The figures that were asked for, beside those that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from benchmarks.speed.children import Memory
from benchmarks.speed.graphs import MILLION
from benchmarks.speed.measure import Run
from benchmarks.speed.summary import LINEAR, Spread, growths, of_contender, ratios

EPOCHS = 200
"""Epochs that the goals' seconds are of."""

FASTER = (  # graph, peer, of gvae, at least so many times as fast
    ("cora", "pyg raw", "gvae full", 2.5),
    ("citeseer", "pyg raw", "gvae full", 2.7),
    ("cora", "pyg raw", "gvae sampled", 5.0),
    ("pubmed", "pyg raw", "gvae sampled", 4.0),
    ("cora", "dense torch", "gvae full", 8.0),
)
HIGHER = (("cora", 0.0), ("citeseer", 3.0))  # graph, points of AUC that gvae full has above PyTorch Geometric
MOST_GROWTH = 1.35
MOST_SECONDS, MOST_ABOVE_IMPORTS = 60.0, 1e9  # PubMed, exact
MILLION_SECONDS, MILLION_BYTES = 300.0, 8e9


@dataclass(frozen=True)
class Goal:
    """One figure: what it is of, what was asked (at least or at most), what was measured."""

    what: str
    asked: float
    at_least: bool
    measured: float
    shown: str

    @property
    def reached(self) -> bool:
        """Whether the measured figure is on the right side."""
        return self.measured >= self.asked if self.at_least else self.measured <= self.asked

    def to_dict(self) -> dict[str, Any]:
        """A flat record, ready for JSON."""
        return {**asdict(self), "reached": self.reached}


def goals(runs: Sequence[Run], memories: Sequence[Memory]) -> list[Goal]:
    """Every goal whose figures were measured."""
    return [*_faster(runs), *_higher(runs), *_pubmed(runs, memories), *_growth(runs), *_million(memories)]


def _faster(runs: Sequence[Run]) -> list[Goal]:
    found = []
    for graph, peer, ours, asked in FASTER:
        values = ratios(runs, graph, peer, ours, EPOCHS)
        if values:
            spread = Spread.of(values)
            what = f"{graph}: {peer} / {ours}, times as long"
            found.append(Goal(what, asked, True, spread.median, str(spread)))
    return found


def _higher(runs: Sequence[Run]) -> list[Goal]:
    found = []
    for graph, asked in HIGHER:
        ours, theirs = (of_contender(runs, graph, name) for name in ("gvae full", "pyg raw"))
        points = [100 * (ours[seed].auc - theirs[seed].auc) for seed in ours if seed in theirs]
        if points:
            what = f"{graph}: AUC of gvae full above pyg raw, points"
            found.append(Goal(what, asked, True, fmean(points), f"{fmean(points):+.1f}"))
    return found


def _pubmed(runs: Sequence[Run], memories: Sequence[Memory]) -> list[Goal]:
    seconds = [run.seconds_of(EPOCHS) for run in of_contender(runs, "pubmed", "gvae full").values()]
    above = [m.peak - m.imports for m in memories if (m.graph, m.contender) == ("pubmed", "gvae full")]
    found = []
    if seconds:
        spread = Spread.of(seconds)
        found.append(Goal("pubmed: gvae full, seconds", MOST_SECONDS, False, spread.median, str(spread)))
    if above:
        what = "pubmed: gvae full, bytes above the imports"
        found.append(Goal(what, MOST_ABOVE_IMPORTS, False, max(above), f"{max(above) / 1e9:.2f} GB"))
    return found


def _growth(runs: Sequence[Run]) -> list[Goal]:
    found = [growth for growth in growths(runs) if growth.contender in LINEAR]
    return [
        Goal(f"{g.family}: {g.contender}, exponent", MOST_GROWTH, False, g.exponent, f"{g.exponent:.2f}")
        for g in found
        if g.exponent is not None
    ]


def _million(memories: Sequence[Memory]) -> list[Goal]:
    found = []
    for memory in memories:
        if memory.graph == MILLION:
            what = f"{memory.graph}, {memory.epochs} epochs: {memory.contender}"
            seconds, peak = memory.seconds, memory.peak
            found.append(Goal(f"{what}, seconds", MILLION_SECONDS, False, seconds, f"{seconds:.0f}"))
            found.append(Goal(f"{what}, bytes", MILLION_BYTES, False, peak, f"{peak / 1e9:.1f} GB"))
    return found
