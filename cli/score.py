"""``gvae score``: score given pairs of nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from ._console import print_frame
from ._graphs import RUN, TABLES, check_files, check_out, check_run, load_run, write_table

Pairs = Annotated[
    str,
    typer.Argument(
        metavar="PAIRS", help="A table with two columns of node ids: CSV, TSV, blanks or Parquet."
    ),
]
Out = Annotated[str | None, typer.Option(metavar="FILE", help=f"Where to write them ({', '.join(TABLES)}).")]


def command(run: RUN, pairs: Pairs, out: Out = None) -> None:
    """Score pairs of nodes; a pair with an unknown id keeps its row, without a score.

    Example: gvae score RUN pairs.csv --out scores.csv
    """
    check_run(run)
    check_files(pairs)
    check_out(out, TABLES)
    frame = load_run(run).score_edges(pairs)
    print_frame(f"Scores of {run}", frame, "Score: logit.", out)
    if out is not None:
        write_table(frame, out)
