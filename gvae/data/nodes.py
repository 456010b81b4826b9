"""The ids of nodes: whatever the user calls them, and their positions 0 ... N - 1 inside."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

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
    ids = values if isinstance(values, pl.Series) else _series([*values], what)
    if ids.null_count():
        raise InputError(f"{what}: a node id is missing")
    if ids.dtype.is_integer():
        if len(ids) and int(ids.max()) >= 1 << 63:  # type: ignore[arg-type]
            raise InputError(f"{what}: node ids must be below 2^63, got {ids.max()!r}")
        return ids.cast(pl.Int64)
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
        if any(not -(1 << 63) <= value < 1 << 63 for value in values):
            raise InputError(f"{what}: node ids must be below 2^63")
        return pl.Series(values, dtype=pl.Int64)
    if all(issubclass(kind, str) for kind in kinds):
        return pl.Series([str(value) for value in values], dtype=pl.String)
    if len(kinds) == 1 and kinds.pop().__name__ == "UUID":
        return pl.Series([str(value) for value in values])
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
