"""MatrixMarket files: SciPy's reader ends the process at a number cut short, such as ``5E-``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse

from gvae.data.edges import numbers
from gvae.data.input_files import decoded, read_bytes
from gvae.data.tables import Table, text_table
from gvae.errors import InputError

FIELDS = ("real", "double", "integer", "pattern")
SYMMETRIES = {"general": 0, "symmetric": 1, "skew-symmetric": -1}


def read_matrix_market(path: Path) -> scipy.sparse.coo_array:
    """A matrix in coordinate or array form, gzipped or not.

    Raises
    ------
    InputError
        With the line that is not as it should be.
    """
    content = read_bytes(path)
    kind, field, symmetry = _banner(path, content)
    end = count = 0
    size = b"%"
    while size.strip()[:1] in (b"%", b"") and end < len(content):  # comments, and blank lines
        start, end = end, content.find(b"\n", end) + 1 or len(content)
        size, count = content[start:end], count + 1
    shape = [int(word) for word in size.split() if word.isdigit()]
    if len(shape) != len(size.split()) or len(shape) != (3 if kind == "coordinate" else 2):
        expected = "rows, columns and entries" if kind == "coordinate" else "rows and columns"
        raise InputError(f"{path}, line {count}: expected the numbers of {expected}")
    # The lines above stay as comments, so that the entries keep their line numbers.
    body = content[end:]
    table = text_table(path, b"%\n" * count + body) if body.strip() else None
    if kind == "array":
        return _dense(path, table, (shape[0], shape[1]), SYMMETRIES[symmetry])
    if (found := 0 if table is None else len(table.frame)) != shape[2]:
        raise InputError(f"{path}: expected {shape[2]} entries, got {found}")
    if table is None:
        return scipy.sparse.coo_array((shape[0], shape[1]))
    return _entries(table, (shape[0], shape[1]), field == "pattern", SYMMETRIES[symmetry])


def _banner(path: Path, content: bytes) -> tuple[str, str, str]:
    words = decoded(path, content).split("\n", 1)[0].lower().split()
    if len(words) == 5 and words[:2] == ["%%matrixmarket", "matrix"]:
        kind, field, symmetry = words[2:]
        if kind in ("coordinate", "array") and field in FIELDS and symmetry in SYMMETRIES:
            return kind, field, symmetry
    raise InputError(
        f"{path}, line 1: expected %%MatrixMarket matrix, coordinate or array, one of {', '.join(FIELDS)}, "
        f"and one of {', '.join(SYMMETRIES)}"
    )


def _entries(table: Table, shape: tuple[int, int], pattern: bool, mirror: int) -> scipy.sparse.coo_array:
    if table.frame.width != (width := 2 if pattern else 3):
        raise InputError(f"{table.name}, {table.line(0)}: expected {width} columns, got {table.frame.width}")
    ends = [table.frame[name].cast(pl.Int64, strict=False) for name in ("column_0", "column_1")]
    good = [end.is_between(1, size).fill_null(False) for end, size in zip(ends, shape, strict=True)]
    table.fail(~(good[0] & good[1]), lambda row: f"expected indices from (1, 1) to {shape}")
    row, col = (end.to_numpy() - 1 for end in ends)
    data = np.ones(len(row)) if pattern else numbers(table, "column_2").to_numpy()
    if mirror:
        off = row != col
        row, col = np.append(row, col[off]), np.append(col, row[off])
        data = np.append(data, mirror * data[off])
    return scipy.sparse.coo_array((data, (row, col)), shape=shape)


def _dense(path: Path, table: Table | None, shape: tuple[int, int], mirror: int) -> scipy.sparse.coo_array:
    values = np.empty(0) if table is None else numbers(table, "column_0").to_numpy()
    rows, columns = shape
    # Mirrored: the lower triangle, column by column.
    expected = columns * (columns + mirror) // 2 if mirror else rows * columns
    if len(values) != expected or (mirror and rows != columns):
        raise InputError(f"{path}: expected {expected} values for a matrix {shape}, got {len(values)}")
    if not mirror:
        return scipy.sparse.coo_array(values.reshape(shape, order="F"))
    upper = np.triu_indices(rows, k=0 if mirror > 0 else 1)
    matrix = np.zeros(shape)
    matrix[upper] = mirror * values
    matrix.T[upper] = values
    return scipy.sparse.coo_array(matrix)
