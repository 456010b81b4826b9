"""``gvae bench --from``: a result made again from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from gvae.errors import InputError

from ._console import STDOUT, print_table, write_json
from ._graphs import check_graph, load_graph
from ._options import ReadOptions
from ._results import run_all

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from gvae.experiment import Experiment


def repeat(path: str, device: str, json: str | None, jobs: int | None) -> None:
    """Run every record of a result file again, and print what differs; exit 1 if a figure does."""
    from gvae.repeat import experiments_of
    from gvae.results import read_results

    try:
        groups = experiments_of(read_results(path), _load, device)
    except InputError as error:
        prefix = "--from" if str(error).startswith(path) else f"--from {path}:"
        raise InputError(f"{prefix} {error}") from error
    run_all([[experiment for _, experiment in group] for group in groups], jobs)
    pairs = [pair for group in groups for pair in group]
    if json is not None:
        write_json(json, [experiment.to_dict() for _, experiment in pairs])
    if not _report(path, pairs, err=json == STDOUT):
        raise typer.Exit(1)


def _load(record: Mapping[str, Any]) -> Data:
    try:
        read = ReadOptions(**record["manifest"].get("read", {}))
    except TypeError as error:
        raise InputError(str(error)) from error
    check_graph(record["dataset"], read)
    return load_graph(record["dataset"], read)


def _report(path: str, pairs: list[tuple[Mapping[str, Any], Experiment]], err: bool) -> bool:
    """Print what differs, or that nothing does; whether all figures are the same."""
    from gvae.repeat import changed_environment, changed_words, differences

    notes: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    for record, again in pairs:
        where = str(again.dataset), again.model
        found = differences(record, again)
        changed = [each for each in found if each.largest != 0]
        rows += [
            (*where, each.figure, _shown(each.recorded), _shown(each.now), f"{each.largest:.2e}")
            for each in changed
        ]
        if not changed:
            rows.append((*where, f"all {len(found)} figures of {len(again.runs)} runs", "", "", "same"))
        notes |= {
            name: f"{name} was {was}, is {now}." for name, (was, now) in changed_environment(record).items()
        }
        words = changed_words(record, again)
        rows += [(*where, name, _short(was), _short(now), "differs") for name, (was, now) in words.items()]
    same = all(row[-1] == "same" for row in rows)
    columns = ("data set", "model", "figure", ">recorded", ">now", ">largest difference in a run")
    verdict = (
        "All figures are the same, bit for bit."
        if same
        else "Figures, or what is said of them, differ (means, fractions)."
    )
    print_table(f"{path} made again", columns, rows, "\n".join([verdict, *notes.values()]), err=err)
    return same


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _shown(value: float) -> str:
    return f"{value:g}" if value.is_integer() else f"{value:.6f}"
