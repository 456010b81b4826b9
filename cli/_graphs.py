"""What commands are pointed at: a graph by name or file, a run's folder, a table to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gvae.catalog import DATASETS
from gvae.errors import InputError, UnknownNameError
from gvae.files import check_target, write_file

from ._options import ReadOptions

if TYPE_CHECKING:
    import polars as pl
    from torch_geometric.data import Data

    from gvae.estimator import GraphAutoencoder

RUN = Annotated[str, typer.Argument(metavar="RUN", help="A folder that gvae train wrote.")]
TABLES = (".csv", ".tsv", ".parquet")
NETWORKS = (".graphml", ".gexf", ".gml", ".json")


def check_graph(name: str, read: ReadOptions) -> None:
    """Find out, without torch, whether there is such a graph.

    Raises
    ------
    InputError
        If it is neither a data set nor a file, or a data set is to be read like a file.
    """
    if name in DATASETS:
        if read.given():
            option = next(iter(read.given())).replace("_", "-")
            raise InputError(f"--{option} is for files; {name!r} is a data set (./{name} would be a file)")
    elif not Path(name).exists() and (name.count("/") != 1 or Path(name).suffix):
        if "/" in name or Path(name).suffix:
            raise InputError(f"{name}: no such file")
        raise UnknownNameError.of("data set or file", name, DATASETS)


def load_graph(name: str, read: ReadOptions, **more: Any) -> Data:
    """A data set by name, or a graph from a file."""
    if name in DATASETS or not Path(name).exists():
        from gvae.datasets import load

        return load(name)
    from gvae.data import read_graph

    return read_graph(name, **read.given(), **more)


def is_run(path: str) -> bool:
    """Whether a folder holds a run, as ``gvae train`` writes it."""
    return (Path(path) / "manifest.json").is_file()


def check_run(path: str) -> None:
    """Raise ``InputError`` unless there is a run."""
    if not is_run(path):
        raise InputError(f"{path}: no run here; expected a folder that gvae train wrote")


def load_run(path: str) -> GraphAutoencoder:
    """The model of a run's folder."""
    from gvae.estimator import GraphAutoencoder

    return GraphAutoencoder.load(path)


def check_out(path: str | None, endings: tuple[str, ...]) -> None:
    """Find out, before any work, whether ``--out`` can be written."""
    if path is None:
        return
    if Path(path).suffix.lower() not in endings:
        raise InputError(f"--out {path}: the ending must be one of {', '.join(endings)}")
    check_target(path, "--out")


def write_table(frame: pl.DataFrame, path: str) -> None:
    """Write a frame as the file's ending says: ``.csv``, ``.tsv`` or ``.parquet``."""
    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        write_file(path, frame.write_parquet)
    else:
        separator = "\t" if suffix == ".tsv" else ","
        write_file(path, lambda temporary: frame.write_csv(temporary, separator=separator))
    typer.echo(f"written: {path} ({len(frame):,} rows)", err=True)
