"""Edge lists: from the columns of a table to a raw graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from gvae.data.nodes import as_ids, index_ids, text_ids
from gvae.data.tables import Table
from gvae.errors import GvaeWarning, InputError

SOURCES = ("source", "src", "from", "u", "node1", "node_1", "id1", "id_1", "head", "source_id")
TARGETS = ("target", "dst", "to", "v", "node2", "node_2", "id2", "id_2", "tail", "target_id")
KNOWN = (*SOURCES, *TARGETS, "weight", "time", "timestamp", "type", "label")


@dataclass(frozen=True)
class Columns:
    """Names of an edge table's columns; ``None``: found out for the ends, left aside for the others."""

    source: str | None = None
    target: str | None = None
    weight: str | None = None
    time: str | None = None

    def asked(self) -> list[str]:
        """The names that were given."""
        return [name for name in (self.source, self.target, self.weight, self.time) if name is not None]


@dataclass
class RawGraph:
    """What a reader found, before edges are merged and directions are settled.

    Parameters
    ----------
    name
        The file, for messages.
    edge_index
        Shape ``(2, E)``, int64, as the rows came.
    num_nodes
        Number of nodes N.
    ids
        The nodes' ids in order; ``None``: 0 ... N - 1.
    weight, time
        Shape ``(E,)``.
    x, y
        Features and labels, where the format has them.
    directed
        Whether the source calls itself directed.
    """

    name: str
    edge_index: Tensor
    num_nodes: int
    ids: pl.Series | None = None
    weight: Tensor | None = None
    time: Tensor | None = None
    x: Tensor | None = None
    y: Tensor | None = None
    directed: bool = False


def edges_from_table(table: Table, columns: Columns) -> RawGraph:
    """A raw graph from a table with one row an edge; nodes in the order of their sorted ids.

    Parameters
    ----------
    table
        Text columns from a text file, typed ones from elsewhere.
    columns
        Which columns hold what.

    Raises
    ------
    InputError
        With the line of the first row that cannot be used.
    """
    ends = edge_ends(table, columns)
    ids, index = index_ids(pl.concat(ends), table.name)
    return RawGraph(
        name=table.name,
        edge_index=index.view(2, -1),
        num_nodes=len(ids),
        ids=ids,
        weight=None if columns.weight is None else weights(table, columns.weight),
        time=None if columns.time is None else times(table, columns.time),
    )


def _ends(table: Table, columns: Columns) -> list[str]:
    """The columns that hold the ends of the edges: those asked for, those with a known name, the first."""
    for name in columns.asked():
        table.column(name)
    if (columns.source is None) != (columns.target is None):
        raise InputError(f"{table.name}: source and target (--source, --target) go together, got one of them")
    lower = {name.strip().lower(): name for name in reversed(table.frame.columns)}
    free = [name for name in table.frame.columns if name not in columns.asked()]
    ends: list[str] = []
    for asked, known in ((columns.source, SOURCES), (columns.target, TARGETS)):
        by_name = [lower[name] for name in known if lower.get(name) in free]
        choice = [asked] if asked else [name for name in (*by_name, *free) if name not in ends]
        ends += choice[:1]
    if len(set(ends)) < 2:
        shown = ", ".join(map(repr, table.frame.columns))
        raise InputError(f"{table.name}: expected two columns of node ids, got {shown or 'none'}")
    return ends


def edge_ends(table: Table, columns: Columns) -> list[pl.Series]:
    """The two columns of node ids, both integers or both text.

    Raises
    ------
    InputError
        If there are no two such columns, or an id is missing.
    """
    names = _ends(table, columns)
    ends = [table.column(name) for name in names]
    for name, end in zip(names, ends, strict=True):
        empty = end.is_null() | ((end == "") if end.dtype == pl.String else False)
        table.fail(empty, _missing(name))
    ends = [as_ids(end, f"{table.name}, column {name!r}") for name, end in zip(names, ends, strict=True)]
    if ends[0].dtype != ends[1].dtype:
        kinds = [f"{name!r} holds {end.dtype}" for name, end in zip(names, ends, strict=True)]
        raise InputError(
            f"{table.name}: node ids must be all integers or all strings, but {' and '.join(kinds)}"
        )
    _warn_of_a_header(table, ends)
    return text_ids(*ends) if table.text else ends


def _warn_of_a_header(table: Table, ends: list[pl.Series]) -> None:
    """Warn when the first row, taken for an edge, looks like names of columns: its ids are nowhere else."""
    if table.header or len(table.frame) < 3:
        return
    first = [str(end[0]) for end in ends]
    if sum(int((end == name).sum()) for end in ends for name in first) == 2 and not _is_number(first):
        warnings.warn(
            f"{table.name}: the first line, {first[0]!r} to {first[1]!r}, was read as an edge; "
            f"if it names the columns, say so (header=True, --header)",
            GvaeWarning,
            stacklevel=2,
        )


def _is_number(texts: list[str]) -> bool:
    return not pl.Series(texts).cast(pl.Float64, strict=False).null_count()


def _missing(name: str) -> Callable[[int], str]:
    return lambda row: f"the node id in column {name!r} is missing"


def numbers(table: Table, name: str) -> pl.Series:
    """A column as Float64; ``InputError`` with the line of the first entry that is no number, or missing."""
    column = table.column(name)
    if isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum):
        column = column.cast(pl.String).str.strip_chars()
    if not (column.dtype == pl.String or column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise InputError(f"{table.name}: column {name!r} must hold numbers, got {column.dtype}")
    values = column.cast(pl.Float64, strict=False)
    table.fail(values.is_null(), lambda row: f"column {name!r} must hold a number, got {_shown(column[row])}")
    return values


def weights(table: Table, name: str) -> Tensor:
    """A column of weights, finite and >= 0, shape ``(rows,)``, float64."""
    values = numbers(table, name)
    good = values.is_finite() & (values >= 0)
    table.fail(~good, lambda row: f"a weight must be finite and >= 0, got {values[row]:g} in column {name!r}")
    return torch.from_numpy(values.to_numpy().copy())


def times(table: Table, name: str) -> Tensor:
    """A column of times, shape ``(rows,)``, float64: numbers as they are, dates as seconds since 1970."""
    column = table.column(name)
    if column.dtype == pl.String:
        no_numbers = column.str.strip_chars().cast(pl.Float64, strict=False).null_count()
        column = _parsed_dates(column) if 2 * no_numbers > len(column) else column
    if column.dtype.is_temporal():
        table.fail(
            column.is_null(),
            lambda row: f"column {name!r} must hold a time, got {_shown(table.column(name)[row])}",
        )
        column = column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
        return torch.from_numpy(column.to_numpy().copy())
    values = numbers(table, name)
    table.fail(
        ~values.is_finite(), lambda row: f"a time must be finite, got {values[row]:g} in column {name!r}"
    )
    return torch.from_numpy(values.to_numpy().copy())


def _parsed_dates(column: pl.Series) -> pl.Series:
    """ISO 8601 dates, or dates with a time of day, as polars dates; null where they are neither."""
    text = column.str.strip_chars()
    dates = text.str.to_date("%Y-%m-%d", strict=False)
    return text.str.to_datetime(strict=False, time_zone="UTC") if dates.null_count() else dates


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
