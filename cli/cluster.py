"""``gvae cluster``: groups of nodes, with what can be said of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import CLUSTERINGS, CRITERIA, DATASETS, FINDS_K, check_name
from gvae.config import require_int
from gvae.errors import InputError
from gvae.files import is_bundle

from ._console import STDOUT, check_json_target, epoch_reporter, print_table, progress_bar, write_json
from ._graphs import NETWORKS, TABLES, check_graph, check_out, load_graph, load_run, write_table
from ._options import Json, ModelOptions, ReadOptions, option, starting, takes

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from gvae.cluster_runs import ClusterRuns

Source = Annotated[
    str,
    typer.Argument(
        metavar="GRAPH|RUN",
        help="A graph, by name or file, or a folder that gvae train wrote.",
        autocompletion=starting(DATASETS),
    ),
]
K = Annotated[
    int | None, typer.Option("-k", "--clusters", help="Number of clusters.", metavar="K", show_default=False)
]
Method = Annotated[str, option(f"{'; '.join(map(': '.join, CLUSTERINGS.items()))}.", of=CLUSTERINGS)]
Choose = Annotated[
    str | None,
    option(f"Find K without labels: {'; '.join(map(': '.join, CRITERIA.items()))}.", "off", of=CRITERIA),
]
MaxK = Annotated[int, option("Largest K that --choose tries.")]
Runs = Annotated[int, option("Seeds: a model each for a GRAPH, a clustering each for a RUN.")]
Seed = Annotated[int, option("First seed.")]
Smooth = Annotated[
    int, option("Rounds of averaging with neighbours first; 2 to 6 suit graphs whose edges join alike.")
]
Restarts = Annotated[
    int, option("Starts of the clustering; the best objective is kept, never the best labels.")
]
Out = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help=f"Clusters of the first seed: a table ({', '.join(TABLES)}) or the graph with them as node "
        f"attributes ({', '.join(NETWORKS)}).",
    ),
]


@takes(model=ModelOptions, read=ReadOptions)
def command(
    graph: Source,
    k: K = None,
    method: Method = "kmeans",
    choose: Choose = None,
    max_k: MaxK = 20,
    runs: Runs = 1,
    seed: Seed = 0,
    smooth: Smooth = 0,
    restarts: Restarts = 10,
    out: Out = None,
    json: Json = None,
    *,
    model: ModelOptions,
    read: ReadOptions,
) -> None:
    """Group the nodes of a graph by their embedding, learned from the whole graph and no labels.

    Example: gvae cluster cora -k 7 --runs 10
    """
    _check_k(k, method, choose)
    _check_numbers(
        max_k=(max_k, 2), runs=(runs, 1), seed=(seed, 0), smooth=(smooth, 0), restarts=(restarts, 1)
    )
    trained = _check_source(graph, model, read)
    check_out(out, (*TABLES, *NETWORKS))
    check_json_target(json)
    from gvae.cluster_runs import ClusterRuns

    found = ClusterRuns(k, method, choose, max_k, smooth, restarts)
    seeds = range(seed, seed + runs)
    data = _add_trained(found, graph, seeds) if trained else _train(found, graph, seeds, model, read)
    if out is not None:
        _write(out, data, found)
    if json is not None:
        write_json(json, {"graph": graph, **found.to_dict()})
    _report(graph, found, err=json == STDOUT)


def _check_source(graph: str, model: ModelOptions, read: ReadOptions) -> bool:
    """Whether it is a run; a data set's name is never one."""
    if graph not in DATASETS and is_bundle(graph):
        if read.given() or model != ModelOptions():
            raise InputError(f"{graph} is a run: how a file is read and a model trained was settled there")
        return True
    model.parameters()
    if model.patience is not None:
        raise InputError("--patience watches held-out edges, and clusters are learned from all of them")
    check_graph(graph, read)
    return False


def _check_numbers(**numbers: tuple[int, int]) -> None:
    """Each with the least that it may be."""
    for name, (value, least) in numbers.items():
        require_int(name.replace("_", "-"), value, least)


def _check_k(k: int | None, method: str, choose: str | None) -> None:
    check_name("clustering", method, CLUSTERINGS)
    if method in FINDS_K:
        if k is not None or choose is not None:
            raise InputError(f"{method} finds the number of clusters itself: leave -k and --choose out")
        return
    if k is not None and choose is not None:
        raise InputError("-k gives the number of clusters, --choose finds it: give one of them")
    if k is None and choose is None:
        raise InputError(
            f"{method} needs either -k, the number of clusters, or --choose ({', '.join(CRITERIA)})"
        )
    if choose is not None:
        check_name("criterion", choose, CRITERIA)
        if choose == "bic" and method != "gmm":
            raise InputError("--choose bic goes with --method gmm")
    if k is not None:
        require_int("k", k, at_least=2)


def _add_trained(found: ClusterRuns, run: str, seeds: range) -> Data:
    estimator = load_run(run)
    for seed in seeds:
        found.add_trained(estimator, seed)
    return estimator.graph_


def _train(found: ClusterRuns, source: str, seeds: range, model: ModelOptions, read: ReadOptions) -> Data:
    data, epochs = load_graph(source, read), model.epochs
    with progress_bar() as progress:
        bar = progress.add_task(source, total=epochs * len(seeds), status="")

        def place() -> tuple[str, int]:
            done = len(found.runs)
            return f"{source} run {done + 1}/{len(seeds)}", done * epochs

        on_epoch = epoch_reporter(progress, bar, place)
        found.train_and_add(data, seeds, on_epoch=on_epoch, **model.parameters())
    return data


def _report(source: str, found: ClusterRuns, err: bool) -> None:
    mean, std = found.mean(), found.std()
    sizes = sorted({run.k for run in found.runs})
    rows = [("number of clusters", str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}")]
    for name, value in mean.items():
        spread = f" ± {100 * std[name]:.1f}" if std else ""
        rows.append((_NAMES[name], f"{100 * value:.1f}{spread}"))
    seeds = [run.seed for run in found.runs]
    spread = f"mean ± std over seeds {seeds[0]}-{seeds[-1]}" if std else f"seed {seeds[0]}"
    notes = [
        f"The number of clusters is chosen by {found.choose}: {CRITERIA[found.choose]}."
        if found.choose
        else "",
        "Labels were not used to train, to cluster or to choose." if "acc" in mean else "",
    ]
    title = f"Clusters of {source} by {found.method}, in percent, {spread}"
    print_table(title, ("measure", ">value"), rows, "\n".join(filter(None, notes)), err=err)


_NAMES = {
    "acc": "ACC (best matching)",
    "nmi": "NMI",
    "ami": "AMI",
    "ari": "ARI",
    "f1": "macro-F1",
    "noise": "nodes in no cluster (noise, -1)",
    "modularity": "modularity",
    "conductance": "conductance (lower is better)",
}


def _write(out: str, data: Data, found: ClusterRuns) -> None:
    import polars as pl

    from gvae.data import node_ids, write_graph

    labels = found.runs[0].labels
    if Path(out).suffix.lower() in NETWORKS:
        write_graph(data, out, {"cluster": labels})
        typer.echo(f"written: {out} ({data.num_nodes:,} nodes with the attribute cluster)", err=True)
    else:
        write_table(pl.DataFrame({"id": node_ids(data), "cluster": labels}), out)
