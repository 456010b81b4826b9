"""``gvae bench --from``: a result made again from its manifest."""

from __future__ import annotations

import typer

from gvae.errors import InputError

from ._console import STDOUT, print_table, write_json
from ._graphs import check_graph, load_graph
from ._options import ReadOptions
from ._results import run_all


def repeat(path: str, device: str, json: str | None) -> None:
    """Run every record of a result file again, and print what differs; exit 1 if a figure does."""
    from gvae.repeat import changed_environment, changed_splits, differences, experiment_of
    from gvae.results import read_results

    records = read_results(path)
    experiments = []
    for record in records:
        try:
            read = ReadOptions(**record["manifest"].get("read", {}))
        except TypeError as error:
            raise InputError(f"{path}: {error}") from error
        check_graph(record["dataset"], read)
        experiments.append(experiment_of(record, load_graph(record["dataset"], read), device))
    run_all([[experiment] for experiment in experiments])

    rows, same = [], True
    for record, again in zip(records, experiments, strict=True):
        for found in differences(record, again):
            same &= found.largest == 0
            shown = f"{found.largest:.2e}" if found.largest else "same"
            rows.append(
                (
                    str(again.dataset),
                    again.model,
                    found.figure,
                    f"{found.recorded:.6f}",
                    f"{found.now:.6f}",
                    shown,
                )
            )
        for seed in changed_splits(record, again):
            typer.echo(f"Note: {again.dataset}, seed {seed}: the split is not the recorded one", err=True)
    columns = ("data set", "model", "figure", ">recorded", ">now", ">largest difference in a run")
    changed = {name: pair for record in records for name, pair in changed_environment(record).items()}
    notes = [f"{name} was {then}, is {now}." for name, (then, now) in changed.items()]
    verdict = "All figures are the same, bit for bit." if same else "Figures differ."
    print_table(f"{path} made again", columns, rows, "\n".join([verdict, *notes]), err=json == STDOUT)
    if json is not None:
        write_json(json, [experiment.to_dict() for experiment in experiments])
    if not same:
        raise typer.Exit(1)
