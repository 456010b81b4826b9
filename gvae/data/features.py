"""Node features and labels from a second table, joined by id."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack, vstack
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.edges import numbers
from gvae.data.graph import is_sparse
from gvae.data.nodes import as_ids, node_ids, positions, text_ids, whole_numbers
from gvae.data.tables import Table
from gvae.errors import GvaeWarning, InputError

IDS = ("id", "node", "node_id", "name")


@dataclass(frozen=True)
class FeatureColumn:
    """How one column of a node table becomes features: kept, so that new nodes are encoded alike.

    Parameters
    ----------
    name
        The column.
    kind
        ``"numeric"``: divided by ``scale``. ``"categorical"``: one-hot over ``values``.
        ``"text"``: TF-IDF over the words in ``values``, with ``idf`` each.
    scale
        Largest absolute value, if above 1; or else 1.
    values, idf
        Categories or words, and the words' inverse document frequencies.
    """

    name: str
    kind: Literal["numeric", "categorical", "text"]
    scale: float = 1.0
    values: tuple[str, ...] = ()
    idf: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A record for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> FeatureColumn:
        """The column of a record."""
        return cls(**{**record, "values": tuple(record["values"]), "idf": tuple(record["idf"])})


@dataclass(frozen=True)
class NodeTable:
    """A table of nodes: which column is the id, which the label, and how the others become features.

    Parameters
    ----------
    table
        One row a node.
    id
        Column of the ids; ``None``: the first named id, node, node_id or name, or else the first.
    label
        Column of the labels, which are no features.
    text
        Columns that hold text, for TF-IDF.
    like
        An earlier graph: columns are encoded as its were; its nodes need no row, they keep their features.
    """

    table: Table
    id: str | None = None
    label: str | None = None
    text: Sequence[str] = ()
    like: Data | None = None

    def ids(self) -> pl.Series:
        """The ids, checked: none missing, none twice."""
        table, name = self.table, self._id_column()
        column = table.column(name)
        if column.dtype == pl.String:
            column = column.replace("", None)
        table.fail(column.is_null(), lambda row: f"the id in column {name!r} is missing")
        ids = as_ids(column, f"{table.name}, column {name!r}")
        if table.text:
            ids = text_ids(ids)[0]
        table.fail(~ids.is_first_distinct(), lambda row: f"id {ids[row]!r} has a row already")
        return ids

    def attach(self, data: Data) -> None:
        """Set ``x`` and ``y`` (with ``class_names``) of a graph that has the same ids as this table.

        Raises
        ------
        InputError
            For an id that the graph or the table lacks, a missing value, a column of a wrong type.
        """
        ids, nodes = self.ids(), node_ids(data)
        unknown = positions(nodes, ids) < 0
        if self.like is not None:  # rows of nodes that are known from there are welcome
            unknown &= positions(node_ids(self.like), ids) < 0
        self.table.fail(
            pl.Series(unknown),
            lambda row: (
                f"id {ids[row]!r} is not in the graph ({int(unknown.sum())} such ids); "
                f"leave the row out, or ask for isolated nodes"
            ),
        )
        rows = positions(ids, nodes)
        earlier = np.full(len(nodes), -1) if self.like is None else positions(node_ids(self.like), nodes)
        if ((rows < 0) & (earlier < 0)).any():
            missing = nodes.filter(pl.Series((rows < 0) & (earlier < 0)))
            raise InputError(
                f"{self.table.name}: no row for node {missing[0]!r}; "
                f"{len(missing)} of {len(nodes)} nodes have none"
            )
        if self.label is not None:
            _set_labels(data, self.table, self.label, rows)
        columns = self._feature_columns()
        if columns:
            x = hstack([_encoded(self.table, column) for column in columns], format="csr")
            if self.like is not None and (rows < 0).any():
                x = self._joined(x)
                rows = np.where(rows < 0, len(ids) + earlier, rows)
            data.x = _tensor(x[rows])
            data.feature_columns = [column.to_dict() for column in columns]

    def _joined(self, x: csr_array) -> csr_array:
        """The table's features above those of the earlier graph."""
        earlier = None if self.like is None else self.like.x
        width = 0 if earlier is None else earlier.size(1)
        if earlier is None or width != x.shape[1]:
            raise InputError(f"{self.table.name}: gives {x.shape[1]} features, the earlier graph has {width}")
        return vstack([x, _matrix(earlier)], format="csr")

    def _id_column(self) -> str:
        named = [name for name in self.table.frame.columns if name.strip().lower() in IDS]
        return self.id or [*named, *self.table.frame.columns][0]

    def _feature_columns(self) -> list[FeatureColumn]:
        if self.like is not None and self.like.get("feature_columns") is not None:
            return [*map(FeatureColumn.from_dict, self.like.feature_columns)]
        for name in self.text:
            self.table.column(name)
        names = [name for name in self.table.frame.columns if name not in (self._id_column(), self.label)]
        found = [_described(self.table, name, name in self.text) for name in names]
        scaled = [column.name for column in found if column.scale != 1]
        if scaled:
            warnings.warn(
                f"{self.table.name}: columns divided by their largest absolute value, to lie within [-1, 1]: "
                f"{', '.join(scaled[:5])}{', ...' if len(scaled) > 5 else ''}",
                GvaeWarning,
                stacklevel=2,
            )
        return found


