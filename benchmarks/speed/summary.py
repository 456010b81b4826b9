"""What the runs say: ratios with their spread, growth with size, and the goals. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.speed.graphs import family
from benchmarks.speed.measure import Run

LINEAR = ("gvae quadratic", "gvae sampled")
"""Contenders whose time grows with nodes and edges, not with pairs."""

GROWTH_FROM = 10_000
"""Nodes from which growth is fitted: below, an epoch is mostly overhead."""


@dataclass(frozen=True)
class Spread:
    """Median, quartiles and ends of a few numbers."""

    median: float
    lower: float
    upper: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one number; quartiles by linear interpolation."""
        lower, middle, upper = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
        return cls(middle, lower, upper, min(values), max(values), len(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.lower:.2f}, {self.upper:.2f}]"

    def to_dict(self) -> dict[str, Any]:
        """A flat record, ready for JSON."""
        return asdict(self)


def of_contender(runs: Iterable[Run], graph: str, contender: str) -> dict[int, Run]:
    """A contender's runs on a graph, by seed."""
    return {run.seed: run for run in runs if (run.graph, run.contender) == (graph, contender)}


def ratios(runs: Iterable[Run], graph: str, slower: str, faster: str, epochs: int) -> list[float]:
    """How many times as long one contender takes as another, for each seed that both have."""
    runs = list(runs)
    above, below = (of_contender(runs, graph, contender) for contender in (slower, faster))
    shared = [seed for seed in above if seed in below]
    return [above[seed].seconds_of(epochs) / below[seed].seconds_of(epochs) for seed in shared]


@dataclass(frozen=True)
class Growth:
    """How the time of an epoch grows with the graph.

    Parameters
    ----------
    family, contender
        Of graphs, and who.
    nodes
        Sizes, ascending.
    seconds_per_epoch
        Medians at these.
    nanoseconds_per_edge
        The same, for each edge of the graph.
    exponent
        Slope of log seconds against log nodes from `GROWTH_FROM` nodes on, by least squares; None with
        fewer than two such sizes.
    """

    family: str
    contender: str
    nodes: list[int]
    seconds_per_epoch: list[float]
    nanoseconds_per_edge: list[float]
    exponent: float | None

    def to_dict(self) -> dict[str, Any]:
        """A record, ready for JSON."""
        return asdict(self)


def growths(runs: Iterable[Run]) -> list[Growth]:
    """Growth of every contender on every family of graphs that it ran on."""
    by_place: dict[tuple[str, str], dict[int, list[Run]]] = {}
    for run in runs:
        kind = family(run.graph)
        if kind is not None:
            by_place.setdefault((kind, run.contender), {}).setdefault(run.nodes, []).append(run)
    return [_growth(*place, sizes) for place, sizes in by_place.items()]


def _growth(kind: str, contender: str, sizes: dict[int, list[Run]]) -> Growth:
    nodes = sorted(sizes)
    seconds = [median(run.seconds_per_epoch for run in sizes[size]) for size in nodes]
    edges = [sizes[size][0].edges for size in nodes]
    per_edge = [1e9 * time / count for time, count in zip(seconds, edges, strict=True)]
    return Growth(kind, contender, nodes, seconds, per_edge, exponent(nodes, seconds))


def exponent(nodes: Sequence[int], seconds: Sequence[float]) -> float | None:
    """The b of ``seconds = a nodes^b``, fitted to the logarithms from `GROWTH_FROM` nodes on."""
    fitted = [(n, s) for n, s in zip(nodes, seconds, strict=True) if n >= GROWTH_FROM and s > 0]
    if len(fitted) < 2:
        return None
    x, y = np.log(fitted).T
    return float(np.polyfit(x, y, 1)[0])
