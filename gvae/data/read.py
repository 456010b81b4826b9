"""`read_graph`: anything that a user has becomes one validated graph that keeps its node ids."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import scipy.sparse
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.edges import KNOWN, Columns, RawGraph, edges_from_table
from gvae.data.features import NodeTable
from gvae.data.formats import (
    from_array,
    from_data,
    from_matrix,
    from_networkx,
    read_matrix,
    read_networkx,
    read_pt,
)
from gvae.data.graph import graph_of, merge_edges
from gvae.data.input_files import check_file
from gvae.data.nodes import positions
from gvae.data.tables import PARQUET, Table, as_frame, read_table
from gvae.errors import GvaeWarning, InputError

NETWORKX = (".graphml", ".gexf", ".gml", ".json")
MATRICES = (".npz", ".npy", ".mtx")


def read_graph(
    graph: Any,
    *,
    source: str | None = None,
    target: str | None = None,
    weight: str | None = None,
    time: str | None = None,
    directed: bool = False,
    header: bool | None = None,
    features: Any = None,
    id: str | None = None,  # noqa: A002
    label: str | None = None,
    text: Sequence[str] = (),
    isolated: bool = False,
    like: Data | None = None,
) -> Data:
    """Read a graph from a file or an object, with its node ids.

    Undirected unless asked otherwise. Repeated edges are merged (weights summed, of times the earliest kept)
    and self-loops dropped; both are counted in a `GvaeWarning`.

    Parameters
    ----------
    graph
        A file: CSV, TSV or space-separated edge list (header, ``#`` or ``%`` comments, gz or not);
        Parquet; GraphML, GEXF, GML, JSON node-link; SciPy ``.npz``, MatrixMarket ``.mtx``, NumPy ``.npy``;
        ``.pt`` with PyTorch Geometric's ``Data``, read without unpickling code. Or an object: ``Data``, a
        networkx graph, a SciPy sparse matrix, a NumPy array or tensor (``(N, N)`` adjacency, ``(2, E)`` or
        ``(E, 2)`` indices), a pandas or polars frame.
    source, target
        Columns with the ends of the edges; by default those of a usual name, or else the first two.
    weight
        Column (edge attribute; ``"value"`` for a matrix) of weights, finite and >= 0, that messages are
        weighed by. Without it edges have none.
    time
        Column of times: numbers, or ISO 8601 dates, kept as ``edge_time`` in seconds since 1970.
    directed
        Keep the directions.
    header
        Whether the first line of a text file names its columns; by default found out.
    features
        A second table, a file or a frame, with one row a node, joined by id. Its columns become features:
        numbers as they are (beyond [-1, 1] divided by the column's largest absolute value), text as one-hot
        categories.
    id
        Column of the ids in ``features``; by default one named id, node, node_id or name, or the first.
    label
        Column of the node labels in ``features``: ``y``, with ``class_names``; empty is -1.
    text
        Columns of ``features`` that hold text: TF-IDF.
    isolated
        Let ids that only ``features`` has be nodes without an edge; otherwise they are an error.
    like
        An earlier graph, for new nodes of it: columns are encoded as its were, and the nodes that it has need
        no row in ``features``, they keep theirs.

    Returns
    -------
    torch_geometric.data.Data
        As `make_graph` makes it, with ``node_ids`` (a list of integers or strings; absent where nodes have
        none but 0 ... N - 1), ``edge_weight``, ``edge_time``, ``x``, ``y``, ``class_names``,
        ``feature_columns`` where there are.

    Raises
    ------
    InputError
        If it cannot be read: the file, the line, and what was expected.
    """
    columns, name = Columns(source, target, weight, time), "the graph"
    if isinstance(graph, str | os.PathLike):
        name = str(graph)
        graph = _opened(Path(graph), columns, header)
    raw = graph if isinstance(graph, RawGraph) else _from_object(graph, name, columns)
    nodes = None
    if features is not None:
        nodes = NodeTable(_feature_table(features), id, label, text, like)
    elif id or label or text or isolated:
        raise InputError("id, label, text and isolated describe the table of features; there is none")
    if nodes is not None and isolated:
        _add_isolated(raw, nodes.ids())
    data = _merged(raw, directed)
    if isinstance(graph, Data):
        _copy_rest(graph, data)
    if nodes is not None:
        nodes.attach(data)
    return data


def _opened(path: Path, columns: Columns, header: bool | None) -> Any:
    """What a file holds: a raw graph, a table or Data."""
    check_file(path)
    suffix = Path(path.name.lower()).suffix
    if suffix == ".gz":
        suffix = Path(path.stem.lower()).suffix
        if suffix in (".npz", ".npy", ".pt", *PARQUET):
            raise InputError(f"{path}: unpack it first; only text files may be gzipped")
    if suffix in NETWORKX:
        return read_networkx(path, columns)
    if suffix in MATRICES:
        return read_matrix(path, columns)
    if suffix == ".pt":
        return read_pt(path)
    return read_table(path, header=header, names=columns.asked(), known=KNOWN)


def _from_object(graph: Any, name: str, columns: Columns) -> RawGraph:
    if isinstance(graph, Table):
        return edges_from_table(graph, columns)
    if isinstance(graph, Data):
        return from_data(graph, name)
    if isinstance(graph, nx.Graph):
        return from_networkx(graph, name, columns)
    if scipy.sparse.issparse(graph):
        return from_matrix(graph, name, columns)
    if isinstance(graph, np.ndarray | Tensor):
        return from_array(graph, name, columns)
    if hasattr(type(graph), "columns"):
        return edges_from_table(Table(as_frame(graph), name), columns)
    raise InputError(
        f"a graph must be a file, a Data, a networkx graph, a SciPy matrix, an array or a frame, "
        f"got {type(graph).__name__}"
    )


def _feature_table(features: Any) -> Table:
    if isinstance(features, str | os.PathLike):
        check_file(Path(features))
        return read_table(Path(features))
    if not hasattr(type(features), "columns"):
        raise InputError(f"features must be a file or a frame, got {type(features).__name__}")
    return Table(as_frame(features), "the features")


def _add_isolated(raw: RawGraph, ids: pl.Series) -> None:
    """Give the raw graph a node for each id that it lacks."""
    known = raw.ids if raw.ids is not None else pl.Series(range(raw.num_nodes), dtype=pl.Int64)
    new = ids.filter(pl.Series(positions(known, ids) < 0))
    if known.dtype != new.dtype:
        known, new = known.cast(pl.String), new.cast(pl.String)
    raw.ids = pl.concat([known, new])
    raw.num_nodes = len(raw.ids)


def _merged(raw: RawGraph, directed: bool) -> Data:
    if raw.ids is not None and raw.ids.n_unique() < len(raw.ids):
        raise InputError(f"{raw.name}: node id {raw.ids.filter(raw.ids.is_duplicated())[0]!r} is there twice")
    edges = merge_edges(raw.edge_index, raw.num_nodes, weight=raw.weight, time=raw.time, directed=directed)
    notes = [
        f"merged {_count(edges.repeats, 'repeated edge')}" if edges.repeats else "",
        f"dropped {_count(edges.self_loops, 'self-loop')}" if edges.self_loops else "",
        "read directed edges as undirected" if raw.directed and not directed else "",
    ]
    if any(notes):
        warnings.warn(f"{raw.name}: {', '.join(filter(None, notes))}", GvaeWarning, stacklevel=3)
    try:
        data = graph_of(edges, raw.num_nodes, raw.x, raw.y)
    except InputError as error:
        raise InputError(f"{raw.name}: {error}") from error
    if raw.ids is not None:
        data.node_ids = raw.ids.to_list()
    return data


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def _copy_rest(original: Data, data: Data) -> None:
    """What else belongs to the nodes or the graph: masks, class names."""
    for key, value in original.to_dict().items():
        if key not in data and not key.startswith(("edge_", "adj")):
            data[key] = value
