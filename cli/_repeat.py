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


def repeat(path: str, device: str, json: str | None) -> None:
    """Run every record of a result file again, and print what differs; exit 1 if a figure does."""
    from gvae.repeat import experiments_of
    from gvae.results import read_results

    try:
        groups = experiments_of(read_results(path), _load, device)
    except InputError as error:
        raise InputError(f"--from {path}: {error}") from error
    run_all([[experiment for _, experiment in group] for group in groups])
    pairs = [pair for group in groups for pair in group]
    same = _report(path, pairs, err=json == STDOUT)
    if json is not None:
        write_json(json, [experiment.to_dict() for _, experiment in pairs])
    if not same:
        raise typer.Exit(1)


def _load(record: Mapping[str, Any]) -> Data:
    try:
        read = ReadOptions(**record["manifest"].get("read", {}))
    except TypeError as error:
        raise InputError(str(error)) from error
    check_graph(record["dataset"], read)
    return load_graph(record["dataset"], read)


def _report(path: str, pairs: list[tuple[Mapping[str, Any], Experiment]], err: bool) -> bool:
    """Print the figures then and now; whether they are the same."""
    from gvae.repeat import changed_environment, changed_splits, differences

    notes: dict[str, str] = {}
    rows, same = [], True
    for record, again in pairs:
        for found in differences(record, again):
            same &= found.largest == 0
            shown = f"{found.largest:.2e}" if found.largest else "same"
            means = f"{found.recorded:.6f}", f"{found.now:.6f}"
            rows.append((str(again.dataset), again.model, found.figure, *means, shown))
        notes |= {
            name: f"{name} was {was}, is {now}." for name, (was, now) in changed_environment(record).items()
        }
        for seed in changed_splits(record, again):
            where = f"{again.dataset}, seed {seed}"
            notes[where] = f"{where}: the split is not the recorded one."
    columns = ("data set", "model", "figure", ">recorded", ">now", ">largest difference in a run")
    verdict = "All figures are the same, bit for bit." if same else "Figures differ."
    print_table(f"{path} made again", columns, rows, "\n".join([verdict, *notes.values()]), err=err)
    return same
