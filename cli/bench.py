"""``gvae bench``: link prediction on data sets, measured under a named protocol."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gvae.catalog import (
    DATASETS,
    DEVICES,
    HEURISTICS,
    LOSSES,
    METRICS,
    MODELS,
    PROTOCOLS,
    PUBLISHED_SOURCE,
    TIES,
    check_name,
    metric_label,
)
from gvae.config import require_int
from gvae.errors import InputError
from gvae.presets import PRESETS, Preset
from gvae.protocols import PROTOCOLS as RECORDS

from ._console import STDOUT, check_json_target, print_table, write_json
from ._graphs import check_graph, load_graph
from ._options import (
    PAPER,
    Beta,
    Device,
    Epochs,
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
from ._repeat import repeat
from ._running import run_all

if TYPE_CHECKING:
    from torch_geometric.data import Data

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
Loss = Annotated[
    str | None, option("full: all pairs, exactly; sampled: an estimate of it.", PAPER.train.loss, of=LOSSES)
]
Split = Annotated[
    str | None,
    typer.Option(metavar="FILE|FOLDER", help="Use the split of a .npz file for all runs, or a saved folder."),
]
SaveSplit = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Write each split, one .npz for each data set and seed."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="RESULT.json", help="Repeat a result; tell whether its figures differ."),
]
ListProtocols = Annotated[bool, typer.Option("--list-protocols", help="List the protocols and exit.")]


@takes(read=ReadOptions)
def command(
    dataset: Datasets = None,
    model: Models = ["gae", "vgae"],  # noqa: B006
    protocol: ProtocolName = None,
    baselines: Baselines = None,
    runs: Runs = 10,
    seed: Seed = 0,
    epochs: Epochs = None,
    hidden: Hidden = None,
    latent: Latent = None,
    lr: Rate = None,
    beta: Beta = None,
    loss: Loss = None,
    no_features: NoFeatures = False,
    split: Split = None,
    save_split: SaveSplit = None,
    from_: From = None,
    list_protocols: ListProtocols = False,
    device: Device = "auto",
    json: Json = None,
    *,
    read: ReadOptions,
) -> None:
    """Train and score models on data sets: a table of mean ± std over random splits.

    Example: gvae bench cora citeseer --runs 10
    """
    check_name("device", device, DEVICES)
    check_json_target(json)
    if list_protocols:
        _list_protocols()
    elif from_ is not None:
        if dataset:
            raise InputError("--from repeats a result as it was made: leave the data sets out")
        repeat(from_, device, json)
    else:
        settings = {
            "epochs": epochs,
            "hidden": hidden,
            "latent": latent,
            "lr": lr,
            "beta": beta,
            "loss": loss,
        }
        features = False if no_features else None
        preset = {name: _preset(name, features=features, **settings) for name in dict.fromkeys(model)}
        protocol = _protocol(protocol, split)
        graphs = _checked_graphs(dataset, read)
        seeds = range(require_int("seed", seed, at_least=0), seed + require_int("runs", runs, at_least=1))
        if baselines is None:
            baselines = RECORDS[protocol].negatives != "uniform"
        experiments = _experiments(
            graphs, read, preset, baselines, protocol, seeds, device, split, save_split
        )
        _run_and_report(experiments, json)


def _preset(model: str, **settings: Any) -> Preset:
    check_name("model", model, [*MODELS, *HEURISTICS])
    if model in HEURISTICS:
        return Preset().override(features=settings["features"])
    return PRESETS[model].override(**settings)


def _protocol(name: str | None, split: str | None) -> str:
    """The protocol asked for, or the one that a saved split was made under, or Kipf's."""
    if name is not None:
        return check_name("protocol", name, PROTOCOLS)
    if split is None:
        return "kipf"
    from gvae.split_source import protocol_of

    return protocol_of(split) or "kipf"


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


def _experiments(
    names: list[str],
    read: ReadOptions,
    presets: dict[str, Preset],
    baselines: bool,
    protocol: str,
    seeds: range,
    device: str,
    split: str | None,
    save_split: str | None,
) -> list[list[Experiment]]:
    """The experiments of each data set, which share its splits."""
    from gvae.data.graph import without_features
    from gvae.environment import resolve_device
    from gvae.experiment import Experiment
    from gvae.split_source import SplitSource

    resolve_device(device)  # before anything is downloaded
    features = all(preset.features for preset in presets.values())
    found = []
    for name in names:
        data = load_graph(name, read)
        graph = data if features else without_features(data)
        source = SplitSource(graph, protocol, name, split, save_split)
        source.check(seeds)
        models = presets | (_heuristics(graph, features) if baselines else {})
        given: dict[str, Any] = {"seeds": seeds, "device": device, "splits": source, "read": read.given()}
        found.append(
            [
                Experiment(data, model, protocol=protocol, preset=preset, dataset=name, **given)
                for model, preset in models.items()
            ]
        )
    return found


def _heuristics(graph: Data, features: bool) -> dict[str, Preset]:
    names = [name for name in HEURISTICS if not (graph.x is None and name == "cosine")]
    return {name: _preset(name, features=features) for name in names}


def _run_and_report(experiments: list[list[Experiment]], json: str | None) -> None:
    every = [experiment for together in experiments for experiment in together]
    try:
        run_all(experiments)
    finally:  # an interrupted or failed benchmark keeps its finished runs
        _report(every, err=json == STDOUT)
        if json is not None and any(experiment.runs for experiment in every):
            write_json(json, [experiment.to_dict() for experiment in every])


def _list_protocols() -> None:
    columns = ("protocol", "what it is", "scored by", "messages at test", "epoch scored")
    rows = []
    for name, text in PROTOCOLS.items():
        protocol = RECORDS[name]
        rows.append(
            (
                name,
                text,
                ", ".join(map(metric_label, protocol.metrics)),
                "train and val edges" if protocol.val_edges_at_test else "train edges",
                f"best {metric_label(protocol.metrics[0])} on val"
                if protocol.select == "val"
                else "the last",
            )
        )
    metrics = "\n".join(f"{metric_label(name)}: {text}." for name, text in METRICS.items())
    print_table("Protocols", columns, rows, f"{metrics}\nTies: {TIES}.")


def _report(experiments: list[Experiment], err: bool) -> None:
    begun = [experiment for experiment in experiments if experiment.runs]
    if not begun:
        return
    first = begun[0]
    metrics = RECORDS[first.protocol].metrics
    columns = ("data set", "model", "decoder", ">runs", *(f">{metric_label(name)}" for name in metrics))
    published = any(experiment.published() for experiment in begun)
    columns += (">published\nAUC / AP",) * published + (">s a run",)
    caption = f"{first.protocol}: {PROTOCOLS[first.protocol]}."
    for model, changed in {e.model: e.overrides() for e in begun if e.overrides()}.items():
        caption += f"\n{model} settings: {', '.join(map(_setting, changed, changed.values()))}."
    if published:
        caption += f"\nPublished: {PUBLISHED_SOURCE}, so without the spread of splits."
    title = f"Link prediction in percent, {_spread(first)}, protocol {first.protocol}"
    print_table(title, columns, [_row(experiment, published) for experiment in begun], caption, err=err)


def _spread(experiment: Experiment) -> str:
    first, last = experiment.seeds[0], experiment.seeds[-1]
    over = "initialisations on one split" if experiment.one_split else "random splits"
    if first == last:
        return f"{'a given' if experiment.one_split else 'one random'} split (seed {first})"
    return f"mean ± std over {over} (seeds {first}-{last})"


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
        f"{statistics.median(run.seconds for run in experiment.runs):.1f}",
    )
