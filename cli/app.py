"""The ``gvae`` command and what holds for all of its commands: errors, exit codes, interruption."""

from __future__ import annotations

import atexit
import functools
import gc
import io
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import gvae
from gvae.errors import GvaeError, GvaeWarning, InputError, LeakError, MissingPackageError

from . import audit, bench, cluster, compare, datasets, embed, image, info, models, recommend, score, train


class _Group(TyperGroup):
    """Turns our errors into one line on standard error and an exit code, and our warnings into notes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", GvaeWarning)
                warnings.showwarning = functools.partial(_note, set())
                return super().invoke(ctx)
        except GvaeError as error:
            typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(_exit_code(error)) from error
        except KeyboardInterrupt as interruption:
            typer.echo(f"Interrupted. {interruption}".strip(), err=True)
            raise typer.Exit(130) from None


def _exit_code(error: GvaeError) -> int:
    if isinstance(error, LeakError):
        return 3
    return 2 if isinstance(error, InputError | MissingPackageError) else 1


def _note(seen: set[str], message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning of ours, each once."""
    if issubclass(category, GvaeWarning) and str(message) not in seen:
        seen.add(str(message))
        typer.echo(f"Note: {message}", err=True)


COLLECT_EVERY = 10_000
"""New objects between two garbage collections; at Python's 700 they take a sixth of all imports' time."""

app = typer.Typer(
    cls=_Group, name="gvae", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gvae {gvae.__version__}")
        raise typer.Exit


@app.callback()
def gvae_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Graph autoencoders: embeddings, clusters and missing links of your graph, and benchmarks to trust."""


app.command("bench")(bench.command)
app.command("train")(train.command)
app.command("embed")(embed.command)
app.command("recommend")(recommend.command)
app.command("score")(score.command)
app.command("cluster")(cluster.command)
app.command("compare")(compare.command)
app.command("audit")(audit.command)
app.command("datasets")(datasets.command)
app.command("models")(models.command)
app.command("info")(info.command)
app.add_typer(image.app, name="image")


def main() -> None:
    """Entry point of the ``gvae`` script."""
    gc.set_threshold(COLLECT_EVERY)
    atexit.register(gc.freeze)  # at the end nothing is collected: what torch made takes it a second
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no "±" still gets its table
            stream.reconfigure(errors="replace")
    try:
        app()
    except OSError as error:  # a full disk behind standard output, for instance
        typer.echo(f"Error: the output cannot be written ({error.strerror or error})", err=True)
        sys.exit(1)