def _described(table: Table, name: str, text: bool) -> FeatureColumn:
    """Find out how a column becomes features."""
    column = table.column(name)
    if text:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer()
        try:
            vectorizer.fit(_texts(table, name))
        except ValueError as error:  # no words at all
            raise InputError(f"{table.name}: column {name!r} holds no words to count") from error
        words = tuple(vectorizer.get_feature_names_out().tolist())
        return FeatureColumn(name, "text", values=words, idf=tuple(vectorizer.idf_.tolist()))
    if _is_numeric(column):
        largest = float(np.abs(_numbers(table, name)).max(initial=0))
        return FeatureColumn(name, "numeric", scale=max(largest, 1.0))
    values = _as_text(table, name).drop_nulls().unique().sort()
    return FeatureColumn(name, "categorical", values=tuple(values))


def _is_numeric(column: pl.Series) -> bool:
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return True
    if column.dtype != pl.String:
        return False
    # Text is numeric when most of it is: the rest is then reported as what should have been a number.
    parsed = column.drop_nulls().str.strip_chars().cast(pl.Float64, strict=False)
    return 2 * parsed.null_count() < len(parsed)


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    values = numbers(table, name)
    table.fail(
        ~values.is_finite(), lambda row: f"a feature must be finite, got {values[row]:g} in column {name!r}"
    )
    return values.to_numpy()


def _encoded(table: Table, column: FeatureColumn) -> csr_array:
    """One column as features, shape ``(rows, width)``."""
    if column.kind == "numeric":
        return csr_array(_numbers(table, column.name)[:, None] / column.scale)
    if column.kind == "text":
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(vocabulary=column.values)
        vectorizer.idf_ = np.array(column.idf)
        return csr_array(vectorizer.transform(_texts(table, column.name)))
    values = _as_text(table, column.name)
    table.fail(values.is_null(), lambda row: f"column {column.name!r} has no value")
    code = positions(pl.Series(column.values, dtype=pl.String), values)
    rows = np.flatnonzero(code >= 0)  # a category that was not there before has no feature
    return csr_array((np.ones(len(rows)), (rows, code[rows])), shape=(len(values), len(column.values)))


def _as_text(table: Table, name: str) -> pl.Series:
    column = table.column(name)
    if column.dtype.is_nested() or column.dtype in (pl.Object, pl.Binary):
        raise InputError(f"{table.name}: column {name!r} must hold text or numbers, got {column.dtype}")
    return column.cast(pl.String)


def _texts(table: Table, name: str) -> list[str]:
    return _as_text(table, name).fill_null("").to_list()


def _tensor(matrix: csr_array) -> Tensor:
    dtype = torch.get_default_dtype()
    return torch.sparse_csr_tensor(
        torch.from_numpy(matrix.indptr.astype(np.int64)),
        torch.from_numpy(matrix.indices.astype(np.int64)),
        torch.from_numpy(matrix.data).to(dtype),
        size=matrix.shape,
    )


def _matrix(x: Tensor) -> csr_array:
    if not is_sparse(x):
        return csr_array(x.numpy())
    parts = (x.values(), x.col_indices(), x.crow_indices())
    return csr_array(tuple(part.numpy() for part in parts), shape=tuple(x.shape))


def _set_labels(data: Data, table: Table, name: str, rows: NDArray[np.int64]) -> None:
    """Labels as 0 ... C - 1 in the order of their sorted names; -1 where there is none."""
    column, values = table.column(name), _as_text(table, name).replace("", None)
    if column.dtype == pl.String:
        classes = values.drop_nulls().unique()
        as_numbers = whole_numbers(classes)
        classes = (as_numbers[0] if as_numbers else classes).sort().cast(pl.String)
    else:
        classes = column.drop_nulls().unique().sort().cast(pl.String)
    code = positions(classes, values.fill_null("")) if len(classes) else np.full(len(values), -1)
    data.y = torch.from_numpy(np.where(values.is_null().to_numpy(), -1, code)[rows])
    data.class_names = classes.to_list()
