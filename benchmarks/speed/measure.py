"""Seconds and AUC of contenders that take turns in one process."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from torch_geometric.data import Data

from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.graphs import make
from gvae.data import Development, LinkPart, LinkSplit, split_links
from gvae.metrics import link_scores

FIRST_SEED = 1000
"""Seed of the first repetition's split and weights: development splits, never those of a published figure."""

WARM_UP = "sbm-100"
"""The graph on which each contender runs once before anything is timed."""


@dataclass(frozen=True)
class Run:
    """One contender, trained once.

    Parameters
    ----------
    graph, contender
        Their names.
    nodes, edges
        Of the graph; each edge counts once.
    seed
        Of the split and the weights; the same for all contenders of a repetition.
    epochs
        Epochs trained.
    seconds
        All of the training, building the operators included.
    seconds_per_epoch
        Median time between the ends of two epochs, the last left out: gvae scores after it.
    auc
        On the test part of the split.
    """

    graph: str
    contender: str
    nodes: int
    edges: int
    seed: int
    epochs: int
    seconds: float
    seconds_per_epoch: float
    auc: float

    def seconds_of(self, epochs: int) -> float:
        """Seconds of so many epochs: as measured, or with the missing ones at ``seconds_per_epoch``."""
        return self.seconds + (epochs - self.epochs) * self.seconds_per_epoch

    def to_dict(self) -> dict[str, Any]:
        """A flat record, ready for JSON."""
        return asdict(self)


def epochs_on(num_nodes: int, most: int) -> int:
    """Epochs that are measured on a synthetic graph: fewer on a large one, at least 5."""
    return min(most, max(5, 2_000_000 // num_nodes))


def run_once(graph: str, contender: str, split: LinkSplit, epochs: int, seed: int) -> Run:
    """Train a contender on a split and score the test part."""
    prepared = CONTENDERS[contender].prepare(fresh(split))
    gc.collect()
    ends: list[float] = []
    started = time.perf_counter()
    score = CONTENDERS[contender].train(prepared, epochs, seed, lambda: ends.append(time.perf_counter()))
    seconds = time.perf_counter() - started
    part = split.test
    positives, negatives = (score(pairs).double().numpy() for pairs in (part.positives, part.negatives))
    size = part.num_nodes, sum(part.positives.size(1) for part in split.parts)
    auc = link_scores(positives, negatives, ()).auc
    return Run(graph, contender, *size, seed, epochs, seconds, _between(ends[:-1]), auc)


def fresh(split: LinkSplit) -> LinkSplit:
    """A copy for which nothing is remembered yet, so that each contender builds its own operators in time."""
    train = split.development.train
    x = train.x.clone() if train.x is not None else None
    edge_index = train.edge_index.clone()

    def copied(part: LinkPart) -> LinkPart:
        same = part.edge_index is train.edge_index
        return replace(part, x=x, edge_index=edge_index if same else part.edge_index.clone())

    development = Development(copied(train), copied(split.development.val))
    return replace(split, development=development, test=copied(split.test))


def _between(ends: Sequence[float]) -> float:
    """Median time between neighbours; 0 with fewer than two."""
    gaps = [later - earlier for earlier, later in pairwise(ends)]
    return median(gaps) if gaps else 0.0


def taking_turns(
    graph: str, data: Data, contenders: Sequence[str], epochs: int, repetitions: int
) -> Iterator[Run]:
    """Run the contenders by turns, A B C, B C A, ...: each in every place, as what ran before has effects.

    Each repetition has a split and seed of its own.
    """
    for repetition in range(repetitions):
        seed = FIRST_SEED + repetition
        split = split_links(data, seed=seed)
        first = repetition % len(contenders)
        for contender in [*contenders[first:], *contenders[:first]]:
            yield run_once(graph, contender, split, epochs, seed)


def warm_up(contenders: Sequence[str]) -> None:
    """Let each contender run two epochs, so that nothing is loaded for the first time while it is timed."""
    split = split_links(make(WARM_UP), seed=FIRST_SEED)
    for contender in contenders:
        run_once(WARM_UP, contender, split, 2, FIRST_SEED)
