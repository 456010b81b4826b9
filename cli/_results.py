"""Running the experiments of ``gvae bench`` behind a progress bar, and their table."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from gvae.catalog import HEURISTICS, MODELS, PROTOCOLS, PUBLISHED_SOURCE, metric_label
from gvae.protocols import PROTOCOLS as RECORDS

from ._console import STDOUT, epoch_reporter, print_table, progress_bar, write_json

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from gvae.experiment import Experiment
    from gvae.train import EpochRecord
    from gvae.train.loop import OnEpoch


def run_and_report(experiments: list[list[Experiment]], json: str | None, jobs: int | None) -> None:
    """Run the experiments of each data set together; what is finished is kept, whatever happens."""
    every = [experiment for together in experiments for experiment in together]
    try:
        run_all(experiments, jobs)
    finally:
        if any(experiment.runs for experiment in every):
            _write_and_report(every, json)


def _write_and_report(experiments: list[Experiment], json: str | None) -> None:
    try:  # the file first: whoever reads the table may have gone
        if json is not None:
            write_json(json, [experiment.to_dict() for experiment in experiments])
    finally:
        _report([experiment for experiment in experiments if experiment.runs], err=json == STDOUT)


def run_all(experiments: list[list[Experiment]], jobs: int | None) -> None:
    """Run the experiments of each data set together, so many seeds at once, behind a progress bar."""
    from gvae.experiment import affordable_jobs, check_memory, run_together

    every = [experiment for together in experiments for experiment in together]
    at_once = [affordable_jobs(together) if jobs is None else jobs for together in experiments]
    for together, its in zip(experiments, at_once, strict=True):
        check_memory(together, its)  # before the first is run
    with progress_bar() as progress:
        total = sum(len(experiment.seeds) * experiment.epochs for experiment in every)
        bar = progress.add_task("", total=total, status="")
        for together, its in zip(experiments, at_once, strict=True):

            def place(together: list[Experiment] = together) -> tuple[str, int]:
                now = min(together, key=lambda experiment: len(experiment.runs))
                name = f"{now.dataset} {now.model} run {len(now.runs) + 1}/{len(now.seeds)}"
                return name, sum(len(experiment.runs) * experiment.epochs for experiment in every)

            one = its == 1
            report = epoch_reporter(progress, bar, place) if one else _runs_reporter(progress, bar, together)
            run_together(together, report, jobs=its)


def _runs_reporter(progress: Progress, bar: TaskID, together: list[Experiment]) -> OnEpoch:
    """What a progress bar says while several runs are under way: how many are done."""
    models = ", ".join(experiment.model for experiment in together if experiment.epochs)
    total = sum(len(experiment.seeds) for experiment in together)

    def description() -> str:
        done = sum(len(experiment.runs) for experiment in together)
        return f"{together[0].dataset} {models} {done} of {total} runs"

    def report(epoch: int, record: EpochRecord | None) -> None:
        progress.update(bar, advance=1, description=description())

    progress.update(bar, description=description())
    return report


def _report(experiments: list[Experiment], err: bool) -> None:
    first = experiments[0]
    metrics = RECORDS[first.protocol].metrics
    columns = ("data set", "model", "decoder", ">runs", *(f">{metric_label(name)}" for name in metrics))
    published = any(experiment.published() for experiment in experiments)
    columns += (">published\nAUC / AP",) * published + (">s a run",)
    caption = f"{first.protocol}: {PROTOCOLS[first.protocol]}."
    for experiment in {e.dataset: e for e in experiments if e.foreign}.values():
        caption += f"\n{experiment.dataset}: a split of its file's own, not gvae's: {experiment.foreign}."
    for model, changed in {e.model: e.overrides() for e in experiments if e.overrides()}.items():
        caption += f"\n{model} settings: {', '.join(map(_setting, changed, changed.values()))}."
    if first.jobs > 1:
        caption += f"\n{first.jobs} runs at once, each with its share of the threads; alone a run takes less."
    if published:
        caption += f"\nPublished: {PUBLISHED_SOURCE}, so without the spread of splits."
    title = f"Link prediction in percent, {_spread(first)}, protocol {first.protocol}"
    print_table(title, columns, [_row(experiment, published) for experiment in experiments], caption, err=err)


def _spread(experiment: Experiment) -> str:
    first, last = experiment.seeds[0], experiment.seeds[-1]
    one, several = experiment.spread
    return f"{one} (seed {first})" if first == last else f"mean ± std over {several} (seeds {first}-{last})"


def _setting(name: str, value: object) -> str:
    return f"{name} {value}" if value is not False else f"{name} off"


def _row(experiment: Experiment, with_published: bool) -> tuple[str, ...]:
    mean, std, published = experiment.mean(), experiment.std(), experiment.published()

    def percent(name: str) -> str:
        return f"{100 * mean[name]:.1f}" + (f" ± {100 * std[name]:.1f}" if std else "")

    figures = f"{100 * published['auc']:.1f} / {100 * published['ap']:.1f}" if published else "-"
    return (
        str(experiment.dataset),
        experiment.model,
        (MODELS | HEURISTICS)[experiment.model].decoder,
        f"{len(experiment.runs)}" + ("" if experiment.complete else f" of {len(experiment.seeds)}"),
        *(percent(name) for name in RECORDS[experiment.protocol].metrics),
        *((figures,) * with_published),
        _seconds(statistics.median(run.seconds for run in experiment.runs)),
    )


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"
