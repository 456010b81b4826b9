"""``gvae recommend``: the most likely missing links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gvae.config import require_int
from gvae.errors import InputError

from ._console import print_frame
from ._graphs import RUN, TABLES, check_files, check_out, check_run, load_run, score_caption, write_table
from ._options import option

if TYPE_CHECKING:
    import polars as pl

    from gvae.estimator import GraphAutoencoder

Out = Annotated[
    str | None, typer.Option(metavar="FILE", help=f"Where to write all of them ({', '.join(TABLES)}).")
]
Top = Annotated[int | None, option("The best K pairs of the graph.", "10 without --per-node", metavar="K")]
PerNode = Annotated[int | None, option("The best K partners of each node.", "off", metavar="K")]
Nodes = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="With --per-node: the nodes, ids in the first column.", show_default=False
    ),
]
MinScore = Annotated[float | None, option("Least score, a logit.", "none")]
MaxDegree = Annotated[int | None, option("Leave out nodes with more edges than that.", "none")]
Sides = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="For bipartite graphs: a table of ids and sides (two values); only pairs across are considered.",
        show_default=False,
    ),
]
Approximate = Annotated[
    bool | None,
    typer.Option(
        "--approximate/--exact",
        help="Search an approximate index (extra ann); by default for large graphs alone.",
    ),
]


def command(
    run: RUN,
    out: Out = None,
    top: Top = None,
    per_node: PerNode = None,
    nodes: Nodes = None,
    min_score: MinScore = None,
    max_degree: MaxDegree = None,
    sides: Sides = None,
    approximate: Approximate = None,
) -> None:
    """Find the pairs that score highest and are not edges, in your ids, best first.

    Example: gvae recommend RUN --per-node 10 --out links.csv
    """
    if top is not None and per_node is not None:
        raise InputError("--top ranks all pairs, --per-node each node's: give one of them")
    if per_node is None and (nodes is not None or approximate):
        raise InputError("--nodes and --approximate go with --per-node")
    name, asked = ("top", 10 if top is None else top) if per_node is None else ("per-node", per_node)
    k = require_int(name, asked, at_least=1)
    if max_degree is not None:
        require_int("max-degree", max_degree, at_least=0)
    check_run(run)
    check_files(nodes, sides)
    check_out(out, TABLES)
    model = load_run(run)
    frame = model.recommend(
        None if nodes is None else _first_column(nodes),
        k,
        overall=per_node is None,
        min_score=min_score,
        max_degree=max_degree,
        sides=None if sides is None else _sides(sides, model),
        approximate=approximate,
    )
    print_frame(f"The most likely missing links of {run}", frame, _caption(model, len(frame)), out)
    if out is not None:
        write_table(frame, out)


def _caption(model: GraphAutoencoder, found: int) -> str:
    if not found:
        return "No pair: all are edges, or left out by what you asked for."
    return score_caption(model)


def _first_column(path: str) -> pl.Series:
    from gvae.data import read_ids

    return read_ids(path)


def _sides(path: str, model: GraphAutoencoder) -> Any:
    from gvae.data import read_sides

    return read_sides(path, model.graph_)
