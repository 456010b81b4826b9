"""Measure speed, memory and AUC of gvae and its peers; write a table, ``speed.json`` and ``speed.png``.

python -m benchmarks.speed [--quick] [--graphs cora sbm-1e4 ...] [--repetitions 5] [--epochs 200]
python -m benchmarks.speed --million
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.children import in_child
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.graphs import CITATIONS, MILLION, SYNTHETIC, family, make
from benchmarks.speed.measure import epochs_on, taking_turns, warm_up
from benchmarks.speed.plot import plot
from benchmarks.speed.report import Result, tables
from benchmarks.speed.summary import LINEAR
from gvae.catalog import check_name
from gvae.config import require_int
from gvae.environment import environment
from gvae.errors import GvaeError, InputError
from gvae.files import check_target, write_file
from gvae.plots import write_figure

RESULTS = Path(__file__).parent.parent / "results"
QUICK = {"graphs": ["cora", "sbm-1e3", "sbm-1e4"], "repetitions": 2, "epochs": 20}
FEWER = ((200_000, 1), (5_000, 3))
"""A graph of more nodes than the first number has at most so many repetitions."""

MEMORY_EPOCHS, MILLION_EPOCHS = 3, 50
"""Epochs of the runs in child processes; memory is at its peak in the first few."""


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Raises
    ------
    InputError
        If a number is too small, a contender is unknown, or the results cannot be written.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__.split("\n")[0])
    parser.add_argument("--graphs", nargs="+", default=[*CITATIONS, *SYNTHETIC], metavar="NAME")
    parser.add_argument("--contenders", nargs="+", default=[*CONTENDERS], metavar="NAME")
    parser.add_argument("--repetitions", type=int, default=5, help="fewer on large graphs")
    parser.add_argument("--epochs", type=int, default=200, help="fewer on large synthetic graphs")
    parser.add_argument("--quick", action="store_true", help="three graphs, 2 repetitions, 20 epochs")
    parser.add_argument("--million", action="store_true", help="only 10^6 nodes, 10^7 edges, 50 epochs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    chosen = parser.parse_args(words)
    vars(chosen).update(QUICK if chosen.quick else {})
    require_int("--repetitions", chosen.repetitions, at_least=1)
    require_int("--epochs", chosen.epochs, at_least=3)  # with fewer there is no time between two
    for name in chosen.contenders:
        check_name("contender", name, CONTENDERS)
    RESULTS.mkdir(exist_ok=True)  # a folder given with --out must exist
    for ending in ("json", "png"):
        check_target(chosen.out / f"{_stem(chosen)}.{ending}", "--out")
    return chosen


def measure(result: Result, chosen: argparse.Namespace) -> None:
    """Time all contenders on all graphs; then their memory, each in a process of its own."""
    warm_up(chosen.contenders)
    for graph in chosen.graphs:
        data = make(graph)
        present = _present(result, graph, data.num_nodes, chosen.contenders)
        repetitions = min([chosen.repetitions, *(most for nodes, most in FEWER if data.num_nodes > nodes)])
        epochs = chosen.epochs if graph in CITATIONS else epochs_on(data.num_nodes, chosen.epochs)
        for run in taking_turns(graph, data, present, epochs, repetitions):
            _tell(f"{graph}, seed {run.seed}, {run.contender}: {run.seconds:.2f} s, AUC {100 * run.auc:.1f}")
            result.runs.append(run)
    for graph in (name for name in result.graphs if family(name) != "power-law"):  # as SBM
        for contender in result.contenders(graph):
            _measure_child(result, graph, contender, MEMORY_EPOCHS)


def _present(result: Result, graph: str, num_nodes: int, contenders: Sequence[str]) -> list[str]:
    """The contenders that take part on a graph; for the others the reason is kept."""
    reasons = {name: CONTENDERS[name].absent(graph, num_nodes) for name in contenders}
    result.left_out += [(graph, name, reason) for name, reason in reasons.items() if reason]
    return [name for name, reason in reasons.items() if not reason]


def _measure_child(result: Result, graph: str, contender: str, epochs: int) -> None:
    memory = in_child(graph, contender, epochs)
    _tell(f"{graph}, {contender}: {memory.seconds:.1f} s, peak {memory.peak / 1e6:.0f} MB")
    result.memories.append(memory)


def _stem(chosen: argparse.Namespace) -> str:
    return "million" if chosen.million else "speed"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _write(result: Result, chosen: argparse.Namespace) -> None:
    path = chosen.out / f"{_stem(chosen)}.json"
    write_file(path, json.dumps(result.to_dict(), indent=1) + "\n")
    figure = plot(result.runs)
    if figure is not None:
        write_figure(figure, path.with_suffix(".png"))
    print(tables(result))


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write; the exit code."""
    started = time.perf_counter()
    try:
        chosen = parse(words)
        result = Result({name: value for name, value in vars(chosen).items() if name != "out"}, environment())
        if chosen.million:
            for contender in LINEAR:
                _measure_child(result, MILLION, contender, MILLION_EPOCHS)
        else:
            measure(result, chosen)
        result.settings["wall_seconds"] = time.perf_counter() - started
        _write(result, chosen)
    except KeyboardInterrupt:
        _tell("interrupted: nothing is written")
        return 130
    except GvaeError as error:
        _tell(f"error: {error}")
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
