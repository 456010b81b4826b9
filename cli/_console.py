"""What all commands print with: tables on standard output, progress on standard error, JSON in files."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gvae.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

STDOUT = "-"


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> Table:
    """Build a table; columns whose name begins with ">" are aligned to the right."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption=caption or None, caption_justify="left")
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    for row in rows:
        table.add_row(*row)
    return table


def print_table(table: Table, *, err: bool = False) -> None:
    """Print a table, as wide as it needs where no terminal sets the width."""
    from rich.console import Console

    console = Console(stderr=err)
    if not console.is_terminal:
        console = Console(stderr=err, width=160)
    console.print(table)


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


def check_json_target(target: str | None) -> None:
    """Find out, before any work, whether a ``--json`` target can be written.

    Raises
    ------
    InputError
        If its folder does not exist, it is a folder, or it may not be written.
    """
    if target is None or target == STDOUT:
        return
    path = Path(target)
    if not path.parent.is_dir():
        raise InputError(f"--json {target}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise InputError(f"--json {target}: is a folder, expected a file")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise InputError(f"--json {target}: cannot be written")


def write_json(target: str, content: Any) -> None:
    """Write JSON to standard output (``-``) or to a file, whole or not at all."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    if target == STDOUT:
        sys.stdout.write(text)
        return
    path = Path(target)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    typer.echo(f"written: {path}", err=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
