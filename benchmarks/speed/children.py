"""Peak memory of a contender, in a process of its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.speed.graphs import make
from benchmarks.speed.measure import FIRST_SEED, run_once, warm_up
from gvae.data import split_links

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Memory:
    """Peak resident memory of a process that loads, splits, trains and scores; bytes.

    Parameters
    ----------
    graph, contender, epochs
        What it did.
    peak
        The most that it had at any time.
    imports
        What it had when everything was imported.
    seconds
        Training.
    auc
        On the test part.
    """

    graph: str
    contender: str
    epochs: int
    peak: int
    imports: int
    seconds: float
    auc: float

    def to_dict(self) -> dict[str, Any]:
        """A flat record, ready for JSON."""
        return asdict(self)


def in_child(graph: str, contender: str, epochs: int) -> Memory:
    """Run a contender in a fresh process, alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_child, graph, contender, epochs).result()


def _child(graph: str, contender: str, epochs: int) -> Memory:
    warm_up([contender])  # so that what is imported at first use is imported
    imports = resident("VmRSS")
    split = split_links(make(graph), seed=FIRST_SEED)
    run = run_once(graph, contender, split, epochs, FIRST_SEED)
    return Memory(graph, contender, epochs, resident("VmHWM"), imports, run.seconds, run.auc)


def resident(field: str) -> int:
    """Resident memory of this process, bytes, now (``"VmRSS"``) or at most (``"VmHWM"``); Linux alone.

    ``getrusage`` will not do: a child starts with its parent's peak there.
    """
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
