"""``gvae score``: score given pairs of nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from ._console import print_frame
from ._graphs import RUN, TABLES, check_files, check_out, check_run, load_run, score_caption, write_table
from ._options import option

Pairs = Annotated[
    str,
    typer.Argument(
        metavar="PAIRS", help="A table with two columns of node ids: CSV, TSV, blanks or Parquet."
    ),
]
Column = Annotated[
    str | None,
    option("One column of ids; both are named, or the first two are taken.", "found out", metavar="COLUMN"),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header", help="Whether the first line names the columns; by default found out."
    ),
]
Out = Annotated[str | None, typer.Option(metavar="FILE", help=f"Where to write them ({', '.join(TABLES)}).")]


def command(
    run: RUN,
    pairs: Pairs,
    out: Out = None,
    source: Column = None,
    target: Column = None,
    header: Header = None,
) -> None:
    """Score pairs of nodes; a pair with an unknown id keeps its row, without a score.

    Example: gvae score RUN pairs.csv --out scores.csv
    """
    check_run(run)
    check_files(pairs)
    check_out(out, TABLES)
    from gvae.data import read_pairs

    asked = read_pairs(pairs, source=source, target=target, header=header)
    model = load_run(run)
    frame = model.score_edges(asked)
    print_frame(f"Scores of {run}", frame, score_caption(model), out)
    if out is not None:
        write_table(frame, out)
