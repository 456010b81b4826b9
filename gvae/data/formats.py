"""One function a format: networkx files and graphs, matrices, arrays, PyTorch Geometric's Data."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage

from gvae.data.edges import Columns, RawGraph, times, weights
from gvae.data.graph import check_edge_index
from gvae.data.input_files import decoded, read_bytes, translated
from gvae.data.matrix_market import read_matrix_market
from gvae.data.nodes import as_ids, whole_numbers
from gvae.data.tables import Table
from gvae.errors import InputError

SAFE_CLASSES = [Data, DataEdgeAttr, DataTensorAttr, GlobalStorage]
VALUE = "value"
"""The name of a matrix's entries, for those who want them as weights."""


def read_networkx(path: Path, columns: Columns) -> RawGraph:
    """GraphML, GEXF, GML or JSON node-link; ids that are all whole numbers become integers."""
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    content = read_bytes(path)
    if kind in ("gml", "json"):
        decoded(path, content)
    with translated(path, {"json": "JSON node-link"}.get(kind, kind.upper())):
        graph = _NETWORKX[kind](content)
    return from_networkx(graph, str(path), columns, text=kind != "json")


def from_networkx(graph: Any, name: str, columns: Columns, *, text: bool = False) -> RawGraph:
    """Nodes in the graph's order; edge attributes count only when named."""
    ids = as_ids(list(graph.nodes), name)
    as_numbers = whole_numbers(ids) if text and ids.dtype == pl.String else None
    index = {node: i for i, node in enumerate(graph.nodes)}
    ends = np.array([(index[u], index[v]) for u, v in graph.edges()], dtype=np.int64).reshape(-1, 2)
    attributes = [found for _, _, found in graph.edges(data=True)]
    return RawGraph(
        name=name,
        edge_index=torch.from_numpy(ends.T.copy()),
        num_nodes=len(ids),
        ids=as_numbers[0] if as_numbers else ids,
        weight=columns.weight
        if columns.weight is None
        else weights(_attribute(attributes, columns.weight, name), columns.weight),
        time=columns.time
        if columns.time is None
        else times(_attribute(attributes, columns.time, name), columns.time),
        directed=graph.is_directed(),
    )


def _attribute(attributes: list[dict[str, Any]], wanted: str, name: str) -> Table:
    """One attribute of all edges as a table."""
    known = {str(key) for found in attributes for key in found}
    if wanted not in known:
        raise InputError(
            f"{name}: no edge attribute {wanted!r}; there are {', '.join(sorted(known)) or 'none'}"
        )
    values = [found.get(wanted) for found in attributes]
    if {*map(type, values)} - {float, int, datetime, date}:
        values = [None if value is None else str(value) for value in values]
    with translated(name, f"a graph with the edge attribute {wanted!r}"):
        column = pl.Series(values, strict=False)
    return Table(pl.DataFrame({wanted: column}), name, lambda row: f"edge {row + 1}")


def _node_link(content: bytes) -> Any:
    found = json.loads(content)
    return nx.node_link_graph(found, edges="links" if "links" in found else "edges")


def _gml(content: bytes) -> Any:
    lines = content.decode("utf-8").replace("\r", "").split("\n")
    try:
        return nx.parse_gml(lines)
    except nx.NetworkXError:  # nodes without a label, or labels that are not unique
        return nx.parse_gml(lines, label="id")


_NETWORKX: dict[str, Callable[[bytes], Any]] = {
    "graphml": lambda content: nx.read_graphml(io.BytesIO(content)),
    "gexf": lambda content: nx.read_gexf(io.BytesIO(content)),
    "gml": _gml,
    "json": _node_link,
}


def read_matrix(path: Path, columns: Columns) -> RawGraph:
    """A SciPy sparse ``.npz``, a MatrixMarket file, or a NumPy ``.npy``: an adjacency matrix."""
    name = path.name.lower()
    if name.endswith(".npy"):
        return from_array(_no_pickle(path), str(path), columns)
    if not name.endswith(".npz"):
        return from_matrix(read_matrix_market(path), str(path), columns)
    with translated(path, "a sparse matrix of SciPy"), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise InputError(f"{path}: is not a whole .npz file")
        matrix = scipy.sparse.load_npz(file)
    return from_matrix(matrix, str(path), columns)


