"""Experiments behind a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._console import epoch_reporter, progress_bar

if TYPE_CHECKING:
    from gvae.experiment import Experiment


def run_all(experiments: list[list[Experiment]]) -> None:
    """Run the experiments of each data set together, behind a progress bar."""
    from gvae.experiment import run_together

    every = [experiment for together in experiments for experiment in together]
    with progress_bar() as progress:
        total = sum(len(experiment.seeds) * experiment.epochs for experiment in every)
        bar = progress.add_task("", total=total, status="")
        for together in experiments:

            def place(together: list[Experiment] = together) -> tuple[str, int]:
                now = min(together, key=lambda experiment: len(experiment.runs))
                name = f"{now.dataset} {now.model} run {len(now.runs) + 1}/{len(now.seeds)}"
                return name, sum(len(experiment.runs) * experiment.epochs for experiment in every)

            run_together(together, epoch_reporter(progress, bar, place))
