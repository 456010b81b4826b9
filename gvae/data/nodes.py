"""The ids of nodes: whatever the user calls them, and their positions 0 ... N - 1 inside."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from gvae.errors import GvaeWarning, InputError


def as_ids(values: pl.Series | Iterable[Any], what: str) -> pl.Series:
    """Node ids as one polars series: integers (Int64) or text (String), never both.

    Parameters
    ----------
    values
        Integers or strings; UUIDs count as the text they print.
    what
        Where they are from, for messages.

    Raises
    ------
    InputError
        For another type, or both types at once, or a missing id.
    """
    if not isinstance(values, pl.Series):
        ids = _series(values.tolist() if hasattr(values, "tolist") else [*values], what)
    elif values.dtype == pl.Object:
        ids = _series(values.to_list(), what)
    else:
        ids = values
    if ids.null_count():
        raise InputError(f"{what}: a node id is missing")
    if ids.dtype.is_integer():
        numbers = ids.cast(pl.Int64, strict=False)
        if numbers.null_count():
            raise InputError(f"{what}: node ids must fit in 64 bits, got {ids.filter(numbers.is_null())[0]}")
        return numbers
    if isinstance(ids.dtype, pl.String | pl.Categorical | pl.Enum):
        return ids.cast(pl.String)
    raise InputError(f"{what}: node ids must be integers or strings, got {ids.dtype!r}")


def whole_numbers(*columns: pl.Series) -> list[pl.Series] | None:
    """Columns of text as integers, if each entry of all is one and written as Python writes it (not 007)."""
    numbers = []
    for column in columns:
        number = column.cast(pl.Int64, strict=False)
        if number.null_count() or not bool((number.cast(pl.String) == column).all()):
            return None
        numbers.append(number)
    return numbers


def text_ids(*columns: pl.Series) -> list[pl.Series]:
    """Columns of ids from a text file: integers if all are, blanks around them aside; or else as they are."""
    return whole_numbers(*columns) or whole_numbers(*(ids.str.strip_chars() for ids in columns)) or [*columns]


def index_ids(values: pl.Series, name: str) -> tuple[pl.Series, Tensor]:
    """Each id once, sorted, and the position there of each of ``values``, shape ``(len(values),)``.

    Warns of ids that differ by case or white space alone.
    """
    if values.dtype == pl.Int64:
        numbers, index = torch.unique(torch.from_numpy(values.to_numpy().copy()), return_inverse=True)
        return pl.Series(numbers.numpy()), index
    ids = values.unique().sort()
    _warn_of_look_alikes(ids, name)
    return ids, torch.from_numpy(positions(ids, values))


def positions(ids: pl.Series, wanted: pl.Series) -> NDArray[np.int64]:
    """Position in ``ids`` of each of ``wanted``, -1 where it is not there, shape ``(len(wanted),)``.

    An integer and the text that writes it are the same id here, so that ids from a text file find those that
    were integers.
    """
    if ids.dtype != wanted.dtype:
        ids, wanted = ids.cast(pl.String), wanted.cast(pl.String)
    index = pl.DataFrame({"id": ids, "position": np.arange(len(ids))})
    found = pl.DataFrame({"id": wanted}).join(index, on="id", how="left", maintain_order="left")
    return found["position"].fill_null(-1).to_numpy().copy()


def node_ids(data: Data) -> pl.Series:
    """The ids of a graph's nodes in order: ``data.node_ids``, or else 0 ... N - 1."""
    known = data.get("node_ids")
    ids = range(int(data.num_nodes or 0)) if known is None else known
    return as_ids(ids, "node_ids")


def _series(values: list[Any], what: str) -> pl.Series:
    kinds = {type(value) for value in values}
    if all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        values = [int(value) for value in values]
        large = [value for value in values if not -(1 << 63) <= value < 1 << 63]
        if large:
            raise InputError(f"{what}: node ids must fit in 64 bits, got {large[0]}")
        return pl.Series(values, dtype=pl.Int64)
    if all(issubclass(kind, str) for kind in kinds) or kinds == {UUID}:
        try:
            return pl.Series([str(value) for value in values], dtype=pl.String)
        except UnicodeEncodeError as error:
            raise InputError(f"{what}: the node id {error.object!r} is no valid Unicode") from error
    examples = {type(value).__name__: value for value in reversed(values)}
    shown = ", ".join(f"{kind} ({value!r})" for kind, value in examples.items())
    raise InputError(f"{what}: node ids must be all integers or all strings, got {shown}")


def _warn_of_look_alikes(ids: pl.Series, name: str) -> None:
    plain = ids.str.strip_chars().str.to_lowercase()
    if plain.n_unique() == len(ids):
        return
    twin = plain.filter(plain.is_duplicated())[0]
    pair = " and ".join(map(repr, ids.filter(plain == twin).head(2)))
    count = int(plain.is_duplicated().sum())
    warnings.warn(
        f"{name}: {count} node ids differ only by case or white space, such as {pair}; "
        f"they stay different nodes",
        GvaeWarning,
        stacklevel=2,
    )
