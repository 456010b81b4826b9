"""Pairs of node ids, as users hand them in."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.edges import KNOWN, Columns, edge_ends
from gvae.data.features import NodeTable
from gvae.data.input_files import check_file
from gvae.data.nodes import as_ids, node_ids, positions
from gvae.data.tables import Table, as_frame, read_table
from gvae.errors import GvaeWarning, InputError

NODE_NAMES = [
    style(name)
    for name in ("id", "ids", "node", "nodes", "node_id", "name", "side")
    for style in (str.lower, str.title, str.upper)
]
"""Names by which the first line of a file of nodes is known for a header."""


def read_pairs(
    pairs: Any, *, source: str | None = None, target: str | None = None, header: bool | None = None
) -> pl.DataFrame:
    """The ids of node pairs, as columns ``source`` and ``target``.

    Parameters
    ----------
    pairs
        A list of tuples, an array ``(P, 2)``, a frame whose first two columns hold them, or a file: CSV, TSV,
        separated by blanks, or Parquet.
    source, target, header
        For a file, as in `gvae.data.read_graph`.

    Raises
    ------
    InputError
        If they are no pairs of ids.
    """
    if isinstance(pairs, str | os.PathLike):
        check_file(Path(pairs))
        columns = Columns(source, target)
        table = read_table(Path(pairs), header=header, names=columns.asked(), known=KNOWN)
        return pl.DataFrame(dict(zip(("source", "target"), edge_ends(table, columns), strict=True)))
    if hasattr(type(pairs), "columns"):
        frame = as_frame(pairs)
        sides: list[Any] = [frame[name] for name in frame.columns[:2]]
    else:
        try:
            pairs = [tuple(pair) for pair in (pairs.tolist() if hasattr(pairs, "tolist") else pairs)]
        except TypeError as error:
            raise InputError(
                f"pairs must be a list of (source, target), got {type(pairs).__name__}"
            ) from error
        wrong = [pair for pair in pairs if len(pair) != 2]
        if wrong:
            raise InputError(f"pairs must be pairs of node ids (source, target), got {wrong[0]!r}")
        sides = [list(side) for side in zip(*pairs, strict=True)] or [[], []]
    if len(sides) != 2:
        raise InputError(f"pairs must have two columns of node ids, got {len(sides)}")
    return pl.DataFrame(
        {name: as_ids(side, "pairs") for name, side in zip(("source", "target"), sides, strict=True)}
    )


def read_ids(path: str | Path) -> pl.Series:
    """Node ids from the first column of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    table = _node_file(path)
    return NodeTable(table, id=table.frame.columns[0]).ids()


def read_sides(path: str | Path, data: Data) -> list[Any]:
    """Each node's side, in the graph's order, from a file with ids in the first column, sides in the second.

    Raises
    ------
    InputError
        If it cannot be read, or a node is missing.
    """
    table = _node_file(path)
    if table.frame.width < 2:
        raise InputError(f"{path}: expected two columns, ids and sides, got {table.frame.width}")
    ids, nodes = NodeTable(table, id=table.frame.columns[0]).ids(), node_ids(data)
    rows = positions(ids, nodes)
    if (rows < 0).any():
        raise InputError(f"{path}: no side for node {nodes[int((rows < 0).argmax())]!r}")
    sides = table.frame[:, 1]
    table.fail(sides.is_null(), lambda row: f"the side in column {sides.name!r} is missing")
    return sides[rows].to_list()


def _node_file(path: str | Path) -> Table:
    check_file(Path(path))
    return read_table(Path(path), header=None, names=NODE_NAMES)


def find_pairs(ids: pl.Series, pairs: pl.DataFrame) -> Tensor:
    """Positions in ``ids`` of node pairs, ``(2, P)``; -1 for an unknown id, which is warned of."""
    index = torch.from_numpy(np.stack([positions(ids, side) for side in pairs]))
    unknown = [
        name
        for side, row in zip(pairs, index, strict=True)
        for name in side.filter(pl.Series((row < 0).numpy())).head(1)
    ]
    if unknown:
        warnings.warn(
            f"{int((index < 0).any(dim=0).sum())} of {len(pairs)} pairs have an id that is not in the "
            f"graph, such as {unknown[0]!r}: no score",
            GvaeWarning,
            stacklevel=3,
        )
    return index
