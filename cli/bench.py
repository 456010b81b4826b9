"""``gvae bench``: link prediction on data sets, measured under a named protocol."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import DATASETS, DEVICES, LOSSES, MODELS, PROTOCOLS, PUBLISHED_SOURCE, check_name
from gvae.config import require_int
from gvae.presets import PRESETS, Preset

from ._console import STDOUT, check_json_target, epoch_reporter, print_table, progress_bar, write_json
from ._options import PAPER, Beta, Device, Epochs, Hidden, Json, Latent, NoFeatures, Rate, option, starting

if TYPE_CHECKING:
    from gvae.experiment import Experiment


Datasets = Annotated[
    list[str],
    typer.Argument(
        help=f"{', '.join(DATASETS)}, or family/Name.", autocompletion=starting(DATASETS), metavar="DATASET"
    ),
]
Models = Annotated[list[str], option(f"{', '.join(MODELS)}; may be repeated.", of=MODELS)]
ProtocolName = Annotated[
    str,
    option(f"How it is measured: {'; '.join(map(': '.join, PROTOCOLS.items()))}.", of=PROTOCOLS),
]
Runs = Annotated[int, option("Random splits, one run each.")]
Seed = Annotated[int, option("First seed: run i has seed + i, for split, weights and noise.")]
Loss = Annotated[
    str | None, option("full: all pairs, exactly; sampled: an estimate of it.", PAPER.train.loss, of=LOSSES)
]


def command(
    dataset: Datasets,
    model: Models = ["gae", "vgae"],  # noqa: B006
    protocol: ProtocolName = "kipf",
    runs: Runs = 10,
    seed: Seed = 0,
    epochs: Epochs = None,
    hidden: Hidden = None,
    latent: Latent = None,
    lr: Rate = None,
    beta: Beta = None,
    loss: Loss = None,
    no_features: NoFeatures = False,
    device: Device = "auto",
    json: Json = None,
) -> None:
    """Train and score models on data sets: a table of mean ± std over random splits.

    Example: gvae bench cora citeseer --runs 10
    """
    check_name("protocol", protocol, PROTOCOLS)
    check_name("device", device, DEVICES)
    require_int("runs", runs, at_least=1)
    require_int("seed", seed, at_least=0)
    for name in dataset:
        if "/" not in name:
            check_name("data set", name, DATASETS)
    features = False if no_features else None
    settings = {"epochs": epochs, "hidden": hidden, "latent": latent, "lr": lr, "beta": beta, "loss": loss}
    presets = {
        name: PRESETS[check_name("model", name, MODELS)].override(features=features, **settings)
        for name in model
    }
    check_json_target(json)

    experiments = _experiments(dataset, presets, protocol, range(seed, seed + runs), device)
    try:
        _run(experiments)
    finally:  # an interrupted or failed benchmark keeps its finished runs
        _report(experiments, json)


def _experiments(
    datasets: list[str], presets: dict[str, Preset], protocol: str, seeds: range, device: str
) -> list[Experiment]:
    from gvae.datasets import load
    from gvae.environment import resolve_device
    from gvae.experiment import Experiment

    resolve_device(device)  # before anything is downloaded
    graphs = {name: load(name) for name in datasets}
    return [
        Experiment(data, model, protocol=protocol, preset=preset, seeds=seeds, device=device, dataset=dataset)
        for dataset, data in graphs.items()
        for model, preset in presets.items()
    ]


def _run(experiments: list[Experiment]) -> None:
    with progress_bar() as progress:
        total = sum(experiment.total_epochs for experiment in experiments)
        bar = progress.add_task("", total=total, status="")
        before = 0
        for experiment in experiments:
            experiment.run(epoch_reporter(progress, bar, partial(_place, experiment, before)))
            before += experiment.total_epochs


def _place(experiment: Experiment, before: int) -> tuple[str, int]:
    """Which run this is, and the epochs before it."""
    done, runs = len(experiment.runs), len(experiment.seeds)
    name = f"{experiment.dataset} {experiment.model} run {done + 1}/{runs}"
    return name, before + done * (experiment.total_epochs // runs)


def _report(experiments: list[Experiment], json: str | None) -> None:
    begun = [experiment for experiment in experiments if experiment.runs]
    if not begun:
        return
    first = begun[0]
    spread = f"mean ± std over random splits (seeds {first.seeds[0]}-{first.seeds[-1]})"
    measured = spread if len(first.seeds) > 1 else f"one random split (seed {first.seeds[0]})"
    title = f"Link prediction in percent, {measured}, protocol {first.protocol}"
    columns = ("data set", "model", ">runs", ">AUC", ">AP", ">published\nAUC / AP", ">s a run")
    caption = f"{first.protocol}: {PROTOCOLS[first.protocol]}."
    for model, changed in {e.model: e.overrides() for e in begun if e.overrides()}.items():
        caption += f"\n{model} settings: {', '.join(map(_setting, changed, changed.values()))}."
    if any(experiment.published() for experiment in begun):
        caption += f"\nPublished: {PUBLISHED_SOURCE}, so without the spread of splits."
    print_table(title, columns, [_row(experiment) for experiment in begun], caption, err=json == STDOUT)
    if json is not None:
        write_json(json, [experiment.to_dict() for experiment in experiments])


def _setting(name: str, value: object) -> str:
    return f"{name} {value}" if value is not False else f"{name} off"


def _row(experiment: Experiment) -> tuple[str, ...]:
    mean, std, published = experiment.mean(), experiment.std(), experiment.published()

    def percent(name: str) -> str:
        return f"{100 * mean[name]:.1f}" + (f" ± {100 * std[name]:.1f}" if std else "")

    return (
        str(experiment.dataset),
        experiment.model,
        f"{len(experiment.runs)}" + ("" if experiment.complete else f" of {len(experiment.seeds)}"),
        percent("auc"),
        percent("ap"),
        f"{100 * published['auc']:.1f} / {100 * published['ap']:.1f}" if published else "-",
        f"{statistics.median(run.seconds for run in experiment.runs):.1f}",
    )
