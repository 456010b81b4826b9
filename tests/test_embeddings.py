"""Embeddings as tables and files, by hand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.catalog import EMBEDDING_FORMATS
from gvae.embeddings import ENDINGS, embedding_files, embedding_format, embedding_frame, write_embedding
from gvae.errors import InputError, OutputError

Z = np.array([[0.5, -1.25], [3.0, 0.1], [1e-8, 2e10]], dtype=np.float32)


@pytest.fixture
def frame() -> pl.DataFrame:
    return embedding_frame(pl.Series(["b", "a,1", 'say "z"']), Z)


@pytest.fixture
def plain() -> pl.DataFrame:
    return embedding_frame(pl.Series([7, 3, 12]), Z)


def test_a_frame_by_hand(plain: pl.DataFrame) -> None:
    assert plain.schema == {"id": pl.Int64, "z0": pl.Float32, "z1": pl.Float32}
    assert plain.rows()[0] == (7, 0.5, -1.25)


def test_a_frame_of_a_transposed_view_is_right() -> None:
    frame = embedding_frame(pl.Series([1, 2]), np.array([[1.0, 2.0], [3.0, 4.0]]).T)
    assert frame.rows() == [(1, 1.0, 3.0), (2, 2.0, 4.0)]


READ: dict[str, Callable[[Path], pl.DataFrame]] = {
    "z.parquet": pl.read_parquet,
    "z.PQ": pl.read_parquet,
    "z.csv": pl.read_csv,
    "z.tsv": lambda path: pl.read_csv(path, separator="\t"),
}


@pytest.mark.parametrize("name", READ)
def test_tables_come_back_as_they_were(name: str, frame: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / name
    assert write_embedding(frame, path) == [path]
    assert READ[name](path).with_columns(pl.col("^z.$").cast(pl.Float32)).equals(frame)
    assert os.listdir(tmp_path) == [name]


def test_csv_by_hand(plain: pl.DataFrame, tmp_path: Path) -> None:
    write_embedding(plain[:2], tmp_path / "z.csv")
    assert (tmp_path / "z.csv").read_text() == "id,z0,z1\n7,0.5,-1.25\n3,3.0,0.1\n"


def test_npy_and_its_ids(frame: pl.DataFrame, tmp_path: Path) -> None:
    files = write_embedding(frame, tmp_path / "z.npy")
    matrix = np.load(tmp_path / "z.npy", allow_pickle=False)
    np.testing.assert_array_equal(matrix, Z)
    assert (matrix.dtype, matrix.flags.c_contiguous) == (np.float32, True)
    assert pl.read_csv(tmp_path / "z.ids.csv")["id"].to_list() == frame["id"].to_list()
    assert files == [tmp_path / "z.npy", tmp_path / "z.ids.csv"]


def word2vec(path: Path) -> tuple[list[str], Any]:
    """Read it as the format says: counts first, then a name and its numbers, parted by single blanks."""
    first, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    count, width = map(int, first.split(" "))
    rows = [line.split(" ") for line in lines]
    assert (len(rows), {len(row) for row in rows}) == (count, {width + 1})
    return [row[0] for row in rows], np.array([row[1:] for row in rows], dtype=np.float32)


def test_word2vec_by_hand(plain: pl.DataFrame, tmp_path: Path) -> None:
    write_embedding(plain[:2], tmp_path / "z.txt")
    assert (tmp_path / "z.txt").read_text() == "2 2\n7 0.5 -1.25\n3 3.0 0.1\n"


@settings(max_examples=25)
@given(st.lists(st.text(min_size=1).filter(lambda name: name.split() == [name]), min_size=1, unique=True))
def test_word2vec_keeps_every_id_that_it_takes(names: list[str]) -> None:
    z = np.arange(2.0 * len(names), dtype=np.float32).reshape(-1, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "z.vec")
        write_embedding(embedding_frame(pl.Series(names), z), path)
        ids, matrix = word2vec(path)
    assert ids == names
    np.testing.assert_array_equal(matrix, z)


@pytest.mark.parametrize("name", ["two words", "a\tb", "a\nb", "", "no\u00a0break", " edge"])
def test_word2vec_refuses_ids_with_white_space(name: str, tmp_path: Path) -> None:
    frame = embedding_frame(pl.Series(["good", name, "x"]), Z)
    with pytest.raises(InputError, match="no ids with white space, such as"):
        write_embedding(frame, tmp_path / "z.w2v")
    assert os.listdir(tmp_path) == []


def test_the_projectors_pair_by_hand(tmp_path: Path) -> None:
    frame = embedding_frame(pl.Series(["a", "two\twords", "three\nlines"]), Z)
    files = write_embedding(frame, tmp_path / "z.tsv", "projector")
    assert files == [tmp_path / "z.vectors.tsv", tmp_path / "z.metadata.tsv"]
    assert files[1].read_text() == "a\ntwo words\nthree lines\n"
    np.testing.assert_array_equal(np.loadtxt(files[0], delimiter="\t", dtype=np.float32), Z)


def test_integers_in_text_formats(plain: pl.DataFrame, tmp_path: Path) -> None:
    write_embedding(plain, tmp_path / "z", "projector")
    assert (tmp_path / "z.metadata.tsv").read_text() == "7\n3\n12\n"


@pytest.mark.parametrize(("ending", "name"), ENDINGS.items())
def test_the_ending_is_the_format(ending: str, name: str) -> None:
    assert embedding_format(f"folder.x/z{ending}") == embedding_format(f"Z{ending.upper()}") == name


def test_a_named_format_goes_before_the_ending() -> None:
    assert embedding_format("z.csv", "npy") == "npy"


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [("z.doc", None, "z.doc: the ending must be one of .parquet"), ("z", "cvs", "did you mean csv?")],
)
def test_unknown_formats(path: str, name: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        embedding_format(path, name)


@pytest.mark.parametrize("name", EMBEDDING_FORMATS)
def test_the_files_are_known_beforehand(name: str, plain: pl.DataFrame, tmp_path: Path) -> None:
    files = embedding_files(tmp_path / "v1.2", name)
    assert write_embedding(plain, tmp_path / "v1.2", name) == files
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_a_folder_that_is_not_there(plain: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_embedding(plain, tmp_path / "no" / "z.npy")
    assert os.listdir(tmp_path) == []
