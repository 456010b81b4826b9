from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from gvae.data.matrix_market import read_matrix_market
from gvae.errors import InputError

MATRIX = np.array([[0, 2, 0], [2, 0, 0.5], [0, 0.5, 4]])


@pytest.mark.parametrize("matrix", [MATRIX, np.triu(MATRIX), np.triu(MATRIX, 1) - np.triu(MATRIX, 1).T])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.coo_array])
def test_what_scipy_writes_is_read(tmp_path: Path, matrix: np.ndarray, form: type) -> None:
    path = tmp_path / "a.mtx"
    scipy.io.mmwrite(path, form(matrix), comment="a comment\n\nand more")
    assert read_matrix_market(path).toarray().tolist() == matrix.tolist()
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_matrix_market(path).toarray().tolist() == matrix.tolist()


def test_patterns_and_empty_matrices(tmp_path: Path) -> None:
    path = tmp_path / "a.mtx"
    path.write_text("%%MatrixMarket matrix coordinate pattern symmetric\n3 3 1\n3 1\n")
    assert read_matrix_market(path).toarray().tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    path.write_text("%%MatrixMarket matrix coordinate real general\n3 3 0")
    assert read_matrix_market(path).shape == (3, 3)
    path.write_text("%%MatrixMarket matrix array real general\n0 0\n")
    assert read_matrix_market(path).shape == (0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("3 3 1\n1 1 1\n", "line 1: expected %%MatrixMarket matrix, coordinate or array"),
        ("%%MatrixMarket matrix coordinate complex general\n", "line 1: expected"),
        (
            "%%MatrixMarket matrix coordinate real general\n% x\n3 3\n",
            "line 3: expected the numbers of rows, columns a",
        ),
        (
            "%%MatrixMarket matrix array real general\n3 x\n",
            "line 2: expected the numbers of rows and columns",
        ),
        ("%%MatrixMarket matrix coordinate real general\n3 3 2\n1 2 1\n", "expected 2 entries, got 1"),
        (
            "%%MatrixMarket matrix coordinate real general\n3 3 1\n\n1 2\n",
            "line 4: expected 3 columns, got 2",
        ),
        (
            "%%MatrixMarket matrix coordinate real general\n% x\n3 3 2\n1 2 1\n1 4 1\n",
            "line 5: expected indices from",
        ),
        (
            "%%MatrixMarket matrix coordinate real general\n3 3 1\n1 2 5E-",
            "line 3: column 'column_2' must hold a number",
        ),
        (
            "%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n",
            "expected 4 values for a matrix .2, 2., got 3",
        ),
    ],
)
def test_bad_files_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.mtx"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"a\.mtx(, |: ){message}"):
        read_matrix_market(path)
