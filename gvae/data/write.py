"""From a graph back to other programs: networkx, and files that `read_graph` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import scipy.io
import scipy.sparse
from numpy.typing import NDArray
from torch_geometric.data import Data

from gvae.data.graph import is_symmetric
from gvae.data.nodes import node_ids, text_ids
from gvae.errors import InputError
from gvae.files import write_file

Attributes = Mapping[str, Sequence[Any] | NDArray[Any] | pl.Series]
"""Values by name, one for each node."""

NOT_IN_XML = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
NOT_IN_TABLES = re.compile("^$|\0")


def to_networkx(data: Data, attributes: Attributes | None = None) -> nx.Graph[Any]:
    """A networkx graph with the user's node ids.

    Parameters
    ----------
    data
        A graph; a ``DiGraph`` comes of it unless ``edge_index`` is symmetric.
    attributes
        Values by name, one for each node, that become node attributes. Labels with class names
        become ``class``.

    Returns
    -------
    networkx.Graph
        With ``weight`` and ``time`` on the edges, where the graph has them.

    Raises
    ------
    InputError
        If there are not as many values as nodes.
    """
    ids, edges = node_ids(data).to_list(), edge_frame(data)
    graph: nx.Graph[Any] = nx.DiGraph() if not is_symmetric(data) else nx.Graph()
    graph.add_nodes_from(ids)
    extra = edges.columns[2:]
    graph.add_edges_from(
        (row[0], row[1], dict(zip(extra, row[2:], strict=True))) for row in edges.iter_rows()
    )
    for name, values in _with_classes(data, attributes or {}).items():
        if len(values) != len(ids):
            raise InputError(
                f"attribute {name!r} must have a value for each of {len(ids)} nodes, got {len(values)}"
            )
        plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
        nx.set_node_attributes(graph, dict(zip(ids, plain, strict=True)), name)
    return graph


def edge_frame(data: Data) -> pl.DataFrame:
    """The edges as a frame ``source, target[, weight][, time]`` in the user's ids; undirected ones once."""
    ids, index = node_ids(data), data.edge_index.cpu().numpy()
    once = np.ones(index.shape[1], dtype=bool) if not is_symmetric(data) else index[0] < index[1]
    frame = pl.DataFrame({"source": ids[index[0, once]], "target": ids[index[1, once]]})
    for name in ("weight", "time"):
        if (values := data.get(f"edge_{name}")) is not None:
            frame = frame.with_columns(pl.Series(name, values.cpu().numpy()[once]))
    return frame


def write_graph(data: Data, path: str | Path, attributes: Attributes | None = None) -> None:
    """Write a graph in the format of the file's ending.

    ``.graphml`` (for Gephi and Cytoscape), ``.gexf``, ``.gml`` and ``.json`` (node-link) hold ids, edges and
    node attributes; ``.csv``, ``.tsv`` and ``.parquet`` edges alone, so no isolated nodes; ``.npz`` and
    ``.mtx`` the adjacency matrix, without ids.

    Parameters
    ----------
    data
        A graph.
    path
        The file; its ending is the format. It is replaced as a whole, or left as it was.
    attributes
        As for `to_networkx`.

    Raises
    ------
    InputError
        For another ending, attributes where the format has none, or ids that the format cannot hold.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise InputError(f"{path}: a graph's file must end in one of {', '.join(_WRITERS)}")
    if attributes and suffix not in _NETWORKX:
        raise InputError(f"{path}: node attributes go to one of {', '.join(_NETWORKX)}")
    _check_ids(data, path, suffix)
    try:
        write_file(path, lambda temporary: _WRITERS[suffix](data, temporary, attributes))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (nx.NetworkXError, TypeError, ValueError) as error:  # attributes that the format does not know
        raise InputError(f"{path}: cannot be written ({error})") from error


def _check_ids(data: Data, path: Path, suffix: str) -> None:
    """Raise ``InputError`` for ids, or edges, that would come back otherwise."""
    ids = node_ids(data)
    if suffix in _MATRIX:
        if not ids.equals(pl.Series(range(len(ids)), dtype=pl.Int64)):
            raise InputError(f"{path}: a matrix has no node ids; delete data.node_ids to write it without")
        if (weight := data.get("edge_weight")) is not None and not weight.all():
            raise InputError(f"{path}: a matrix has no edges of weight 0")
    if suffix in (".json", *_MATRIX) or ids.dtype != pl.String:
        return
    refused = NOT_IN_XML if suffix in _XML else NOT_IN_TABLES
    bad = [name for name in ids if refused.search(name)]
    if bad:
        raise InputError(f"{path}: the id {bad[0]!r} is empty or has a character that {suffix} cannot hold")
    numbers = text_ids(ids)[0] if suffix in _TEXT else ids
    if not numbers.cast(pl.String).equals(ids):
        raise InputError(f"{path}: ids that are integers but for blanks would lose them, such as {ids[0]!r}")


def _with_classes(data: Data, attributes: Attributes) -> dict[str, Any]:
    names, y = data.get("class_names"), data.get("y")
    if names is None or y is None or "class" in attributes:
        return dict(attributes)
    return {"class": [names[i] if i >= 0 else "" for i in y.tolist()], **attributes}


def _json(data: Data, path: Path, attributes: Attributes | None) -> None:
    if "id" in (attributes or {}):
        raise InputError("a node attribute cannot be called 'id'")
    path.write_text(
        json.dumps(nx.node_link_data(to_networkx(data, attributes), edges="edges")), encoding="utf-8"
    )


def _through_networkx(write: Callable[..., None]) -> Callable[[Data, Path, Attributes | None], None]:
    return lambda data, path, attributes: write(to_networkx(data, attributes), path)


def _text(data: Data, path: Path, separator: str) -> None:
    frame = edge_frame(data)
    odd = frame["source"].cast(pl.String).str.contains(r"^[#%]").any()  # no comments
    frame.write_csv(path, separator=separator, quote_style="non_numeric" if odd else "necessary")


def _matrix(data: Data) -> scipy.sparse.coo_array:
    weight = data.get("edge_weight")
    values = np.ones(data.num_edges) if weight is None else weight.cpu().numpy()
    num_nodes = int(data.num_nodes or 0)
    return scipy.sparse.coo_array(
        (values, tuple(data.edge_index.cpu().numpy())), shape=(num_nodes, num_nodes)
    )


def _npz(data: Data, path: Path, _: Attributes | None) -> None:
    with path.open("wb") as file:
        scipy.sparse.save_npz(file, _matrix(data).tocsr())


def _mtx(data: Data, path: Path, _: Attributes | None) -> None:
    with path.open("wb") as file:
        scipy.io.mmwrite(file, _matrix(data))


_XML = (".graphml", ".gexf", ".gml")
_NETWORKX = (*_XML, ".json")
_TEXT = (".csv", ".tsv")
_MATRIX = (".npz", ".mtx")
_WRITERS: dict[str, Callable[[Data, Path, Attributes | None], None]] = {
    ".graphml": _through_networkx(nx.write_graphml),
    ".gexf": _through_networkx(nx.write_gexf),
    ".gml": _through_networkx(nx.write_gml),
    ".json": _json,
    ".csv": lambda data, path, _: _text(data, path, ","),
    ".tsv": lambda data, path, _: _text(data, path, "\t"),
    ".parquet": lambda data, path, _: edge_frame(data).write_parquet(path),
    ".npz": _npz,
    ".mtx": _mtx,
}
