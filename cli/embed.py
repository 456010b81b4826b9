"""``gvae embed``: the embedding of a run, or of new nodes, in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import EMBEDDING_FORMATS
from gvae.embeddings import ENDINGS, embedding_files, embedding_format, write_embedding
from gvae.errors import InputError

from ._graphs import NETWORKS, RUN, check_graph, check_out, check_run, load_graph, load_run
from ._options import ReadOptions, option, takes

if TYPE_CHECKING:
    import polars as pl
    from torch_geometric.data import Data

Graph = Annotated[
    str | None,
    typer.Argument(
        metavar="GRAPH",
        help="A graph with new nodes, embedded without training: its edges are added to the run's, "
        "nodes joined by id.",
        show_default=False,
    ),
]
Out = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help=".parquet, .csv, .tsv, .npy, word2vec's .txt/.vec, or .graphml, .gexf, .gml, .json with the "
        "coordinates as node attributes.",
    ),
]
Format = Annotated[
    str | None, option(f"{', '.join(EMBEDDING_FORMATS)}.", "by the ending", of=EMBEDDING_FORMATS)
]
Alone = Annotated[
    bool, typer.Option("--alone", help="GRAPH stands alone: none of the run's edges are added.")
]


@takes(read=ReadOptions)
def command(
    run: RUN,
    out: Out,
    graph: Graph = None,
    format: Format = None,  # noqa: A002
    alone: Alone = False,
    *,
    read: ReadOptions,
) -> None:
    """Write the embedding of a run's nodes, or of the nodes of GRAPH.

    Example: gvae embed RUN --out vectors.parquet
    """
    check_run(run)
    if graph is not None:
        check_graph(graph, read)
    elif alone or read.given():
        raise InputError("--alone and how a file is read need GRAPH, the file with new nodes")
    as_network = format is None and Path(out).suffix.lower() in NETWORKS
    if format is None:
        check_out(out, (*ENDINGS, *NETWORKS))
    written = [Path(out)] if as_network else embedding_files(out, embedding_format(out, format))
    for path in written:
        check_out(str(path), (path.suffix.lower(),))
    data, frame = _embedding(run, graph, alone, read)
    if as_network:
        from gvae.data import write_graph

        write_graph(data, out, frame.drop("id").to_dict())
    else:
        write_embedding(frame, out, format)
    names = " and ".join(map(str, written))
    typer.echo(f"written: {names} ({len(frame):,} nodes, {frame.width - 1} dimensions)", err=True)


def _embedding(run: str, graph: str | None, alone: bool, read: ReadOptions) -> tuple[Data, pl.DataFrame]:
    from gvae.data import node_ids
    from gvae.embeddings import embedding_frame

    model = load_run(run)
    if graph is None:
        return model.graph_, model.embedding_frame()
    data = load_graph(graph, read, like=model.graph_)
    return data, embedding_frame(node_ids(data), model.transform(data, extend=not alone))
