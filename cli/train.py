"""``gvae train``: learn one graph and keep all of it in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import DATASETS
from gvae.config import require_int
from gvae.errors import InputError, TrainingError

from ._console import epoch_reporter, print_table, progress_bar
from ._graphs import check_graph, load_graph
from ._options import Explain, ModelOptions, ReadOptions, option, starting, takes
from ._resume import Resume, discard, kept_if_interrupted, partial_of

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
Out = Annotated[
    str | None,
    typer.Option(metavar="RUN", help="The folder to write; it must not exist.", show_default=False),
]
Val = Annotated[
    float, option("Share of the edges held out to choose the epoch and to calibrate; 0 learns from all.")
]
Seed = Annotated[int, option("Of the held-out edges, the weights and the noise.")]


@takes(model=ModelOptions, read=ReadOptions)
def command(
    graph: Graph,
    out: Out = None,
    val: Val = 0.05,
    seed: Seed = 0,
    resume: Resume = False,
    explain: Explain = False,
    *,
    model: ModelOptions,
    read: ReadOptions,
) -> None:
    """Learn a graph; write the model, the embedding and how they were made to a folder.

    Example: gvae train edges.csv --out RUN, then gvae recommend RUN --top 100 --out links.csv
    """
    parameters = {**model.parameters(), "val": val, "seed": require_int("seed", seed, at_least=0)}
    _check_val(val, model.patience)
    check_graph(graph, read)
    if explain:
        _explain(graph, read, parameters)
        return
    if out is None:
        raise InputError("expected --out RUN, the folder to write (or --explain, which writes nothing)")
    partial = partial_of(out, resume)
    if partial is None:
        return
    with kept_if_interrupted(partial):
        trained, failure = _train(graph, read, parameters, partial)
        diverged = {"diverged": trained.history_.epochs} if failure is not None else {}
        trained.save(out, manifest={"graph_name": graph, "read": read.given(), **diverged})
    discard(partial)
    if failure is not None:
        raise TrainingError(f"{failure}, which {out} holds") from failure
    _report(trained, out)


def _check_val(val: float, patience: int | None) -> None:
    if not 0 <= val < 1:
        raise InputError(f"val must be a share from 0 to below 1, got {val:g}")
    if patience is not None and val == 0:
        raise InputError("--patience watches the held-out edges, and --val 0 holds none out")


def _explain(graph: str, read: ReadOptions, parameters: dict[str, object]) -> None:
    from gvae.estimator import GraphAutoencoder

    from ._plans import explain

    estimator = GraphAutoencoder(**parameters)  # type: ignore[arg-type]
    explain(graph, estimator.plan(load_graph(graph, read), checkpoint=True))


def _train(
    graph: str, read: ReadOptions, parameters: dict[str, object], partial: Path
) -> tuple[GraphAutoencoder, TrainingError | None]:
    """The trained estimator; if training diverged, that of the best epoch, and the error."""
    from gvae.estimator import GraphAutoencoder

    data = load_graph(graph, read)
    with progress_bar() as progress:
        estimator = GraphAutoencoder(**parameters)  # type: ignore[arg-type]
        bar = progress.add_task(f"{graph} {estimator.model}", total=estimator.epochs, status="")
        try:
            return estimator.fit(data, on_epoch=epoch_reporter(progress, bar), checkpoint=partial), None
        except TrainingError as error:
            if not hasattr(estimator, "model_"):  # no epoch was good
                raise
            return estimator, error


def _report(trained: GraphAutoencoder, out: str) -> None:
    data, history, val = trained.graph_, trained.history_, trained.val_scores_
    size = f"{data.num_nodes:,} nodes, {data.num_edges // 2:,} edges, {trained.n_features_in_:,} features"
    rows = [
        ("graph", size),
        ("model", f"{trained.model}, z of {trained.latent} dimensions"),
        ("trained", f"{history.epochs:,} epochs in {history.seconds:.1f} s"),
    ]
    if val is None:
        rows.append(("held out", "nothing: the last epoch is kept, and there are no probabilities"))
    else:
        share = f"{100 * trained.val:g}% of the edges, to choose the epoch and to calibrate"
        scores = f"epoch {history.epoch:,}, AUC {100 * val.auc:.1f} and AP {100 * val.ap:.1f} on those edges"
        few = "none: too few edges were held out to calibrate"
        rows += [
            ("held out", f"{share} (--val 0 learns from all)"),
            ("chosen", f"{scores}, which chose it"),
            ("probabilities", few if trained.calibration_ is None else "calibrated on those edges"),
        ]
    rows.append(("written", f"{out} (model, graph, embedding.parquet, config, history, manifest)"))
    print_table("Trained", ("part", "value"), rows)
