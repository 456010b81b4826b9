"""Data sets that PyTorch Geometric downloads, through its own loaders.

Those loaders unpickle what they downloaded: the one exception to this package's rule.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from torch_geometric.data import Data

from gvae.data import make_graph
from gvae.errors import DownloadError, InputError, UnknownNameError


def load_download(name: str, root: str | Path | None, directed: bool) -> Data:
    """Load ``"family/Name"``: ``"planetoid/Cora"``, or ``"wikics/WikiCS"``, which is alone in its family."""
    family, _, member = name.partition("/")
    loader = _loader(family)
    folder = Path(root) if root is not None else Path.home() / ".cache" / "gvae" / family.lower()
    arguments = {"name": member} if "name" in inspect.signature(loader).parameters else {}
    if arguments and not member:
        raise InputError(f"data set {name!r} lacks its second part, as in 'planetoid/Cora'")
    try:
        graphs = loader(root=str(folder), **arguments)
    except Exception as error:  # the loaders' own: the network, or an assertion on the name
        kind = DownloadError if isinstance(error, OSError) else InputError
        reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise kind(f"data set {name!r} could not be loaded into {folder}: {reason}") from error
    if len(graphs) != 1:
        raise InputError(f"data set {name!r} holds {len(graphs)} graphs, expected one")
    return _plain(name, graphs[0], directed)


def _loader(family: str) -> Any:
    from torch_geometric import datasets  # half a second, for this path alone

    classes = {cls.lower(): cls for cls in datasets.__all__}
    if family.lower() not in classes:
        raise UnknownNameError.of("data set family", family, classes)
    loader = getattr(datasets, classes[family.lower()])
    if "root" not in inspect.signature(loader).parameters:
        raise InputError(f"data set family {family!r} is not a download")
    return loader


def _plain(name: str, graph: Any, directed: bool) -> Data:
    if not isinstance(graph, Data) or graph.edge_index is None:
        raise InputError(f"data set {name!r} is not one graph with one kind of nodes")
    y = graph.y if graph.y is not None and graph.y.dim() == 1 and len(graph.y) == graph.num_nodes else None
    data = make_graph(graph.edge_index, int(graph.num_nodes or 0), x=graph.x, y=y, directed=directed)
    for mask in ("train_mask", "val_mask", "test_mask"):
        if mask in graph:
            data[mask] = graph[mask]
    return data
