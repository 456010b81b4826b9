"""Data sets by name."""

from __future__ import annotations

from pathlib import Path

from torch_geometric.data import Data

from gvae.catalog import DATASETS
from gvae.errors import InputError, UnknownNameError

from .downloads import load_download
from .embedded import load_embedded
from .small import SMALL


def names() -> list[str]:
    """Names of the data sets that need no network."""
    return list(DATASETS)


def load(name: str, *, root: str | Path | None = None, directed: bool = False) -> Data:
    """Load a data set.

    Parameters
    ----------
    name
        One of `names`, or ``"family/Name"`` for any that PyTorch Geometric can download, by the name of
        its class in `torch_geometric.datasets`: ``"planetoid/Cora"``, ``"amazon/Photo"``. Those go through
        PyTorch Geometric's own loaders, which unpickle: load only what you trust.
    root
        Folder for downloads; by default ``~/.cache/gvae/<family>``. Only for ``"family/Name"``.
    directed
        Keep the directions of the edges (``"cora"``: from the citing to the cited paper); by default the
        graph is undirected.

    Returns
    -------
    torch_geometric.data.Data
        ``edge_index`` symmetric and coalesced without self-loops, ``num_nodes``, ``x`` as sparse CSR when
        mostly zero (absent for featureless graphs), ``y`` and ``class_names``, the public split's
        masks where there is one.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    InputError
        If an embedded file is damaged, the data set has no directions, or is not one graph.
    DownloadError
        If it could not be fetched.
    """
    if "/" in name:
        return load_download(name, root, directed)
    if name not in DATASETS:
        raise UnknownNameError.of("data set", name, DATASETS)
    if root is not None:
        raise InputError(f"root is for downloads; {name!r} is part of the package")
    if directed and name != "cora":
        raise InputError(f"{name!r} comes without directions; only 'cora' has them")
    return SMALL[name]() if name in SMALL else load_embedded(name, directed)
