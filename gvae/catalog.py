"""What there is, by name, without torch: help, completion and "did you mean" read these tables.

Tests hold every row equal to the thing that it describes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gvae.errors import UnknownNameError


@dataclass(frozen=True)
class DatasetInfo:
    """One row of ``gvae datasets``; edges are counted once, each undirected."""

    nodes: int
    edges: int
    features: int
    classes: int
    source: str
    licence: str

    @property
    def density(self) -> float:
        """Share of the N (N - 1) / 2 node pairs that are edges."""
        return self.edges / (self.nodes * (self.nodes - 1) / 2)


@dataclass(frozen=True)
class ModelInfo:
    """One row of ``gvae models``."""

    summary: str
    paper: str


@dataclass(frozen=True)
class Figure:
    """A published pair of figures, fractions."""

    auc: float
    ap: float


_LINQS = "unstated"
DATASETS = {
    "cora": DatasetInfo(2708, 5278, 1433, 7, "embedded", _LINQS),
    "citeseer": DatasetInfo(3327, 4552, 3703, 6, "embedded", _LINQS),
    "pubmed": DatasetInfo(19717, 44324, 500, 3, "embedded", _LINQS),
    "karate": DatasetInfo(34, 78, 0, 2, "networkx", "BSD-3"),
    "les-miserables": DatasetInfo(77, 254, 0, 0, "networkx", "BSD-3"),
}

_KIPF = "Kipf & Welling 2016, arXiv 1611.07308"
MODELS = {
    "gae": ModelInfo("graph autoencoder: z from a GCN, inner-product decoder", _KIPF),
    "vgae": ModelInfo("variational: a Gaussian posterior for each node's z", _KIPF),
}

PROTOCOLS = {
    "kipf": "85/5/10 split, messages along train edges at test, figure at the last epoch",
    "strict": "85/5/10 split, messages along train edges at test, epoch chosen on the validation edges",
    "pyg": "85/5/10 split, messages along train and val edges at test (as RandomLinkSplit), last epoch",
}

LOSSES = {
    "full": "all N x N pairs, exactly, in row blocks",
    "sampled": "all edges and as many non-edges, drawn anew each epoch; at most 2^18 of either",
}

CLUSTERINGS = {
    "kmeans": "k-means: k round clusters of alike size",
    "gmm": "Gaussian mixture, full covariances: k elliptic clusters",
    "spectral": "k clusters of the graph of nearest neighbours, by its eigenvectors",
    "hdbscan": "dense regions, as many as there are; the rest is noise, -1",
    "leiden": "communities of the graph of nearest neighbours, as many as there are (needs gvae[leiden])",
}

FINDS_K = ("hdbscan", "leiden")
"""Clusterings that find the number of clusters themselves."""

CRITERIA = {
    "silhouette": "how much nearer a node is to its own cluster than to the next; highest is best",
    "modularity": "edges inside clusters beyond those by chance; highest is best",
    "bic": "Bayesian information criterion of a Gaussian mixture; lowest is best",
}

EMBEDDING_FORMATS = {
    "parquet": "columns id, z0, z1, ...",
    "csv": "the same, as text",
    "tsv": "the same, parted by tabs",
    "npy": "a NumPy matrix, with the ids beside it",
    "word2vec": "word2vec's text format (gensim reads it)",
    "projector": "TensorBoard's embedding projector: vectors and metadata",
}

DEVICES = ("auto", "cpu", "cuda")

PUBLISHED_SOURCE = f"{_KIPF}, table 1: ten initialisations on one split"
# (model, data set, with features) -> figure, under the protocol "kipf"
PUBLISHED = {
    ("gae", "cora", True): Figure(0.91, 0.92),
    ("gae", "citeseer", True): Figure(0.895, 0.899),
    ("gae", "pubmed", True): Figure(0.964, 0.965),
    ("vgae", "cora", True): Figure(0.914, 0.926),
    ("vgae", "citeseer", True): Figure(0.908, 0.92),
    ("vgae", "pubmed", True): Figure(0.944, 0.947),
    ("gae", "cora", False): Figure(0.843, 0.881),
    ("gae", "citeseer", False): Figure(0.787, 0.841),
    ("gae", "pubmed", False): Figure(0.822, 0.874),
    ("vgae", "cora", False): Figure(0.84, 0.877),
    ("vgae", "citeseer", False): Figure(0.789, 0.841),
    ("vgae", "pubmed", False): Figure(0.827, 0.875),
}


def check_name(kind: str, name: str, known: Collection[str]) -> str:
    """Return ``name`` if it is one of ``known``.

    Raises
    ------
    UnknownNameError
        If it is not; the message holds the nearest names.
    """
    if name not in known:
        raise UnknownNameError.of(kind, name, known)
    return name
