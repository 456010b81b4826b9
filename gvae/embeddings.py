"""Embeddings as tables, and the files that other programs read them from. Imports without numpy or polars."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gvae.catalog import EMBEDDING_FORMATS, check_name
from gvae.errors import InputError
from gvae.files import write_file

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".npy": "npy",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
}
"""The format that a file's ending stands for."""


def embedding_frame(ids: pl.Series, z: NDArray[np.floating]) -> pl.DataFrame:
    """A frame ``id, z0, z1, ...`` from ids ``(N,)`` and an embedding ``(N, D)``."""
    import numpy as np
    import polars as pl

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
    if suffix not in ENDINGS:
        raise InputError(
            f"{path}: the ending must be one of {', '.join(ENDINGS)}, or a format be named "
            f"({', '.join(EMBEDDING_FORMATS)})"
        )
    return ENDINGS[suffix]


def embedding_files(path: str | Path, format: str) -> list[Path]:  # noqa: A002
    """The files that `write_embedding` writes in a format: one, or a pair."""
    path = Path(path)
    if format == "npy":
        return [path, path.with_name(f"{path.stem}.ids.csv")]
    if format == "projector":
        stem = path.stem if path.suffix in (".tsv", ".projector") else path.name
        return [path.with_name(f"{stem}.{part}.tsv") for part in ("vectors", "metadata")]
    return [path]


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
    format = embedding_format(path, format)  # noqa: A001
    files = embedding_files(path, format)
    _WRITERS[format](frame, *files)
    return files


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write any frame as the file's ending says: ``.csv``, ``.tsv``, or else Parquet."""
    if path.suffix.lower() in (".csv", ".tsv"):
        _write_text(frame, path, "\t" if path.suffix.lower() == ".tsv" else ",")
    else:
        write_file(path, frame.write_parquet)


def _write_text(frame: pl.DataFrame, path: Path, separator: str) -> None:
    write_file(path, lambda temporary: frame.write_csv(temporary, separator=separator))


def _npy(frame: pl.DataFrame, path: Path, ids: Path) -> None:
    import numpy as np

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, np.ascontiguousarray(frame.drop("id").to_numpy()), allow_pickle=False)

    write_file(ids, frame.select("id").write_csv)
    write_file(path, write)


def _word2vec(frame: pl.DataFrame, path: Path) -> None:
    """A line ``N D``, then a line a node: its id and its coordinates, parted by blanks."""
    for name in _names(frame):
        if not name or re.search(r"\s", name):
            raise InputError(f"{path}: word2vec's format has no ids with white space, such as {name!r}")
    rows = frame.write_csv(separator=" ", include_header=False, quote_style="never")
    write_file(path, f"{len(frame)} {frame.width - 1}\n{rows}")


def _projector(frame: pl.DataFrame, vectors: Path, metadata: Path) -> None:
    """A pair of files without headers: vectors, and one column of ids, in the same order."""
    write_file(vectors, frame.drop("id").write_csv(separator="\t", include_header=False))
    write_file(metadata, "".join(re.sub(r"\s", " ", name) + "\n" for name in _names(frame)))


def _names(frame: pl.DataFrame) -> list[str]:
    """The ids as text."""
    return [str(name) for name in frame["id"]]


_WRITERS: dict[str, Callable[..., None]] = {
    "parquet": lambda frame, path: write_file(path, frame.write_parquet),
    "csv": partial(_write_text, separator=","),
    "tsv": partial(_write_text, separator="\t"),
    "npy": _npy,
    "word2vec": _word2vec,
    "projector": _projector,
}
