"""Runs that can be interrupted: ``RUN.partial`` keeps the state of training until RUN is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from gvae.errors import InputError, TrainingError
from gvae.files import check_target, is_bundle

Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on where an interrupted run of the same settings stopped (RUN.partial keeps it)."
    ),
]


def partial_of(out: str, resume: bool) -> Path | None:
    """The folder for the state of training, once it is clear that RUN can be made; None if it is complete.

    Raises
    ------
    InputError
        If RUN exists or cannot be written, or an interrupted run is there and ``--resume`` was not given.
    """
    partial = Path(f"{out.rstrip('/')}.partial")
    if resume and is_bundle(out):
        discard(partial)
        typer.echo(f"{out} is a complete run: nothing is left to resume, and it stays as it is", err=True)
        return None
    check_target(out, "--out", new=True)
    _check_partial(partial, resume)
    return partial


def _check_partial(partial: Path, resume: bool) -> None:
    found = partial.is_dir() and any(partial.iterdir())
    if found and not resume:
        raise InputError(
            f"{partial} keeps an interrupted run: --resume goes on with it; remove it to begin anew"
        )
    if resume and not found:
        typer.echo(f"Note: no interrupted run in {partial}: training begins anew", err=True)


@contextmanager
def kept_if_interrupted(partial: Path) -> Iterator[None]:
    """Keep what training can go on from; of a run that failed or had just begun, nothing stays."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, TrainingError):
            discard(partial)
        with suppress(OSError):
            partial.rmdir()  # if there is nothing in it
        if isinstance(error, KeyboardInterrupt) and partial.exists():
            raise KeyboardInterrupt(
                f"{partial} keeps the training so far: the same command with --resume goes on."
            ) from None
        raise


def discard(partial: Path) -> None:
    """Remove the state of training, and nothing else that someone may have put there."""
    from gvae.train import Checkpoint

    Checkpoint(partial).remove()
