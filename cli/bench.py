"""``gvae bench``: link prediction on data sets, measured under a named protocol."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gvae.catalog import DATASETS, DEVICES, HEURISTICS, LOSSES, MODELS, PROTOCOLS, check_name
from gvae.config import require_int
from gvae.errors import InputError
from gvae.presets import PRESETS, Preset
from gvae.processes import prepare
from gvae.protocols import PROTOCOLS as RECORDS

from ._console import check_json_target
from ._graphs import check_graph, load_graph
from ._options import (
    BLOCK,
    LOSS,
    PAPER,
    Beta,
    Device,
    Epochs,
    Explain,
    Hidden,
    Json,
    Latent,
    NoFeatures,
    Rate,
    ReadOptions,
    option,
    starting,
    takes,
)
from ._protocols import list_protocols as print_protocols
from ._repeat import repeat
from ._results import run_and_report

if TYPE_CHECKING:
    from gvae.experiment import Experiment


Datasets = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"{', '.join(DATASETS)}, family/Name, or files of edges.",
        autocompletion=starting(DATASETS),
        metavar="DATASET...",
        show_default=False,
    ),
]
Models = Annotated[
    list[str],
    option(f"{', '.join(MODELS)}, or a heuristic: {', '.join(HEURISTICS)}; may be repeated.", of=MODELS),
]
ProtocolName = Annotated[
    str | None,
    option(f"How it is measured: {', '.join(PROTOCOLS)}; see --list-protocols.", "kipf", of=PROTOCOLS),
]
Baselines = Annotated[
    bool | None,
    typer.Option(
        "--baselines/--no-baselines",
        help="Rows of all heuristics below; by default with hard negatives.",
        show_default=False,
    ),
]
Runs = Annotated[int, option("Random splits, one run each.")]
Seed = Annotated[int, option("First seed: run i has seed + i, for split, weights and noise.")]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="RESULT.json", help="Repeat a result; tell whether its figures differ."),
]
Jobs = Annotated[
    int | None,
    option(
        "So many runs at once, each with its share of the threads.",
        "a run a thread, as memory allows; 1 with heuristics",
    ),
]
ListProtocols = Annotated[bool, typer.Option("--list-protocols", help="List the protocols and exit.")]


@dataclass(frozen=True)
class SplitOptions:
    """Where splits are read from and written to."""

    split: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="Use the split of a .npz file for all runs, or saved ones; their protocol, too.",
        ),
    ] = None
    save_split: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write splits, a .npz for each data set and seed."),
    ] = None


@dataclass(frozen=True)
class PresetOptions:
    """Settings that are not the preset's own."""

    epochs: Epochs = None
    hidden: Hidden = None
    latent: Latent = None
    lr: Rate = None
    beta: Beta = None
    loss: Annotated[
        str | None,
        option(LOSS, PAPER.train.loss, of=LOSSES),
    ] = None
    block: Annotated[int | None, option(BLOCK, "as many as the cache holds")] = None
    no_features: NoFeatures = False

    def preset(self, model: str) -> Preset:
        """How a model is trained; a heuristic is not, and only has features or not."""
        check_name("model", model, [*MODELS, *HEURISTICS])
        settings = {**vars(self), "features": False if self.no_features else None}
        del settings["no_features"]
        if model in HEURISTICS:
            return Preset().override(features=settings["features"])
        return PRESETS[model].override(**settings)


