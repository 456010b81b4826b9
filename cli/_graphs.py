"""What commands are pointed at: a graph by name or file, a run's folder, a table to write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import DATASETS
from gvae.errors import InputError, UnknownNameError
from gvae.files import check_target, is_bundle

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
    if is_data_set(name):
        if read.given():
            option = next(iter(read.given())).replace("_", "-")
            raise InputError(f"--{option} is for files; {name!r} is a data set (./{name} would be a file)")
        return
    if not (os.path.exists(name) or "/" in name or Path(name).suffix):
        raise UnknownNameError.of("data set or file", name, DATASETS)
    check_files(name, read.features)
    of_nodes = [key for key in ("id", "label", "text", "isolated") if key in read.given()]
    if of_nodes and read.features is None:
        raise InputError(f"--{of_nodes[0]} describes the table of --features; give that too")


def is_data_set(name: str) -> bool:
    """Whether a graph is meant by name: one of ours, or family/Name where that is no file."""
    family, slash, rest = name.partition("/")
    far = bool(slash) and family[:1].isalpha() and "/" not in rest and not Path(name).suffix
    return name in DATASETS or (far and not os.path.exists(name))


def check_files(*paths: str | None) -> None:
    """Find out, without torch, whether files that are to be read are there; ``None`` is none."""
    for path in paths:
        if path is not None and not os.path.exists(path):
            raise InputError(f"{path}: no such file")
        if path is not None and os.path.isdir(path):
            raise InputError(f"{path}: is a folder, expected a file")


def load_graph(name: str, read: ReadOptions, like: Data | None = None) -> Data:
    """A data set by name, or a graph from a file."""
    if is_data_set(name):
        from gvae.datasets import load

        return load(name)
    from gvae.data import read_graph

    return read_graph(name, **read.given(), like=like)


def check_run(path: str, command: str = "gvae train") -> None:
    """Raise ``InputError`` unless there is a run, which ``command`` writes."""
    if is_bundle(path):
        return
    if os.path.isdir(f"{path}.partial") and not os.path.exists(path):
        raise InputError(f"{path}: this run was interrupted; {command} with --resume finishes it")
    raise InputError(f"{path}: no run here; expected a folder that {command} wrote")


def load_run(path: str) -> GraphAutoencoder:
    """The model of a run's folder."""
    from gvae.estimator import GraphAutoencoder

    return GraphAutoencoder.load(path)


def score_caption(model: GraphAutoencoder) -> str:
    """What the columns score and probability mean."""
    if model.calibration_ is not None:
        return "Score: logit. Probability: if as many links are missing as were held out, and like those."
    if not model.held_out_:
        return "Score: logit. No probability: nothing was held out to calibrate."
    few = f"{model.held_out_} edges were held out, 20 are needed to calibrate"
    return f"Score: logit. No probability: {few} (gvae train --val 0.2 holds out more)."


def check_out(path: str | None, endings: tuple[str, ...]) -> None:
    """Find out, before any work, whether ``--out`` can be written."""
    if path is None:
        return
    if is_bundle(str(Path(path).parent)):
        raise InputError(f"--out {path}: lies in a run's folder, whose files are the run's own")
    if Path(path).suffix.lower() not in endings:
        raise InputError(f"--out {path}: the ending must be one of {', '.join(endings)}")
    check_target(path, "--out")


def write_table(frame: pl.DataFrame, path: str) -> None:
    """Write a frame as the file's ending says: ``.csv``, ``.tsv`` or ``.parquet``."""
    from gvae.embeddings import write_frame

    write_frame(frame, Path(path))
    typer.echo(f"written: {path} ({len(frame):,} rows)", err=True)
