"""Embeddings as tables, and the files that other programs read them from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gvae.catalog import EMBEDDING_FORMATS, check_name
from gvae.errors import InputError
from gvae.files import write_file

_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".npy": "npy",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
}


def embedding_frame(ids: pl.Series, z: NDArray[np.floating]) -> pl.DataFrame:
    """A frame ``id, z0, z1, ...`` from ids ``(N,)`` and an embedding ``(N, D)``."""
    columns = {f"z{i}": np.ascontiguousarray(z[:, i]) for i in range(z.shape[1])}
    return pl.DataFrame({"id": ids, **columns})


def embedding_format(path: str | Path, name: str | None = None) -> str:
    """The format of a file: the one named, or that of the file's ending.

    Raises
    ------
    InputError
        For an unknown name, or an ending that stands for no format.
    """
    if name is not None:
        return check_name("format", name, EMBEDDING_FORMATS)
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{path}: the ending must be one of {', '.join(_SUFFIXES)}, or a format be named "
            f"({', '.join(EMBEDDING_FORMATS)})"
        )
    return _SUFFIXES[suffix]


def write_embedding(frame: pl.DataFrame, path: str | Path, format: str | None = None) -> list[Path]:  # noqa: A002
    """Write an embedding.

    Parameters
    ----------
    frame
        ``id, z0, z1, ...``, from `embedding_frame`.
    path
        The file. ``"npy"`` writes the ids beside it, as ``NAME.ids.csv``; ``"projector"`` (TensorBoard)
        writes ``NAME.vectors.tsv`` and ``NAME.metadata.tsv``.
    format
        One of `gvae.catalog.EMBEDDING_FORMATS`; by default that of the ending.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        For an unknown format, or ids that the format cannot hold.
    OutputError
        If it cannot be written.
    """
    return _WRITERS[embedding_format(path, format)](frame, Path(path))


def _csv(separator: str) -> Callable[[pl.DataFrame, Path], list[Path]]:
    def write(frame: pl.DataFrame, path: Path) -> list[Path]:
        write_file(path, lambda temporary: frame.write_csv(temporary, separator=separator))
        return [path]

    return write


def _parquet(frame: pl.DataFrame, path: Path) -> list[Path]:
    write_file(path, frame.write_parquet)
    return [path]


def _npy(frame: pl.DataFrame, path: Path) -> list[Path]:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, _matrix(frame), allow_pickle=False)

    ids = path.with_name(f"{path.stem}.ids.csv")
    write_file(ids, frame.select("id").write_csv)
    write_file(path, write)
    return [path, ids]


def _word2vec(frame: pl.DataFrame, path: Path) -> list[Path]:
    """A line ``N D``, then a line a node: its id and its coordinates, parted by blanks."""
    ids = frame["id"].cast(pl.String)
    bad = ids.filter(ids.str.contains(r"\s") | (ids == ""))
    if len(bad):
        raise InputError(f"{path}: word2vec's format has no ids with white space, such as {bad[0]!r}")
    rows = frame.write_csv(separator=" ", include_header=False, quote_style="never")
    write_file(path, f"{len(frame)} {frame.width - 1}\n{rows}")
    return [path]


def _projector(frame: pl.DataFrame, path: Path) -> list[Path]:
    """A pair of files without headers: vectors, and one column of ids, in the same order."""
    ids = [re.sub(r"\s", " ", name) for name in frame["id"].cast(pl.String)]
    stem = path.with_suffix("") if path.suffix in (".tsv", ".projector") else path
    vectors, metadata = (stem.with_name(f"{stem.name}.{part}.tsv") for part in ("vectors", "metadata"))
    rows = frame.drop("id").write_csv(separator="\t", include_header=False)
    write_file(vectors, rows)
    write_file(metadata, "".join(f"{name}\n" for name in ids))
    return [vectors, metadata]


def _matrix(frame: pl.DataFrame) -> NDArray[np.floating]:
    return np.ascontiguousarray(frame.drop("id").to_numpy())


_WRITERS: dict[str, Callable[[pl.DataFrame, Path], list[Path]]] = {
    "parquet": _parquet,
    "csv": _csv(","),
    "tsv": _csv("\t"),
    "npy": _npy,
    "word2vec": _word2vec,
    "projector": _projector,
}