def _no_pickle(path: Path) -> NDArray[Any]:
    with translated(path, "a NumPy array of numbers"), path.open("rb") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def from_matrix(matrix: Any, name: str, columns: Columns) -> RawGraph:
    """A square sparse or dense adjacency matrix: each entry that is not zero is an edge."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"{name}: an adjacency matrix must be square, got {matrix.shape}")
    with translated(name, "an adjacency matrix"):
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)
        entries = scipy.sparse.coo_array(matrix)
    keep = entries.data != 0
    _only_value(columns, name)
    values = Table(
        pl.DataFrame(
            {VALUE: np.abs(entries.data[keep]) if entries.dtype.kind == "c" else entries.data[keep]}
        ),
        name,
        lambda row: f"entry {row + 1}",
    )
    edge_index = torch.from_numpy(np.stack(entries.coords).astype(np.int64)[:, keep])
    _check_edges(edge_index, matrix.shape[0], name)
    return RawGraph(
        name=name,
        edge_index=edge_index,
        num_nodes=matrix.shape[0],
        weight=weights(values, VALUE) if columns.weight else None,
    )


def _only_value(columns: Columns, name: str) -> None:
    wrong = [column for column in columns.asked() if column != VALUE or column != columns.weight]
    if wrong:
        raise InputError(
            f"{name}: a matrix has no column {wrong[0]!r}; its entries are weights with weight={VALUE!r}"
        )


def from_array(array: NDArray[Any] | Tensor, name: str, columns: Columns) -> RawGraph:
    """A dense adjacency matrix ``(N, N)``, or indices ``(2, E)`` or ``(E, 2)``."""
    if isinstance(array, Tensor):
        with translated(name, "an array"):
            array = array.detach().cpu().numpy()
    if array.shape == (2, 2) and array.dtype.kind in "iu" and array.tolist() != [[0, 1], [1, 0]]:
        raise InputError(
            f"{name}: integers of shape (2, 2) may be an adjacency matrix or two edges; "
            f"give floats or a SciPy matrix for the one, a Data for the other"
        )
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        if np.issubdtype(array.dtype, np.number) and not np.isfinite(array).all():
            raise InputError(f"{name}: an adjacency matrix must be finite")
        return from_matrix(array, name, columns)
    if array.ndim != 2 or 2 not in array.shape or not np.issubdtype(array.dtype, np.integer):
        raise InputError(
            f"{name}: expected an adjacency matrix (N, N) or integer pairs (2, E) or (E, 2), "
            f"got {array.dtype} of shape {array.shape}"
        )
    if columns.asked():
        raise InputError(f"{name}: an array has no columns, but {columns.asked()[0]!r} was asked for")
    pairs = array if array.shape[0] == 2 else array.T
    edge_index = torch.from_numpy(pairs.astype(np.int64))
    num_nodes = int(edge_index.max()) + 1 if edge_index.numel() else 0
    _check_edges(edge_index, num_nodes, name)
    return RawGraph(name, edge_index, num_nodes)


def _check_edges(edge_index: Tensor, num_nodes: int, name: str) -> None:
    try:
        check_edge_index(edge_index, num_nodes)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def read_pt(path: Path) -> Data:
    """A ``Data`` saved by torch; nothing is unpickled but tensors and PyTorch Geometric's own classes."""
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: is not a whole file of torch.save")
    try:
        # Leaving the context takes its classes off torch's list, also those that were on it before.
        missing = [kind for kind in SAFE_CLASSES if kind not in torch.serialization.get_safe_globals()]
        with torch.serialization.safe_globals(missing), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())
        if "weights_only" in reason or "Unsupported" in reason or "GLOBAL" in reason:
            raise InputError(
                f"{path}: holds more than tensors, and unpickling it could run code; load it in Python and "
                f"save a plain torch_geometric.data.Data"
            ) from error
        raise InputError(f"{path}: cannot be read as a file of torch.save ({reason[:200]})") from error
    if not isinstance(data, Data):
        raise InputError(f"{path}: expected a torch_geometric.data.Data, got {type(data).__name__}")
    return data


def from_data(data: Data, name: str) -> RawGraph:
    """PyTorch Geometric's ``Data``, with its ``edge_weight``, ``edge_time`` and ``node_ids``, if any."""
    with translated(name, "a Data with edge_index"):
        edge_index = data.edge_index.detach().cpu()
        num_nodes = int(data.num_nodes or 0)
        ids = data.get("node_ids")
        ids = None if ids is None else as_ids(ids, f"{name}: node_ids")
    _check_edges(edge_index, num_nodes, name)
    if ids is not None and len(ids) != num_nodes:
        raise InputError(f"{name}: node_ids must have one id for each of {num_nodes} nodes, got {len(ids)}")
    return RawGraph(
        name=name,
        edge_index=edge_index,
        num_nodes=num_nodes,
        ids=ids,
        weight=_edge_values(data, "edge_weight", name),
        time=_edge_values(data, "edge_time", name),
        x=_node_tensor(data, "x"),
        y=_node_tensor(data, "y"),
    )


def _edge_values(data: Data, key: str, name: str) -> Tensor | None:
    values = data.get(key)
    if values is None:
        return None
    if not isinstance(values, Tensor) or values.shape != (data.edge_index.size(1),):
        shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(f"{name}: {key} must have shape ({data.edge_index.size(1)},), got {shape}")
    table = Table(
        pl.DataFrame({key: values.detach().cpu().double().numpy()}), name, lambda row: f"edge {row + 1}"
    )
    return (weights if key == "edge_weight" else times)(table, key)


def _node_tensor(data: Data, key: str) -> Tensor | None:
    values = data.get(key)
    return values.detach().cpu() if isinstance(values, Tensor) else None
