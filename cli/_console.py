"""What all commands print with: tables on standard output, progress on standard error, JSON in files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

from gvae.errors import InputError, OutputError
from gvae.files import check_target, write_file

if TYPE_CHECKING:
    import polars as pl
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from gvae.train import EpochRecord

STDOUT = "-"
FOLDED = 28
"""Width below which the text in a table's column is not folded."""


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    *,
    err: bool = False,
) -> None:
    """Print a table between its title and caption, as wide as it needs where no terminal sets the width.

    Columns whose name begins with ">" hold numbers. Only long texts are folded: a narrow terminal wraps the
    lines of a table that is wider still, and nothing is cut.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    least = _add_columns(table, columns, rows)
    for row in rows:
        table.add_row(*row)
    console = Console(stderr=err, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 160
    console.print(title, style="bold")
    terminal, console.width = console.width, max(console.width, least)
    console.print(table)
    console.width = terminal
    if caption:
        console.print(caption, style="dim")


def _add_columns(table: Table, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Add the columns; the width below which the table would be cut."""
    least = 0
    for i, name in enumerate(columns):
        number = name.startswith(">")
        lines = [
            line for cell in (name.removeprefix(">"), *(row[i] for row in rows)) for line in cell.split("\n")
        ]
        widest = max(map(len, lines))
        fixed = widest if number or i == 0 else min(widest, FOLDED)
        justify: Literal["right", "left"] = "right" if number else "left"
        table.add_column(
            name.removeprefix(">"), justify=justify, no_wrap=fixed == widest, min_width=fixed, overflow="fold"
        )
        least += fixed + 2
    return least


def progress_bar() -> Progress:
    """Show a progress bar on standard error, silent when that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[status]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def print_frame(title: str, frame: pl.DataFrame, caption: str = "", out: str | None = None) -> None:
    """Print a frame: its first 10 rows if all of it goes to the file ``out``, else the first 100."""
    rows = 100 if out is None else 10
    columns = [f">{name}" if kind.is_numeric() else name for name, kind in frame.schema.items()]
    shown = [tuple(_cell(value) for value in row) for row in frame.head(rows).iter_rows()]
    if len(frame) > rows:
        rest = "--out FILE writes all" if out is None else f"all go to {out}"
        caption = f"The first {rows} of {len(frame):,} rows; {rest}. {caption}"
    print_table(title, columns, shown, caption)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1e}"


def epoch_reporter(
    progress: Progress,
    bar: TaskID,
    place: Callable[[], tuple[str, int]] | None = None,
    figure: Callable[[float], str] = lambda val: f"val AUC {100 * val:.1f}",
) -> Callable[[int, EpochRecord | None], None]:
    """What a progress bar says after an epoch; the last known figures stay until there are newer ones.

    ``place`` tells which run this is and how many epochs were before it, where there are several;
    ``figure`` puts the validation figure into words.
    """
    known = ""

    def report(epoch: int, record: EpochRecord | None) -> None:
        nonlocal known
        if record is not None:
            val = "" if record.val is None else f"  {figure(record.val)}"
            known = f"  loss {record.total:.3f}{val}"
        name, before = place() if place is not None else (None, 0)
        progress.update(bar, completed=before + epoch, description=name, status=f"epoch {epoch}{known}")

    return report


def check_json_target(target: str | None, *inputs: str) -> None:
    """Find out, before any work, whether a ``--json`` target can be written, and is none of the inputs.

    Raises
    ------
    InputError
        If its folder does not exist, it is a folder or an input, or it may not be written.
    """
    if target is not None and target != STDOUT:
        check_target(target, "--json")
        if os.path.realpath(target) in map(os.path.realpath, inputs):
            raise InputError(f"--json {target}: is what is read here, and would be overwritten")


def write_json(target: str, content: Any) -> None:
    """Write JSON to standard output (``-``) or to a file, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written after all.
    """
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    if target == STDOUT:
        sys.stdout.write(text)
        return
    try:
        write_file(target, text)
    except OutputError as error:
        raise OutputError(f"--json {error}") from error
    typer.echo(f"written: {target}", err=True)
