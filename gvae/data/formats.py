"""One function a format: networkx files and graphs, matrices, arrays, PyTorch Geometric's Data."""

from __future__ import annotations

import gzip
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import scipy.io
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage

from gvae.data.edges import Columns, RawGraph, times, weights
from gvae.data.graph import check_edge_index
from gvae.data.nodes import as_ids, whole_numbers
from gvae.data.tables import Table, translated
from gvae.errors import InputError

SAFE_CLASSES = [Data, DataEdgeAttr, DataTensorAttr, GlobalStorage]
VALUE = "value"
"""The name of a matrix's entries, for those who want them as weights."""


def read_networkx(path: Path, columns: Columns) -> RawGraph:
    """GraphML, GEXF, GML or JSON node-link; ids that are all whole numbers become integers."""
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    with translated(path, {"json": "JSON node-link", "gml": "GML"}.get(kind, kind.upper())):
        graph = _NETWORKX[kind](path)
    return from_networkx(graph, str(path), columns, text=True)


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
    mixed = len({type(value) for value in values}) > 1
    column = pl.Series([None if value is None else str(value) for value in values] if mixed else values)
    return Table(pl.DataFrame({wanted: column}), name, lambda row: f"edge {row + 1}")


def _node_link(path: Path) -> Any:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        content = json.load(file)
    return nx.node_link_graph(content, edges="links" if "links" in content else "edges")


def _gml(path: Path) -> Any:
    try:
        return nx.read_gml(path)
    except nx.NetworkXError:  # nodes without a label, or labels that are not unique
        return nx.read_gml(path, label="id")


_NETWORKX: dict[str, Callable[[Path], Any]] = {
    "graphml": nx.read_graphml,
    "gexf": nx.read_gexf,
    "gml": _gml,
    "json": _node_link,
}


def read_matrix(path: Path, columns: Columns) -> RawGraph:
    """A SciPy sparse ``.npz``, a MatrixMarket file, or a NumPy ``.npy``: an adjacency matrix."""
    name = path.name.lower()
    with translated(path, "a matrix"):
        if name.endswith(".npz"):
            if not zipfile.is_zipfile(path):
                raise InputError(f"{path}: is not a whole .npz file")
            return from_matrix(scipy.sparse.load_npz(path), str(path), columns)
        if name.endswith(".npy"):
            return from_array(_no_pickle(path), str(path), columns)
        return from_matrix(scipy.io.mmread(path), str(path), columns)


def _no_pickle(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise InputError(f"{path}: is not a NumPy file")
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path}: damaged, or holds objects instead of numbers") from error
    return array


def from_matrix(matrix: Any, name: str, columns: Columns) -> RawGraph:
    """A square sparse or dense adjacency matrix: each entry that is not zero is an edge."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"{name}: an adjacency matrix must be square, got {matrix.shape}")
    entries = scipy.sparse.coo_array(matrix)
    if not (np.issubdtype(entries.dtype, np.number) or entries.dtype == bool):
        raise InputError(f"{name}: an adjacency matrix must hold numbers, got {entries.dtype}")
    keep = entries.data != 0
    _only_value(columns, name)
    values = Table(
        pl.DataFrame(
            {VALUE: np.abs(entries.data[keep]) if entries.dtype.kind == "c" else entries.data[keep]}
        ),
        name,
        lambda row: f"entry {row + 1}",
    )
    return RawGraph(
        name=name,
        edge_index=torch.from_numpy(np.stack(entries.coords).astype(np.int64)[:, keep]),
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
    array = np.asarray(array)
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
    check_edge_index(edge_index, num_nodes)
    return RawGraph(name, edge_index, num_nodes)


def read_pt(path: Path) -> Data:
    """A ``Data`` saved by torch; nothing is unpickled but tensors and PyTorch Geometric's own classes."""
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: is not a whole file of torch.save")
    try:
        with torch.serialization.safe_globals(SAFE_CLASSES), warnings.catch_warnings():
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
    if not isinstance(data.get("edge_index"), Tensor):
        raise InputError(f"{name}: the Data has no edge_index")
    num_nodes = int(data.num_nodes or 0)
    edge_index = data.edge_index.detach().cpu()
    check_edge_index(edge_index, num_nodes)
    ids = data.get("node_ids")
    ids = None if ids is None else as_ids(ids, f"{name}.node_ids")
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
    table = Table(pl.DataFrame({key: values.detach().cpu().numpy()}), name, lambda row: f"edge {row + 1}")
    return (weights if key == "edge_weight" else times)(table, key)


def _node_tensor(data: Data, key: str) -> Tensor | None:
    values = data.get(key)
    return values.detach().cpu() if isinstance(values, Tensor) else None