@takes(splits=SplitOptions, settings=PresetOptions, read=ReadOptions)
def command(
    ctx: typer.Context,
    dataset: Datasets = None,
    model: Models = ["gae", "vgae"],  # noqa: B006
    protocol: ProtocolName = None,
    baselines: Baselines = None,
    runs: Runs = 10,
    seed: Seed = 0,
    jobs: Jobs = None,
    explain: Explain = False,
    from_: From = None,
    list_protocols: ListProtocols = False,
    device: Device = "auto",
    json: Json = None,
    *,
    splits: SplitOptions,
    settings: PresetOptions,
    read: ReadOptions,
) -> None:
    """Train and score models on data sets: a table of mean ± std over random splits.

    Example: gvae bench cora citeseer --runs 10
    """
    check_name("device", device, DEVICES)
    if jobs is not None:
        require_int("jobs", jobs, at_least=1)
    check_json_target(json, *([from_] if from_ else []))
    if list_protocols:
        print_protocols()
        return
    if from_ is not None:
        _refuse_the_rest(ctx)
        repeat(from_, device, json, jobs)
        return
    presets = {name: settings.preset(name) for name in dict.fromkeys(model)}
    seeds = range(require_int("seed", seed, at_least=0), seed + require_int("runs", runs, at_least=1))
    names = _checked_graphs(dataset, read)
    protocol = _protocol(protocol, splits.split)
    if baselines is None:
        baselines = RECORDS[protocol].negatives != "uniform"
    beside = {name: settings.preset(name) for name in HEURISTICS if baselines}
    if not explain and device != "cuda" and _most_jobs(jobs, len(seeds), presets | beside) > 1:
        prepare()
    common = {"protocol": protocol, "seeds": seeds, "device": device, "read": read.given()}
    experiments = [_experiments(name, read, presets, beside, splits, common) for name in names]
    _refuse_equal_places(experiments, seeds[0])
    if explain:
        _explain(experiments, jobs)
        return
    run_and_report(experiments, json, jobs)
    if splits.save_split is not None:
        typer.echo(f"written: {splits.save_split} ({len(seeds) * len(names)} splits)", err=True)


def _most_jobs(jobs: int | None, seeds: int, models: Iterable[str]) -> int:
    """No more runs than this will go at once, as far as that is known without torch."""
    if jobs is None:
        threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
        jobs = 1 if threads == "1" or not HEURISTICS.keys().isdisjoint(models) else seeds
    return min(jobs, seeds)


def _explain(experiments: list[list[Experiment]], jobs: int | None) -> None:
    from gvae.experiment import affordable_jobs

    from ._plans import explain_all

    plans = [
        (str(experiment.dataset), experiment.plan(affordable_jobs(together) if jobs is None else jobs))
        for together in experiments
        for experiment in together
    ]
    explain_all([(name, plan) for name, plan in plans if plan is not None])


def _refuse_equal_places(experiments: list[list[Experiment]], seed: int) -> None:
    """Two data sets must not write, or read, the same files of splits."""
    sources = [together[0].splits for together in experiments]
    places = [source.place(seed) for source in sources if source is not None]
    for place in places:
        if place is not None and places.count(place) > 1:
            raise InputError(
                f"{place} would be the split of two data sets: give them files of different names"
            )


def _refuse_the_rest(ctx: typer.Context) -> None:
    """With --from, nothing else says what is run."""
    given = [name for name in ctx.params if ctx.get_parameter_source(name).name == "COMMANDLINE"]  # type: ignore[union-attr]
    for name in given:
        if name not in ("from_", "device", "jobs", "json"):
            flag = "the data sets" if name == "dataset" else f"--{name.replace('_', '-')}"
            raise InputError(f"--from repeats a result as it was made: leave {flag} out")


def _checked_graphs(names: list[str] | None, read: ReadOptions) -> list[str]:
    if not names:
        raise InputError(
            f"expected at least one DATASET: {', '.join(DATASETS)}, family/Name or a file of edges"
        )
    if read.directed:
        raise InputError("--directed: the scores of a benchmark are symmetric; leave it out")
    for name in names:
        check_graph(name, read)
    return [*dict.fromkeys(names)]


def _protocol(name: str | None, split: str | None) -> str:
    """The protocol asked for, or the one that a saved split was made under, or Kipf's."""
    if name is not None:
        return check_name("protocol", name, PROTOCOLS)
    if split is None:
        return "kipf"
    from gvae.split_source import protocol_of

    return protocol_of(split) or "kipf"


def _experiments(
    name: str,
    read: ReadOptions,
    presets: dict[str, Preset],
    beside: dict[str, Preset],
    files: SplitOptions,
    common: dict[str, Any],
) -> list[Experiment]:
    """The experiments of a data set, which share its splits: models asked for, heuristics beside them."""
    from gvae.data.graph import without_features
    from gvae.environment import resolve_device
    from gvae.experiment import Experiment
    from gvae.split_source import SplitSource

    resolve_device(common["device"])  # before anything is downloaded
    data = load_graph(name, read)
    graph = data if all(preset.features for preset in presets.values()) else without_features(data)
    source = SplitSource(graph, common["protocol"], name, files.split, files.save_split)
    source.check(common["seeds"])
    models = {model: preset for model, preset in beside.items() if model != "cosine" or graph.x is not None}
    return [
        Experiment(data, model, preset=preset, dataset=name, splits=source, **common)
        for model, preset in (presets | models).items()
    ]
