"""``gvae train``: learn one graph and keep all of it in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import DATASETS
from gvae.config import require_int
from gvae.errors import InputError
from gvae.files import check_target

from ._console import epoch_reporter, print_table, progress_bar
from ._graphs import check_graph, is_run, load_graph
from ._options import ModelOptions, ReadOptions, option, starting, takes

if TYPE_CHECKING:
    from gvae.estimator import GraphAutoencoder

Graph = Annotated[
    str,
    typer.Argument(
        help=f"A data set ({', '.join(DATASETS)}, family/Name) or a file: an edge list (CSV, TSV, blanks, "
        "gz), Parquet, GraphML, GEXF, GML, JSON, .npz, .mtx, .npy, .pt.",
        autocompletion=starting(DATASETS),
        metavar="GRAPH",
    ),
]
Out = Annotated[str, typer.Option(metavar="RUN", help="The folder to write; it must not exist.")]
Val = Annotated[
    float, option("Share of the edges held out to choose the epoch and to calibrate; 0 learns from all.")
]
Seed = Annotated[int, option("Of the held-out edges, the weights and the noise.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where an interrupted run of the same settings stopped.")
]


@takes(model=ModelOptions, read=ReadOptions)
def command(
    graph: Graph,
    out: Out,
    val: Val = 0.05,
    seed: Seed = 0,
    resume: Resume = False,
    *,
    model: ModelOptions,
    read: ReadOptions,
) -> None:
    """Learn a graph; write the model, the embedding and how they were made to a folder.

    Example: gvae train edges.csv --out RUN, then gvae recommend RUN --top 100 --out links.csv
    """
    parameters = {**model.parameters(), "val": val, "seed": require_int("seed", seed, at_least=0)}
    check_graph(graph, read)
    partial = Path(f"{out}.partial")
    if resume and is_run(out):
        typer.echo(f"{out} is complete; nothing is left to resume", err=True)
        return
    check_target(out, "--out", new=True)
    if partial.exists() and not resume:
        raise InputError(
            f"{partial} holds an interrupted run: --resume goes on with it; remove it to begin anew"
        )
    trained = _train(graph, read, parameters, partial)
    trained.save(out, manifest={"graph_name": graph, "read": read.given()})
    shutil.rmtree(partial, ignore_errors=True)
    _report(trained, out)


def _train(graph: str, read: ReadOptions, parameters: dict[str, object], partial: Path) -> GraphAutoencoder:
    from gvae.estimator import GraphAutoencoder

    data = load_graph(graph, read)
    with progress_bar() as progress:
        estimator = GraphAutoencoder(**parameters)  # type: ignore[arg-type]
        bar = progress.add_task(f"{graph} {estimator.model}", total=estimator.epochs, status="")
        return estimator.fit(data, on_epoch=epoch_reporter(progress, bar), checkpoint=partial)


def _report(trained: GraphAutoencoder, out: str) -> None:
    data, history, val = trained.graph_, trained.history_, trained.val_scores_
    rows = [
        (
            "graph",
            f"{data.num_nodes:,} nodes, {data.num_edges // 2:,} edges, {trained.n_features_in_:,} features",
        ),
        ("model", f"{trained.model}, z of {trained.latent} dimensions"),
        ("epoch", f"{history.epoch} of {history.epochs}, {history.seconds:.1f} s"),
    ]
    if val is not None:
        rows.append(
            (
                "held out",
                f"{trained.val:.0%} of the edges, to choose the epoch and to calibrate (--val 0 learns all)",
            )
        )
        rows.append(("on those", f"AUC {100 * val.auc:.1f}, AP {100 * val.ap:.1f} (they chose the epoch)"))
    else:
        rows.append(("held out", "nothing: the last epoch, and no probabilities"))
    rows.append(("written", f"{out}/ (model, graph, embedding.parquet, config, history, manifest)"))
    print_table("Trained", ("part", "value"), rows)
