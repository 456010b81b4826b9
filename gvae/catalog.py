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
    decoder: str = "-"


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
    "gae": ModelInfo("graph autoencoder: z from a GCN, inner-product decoder", _KIPF, "inner product"),
    "vgae": ModelInfo("variational: a Gaussian posterior for each node's z", _KIPF, "inner product"),
}

_KINGMA = "Kingma & Welling 2014, arXiv 1312.6114"
_TOMCZAK = "Tomczak & Welling 2018, arXiv 1705.07120"
_VINCENT = "Vincent et al. 2008, doi 10.1145/1390156.1390294"
IMAGE_MODELS = {
    "vae": ModelInfo("variational autoencoder; --beta makes it the beta-VAE", _KINGMA),
    "full-covariance": ModelInfo(
        "a posterior with full covariance, by its Cholesky factor", "Kingma & Welling 2019, arXiv 1906.02691"
    ),
    "iwae": ModelInfo("importance-weighted bound of --samples draws", "Burda et al. 2016, arXiv 1509.00519"),
    "cvae": ModelInfo("encoder and decoder know the class", "Sohn et al. 2015, NeurIPS"),
    "vamp": ModelInfo("the prior is a mixture of posteriors of pseudo-inputs", _TOMCZAK),
    "conv": ModelInfo(
        "convolutions of stride 2 in encoder and decoder", "Salimans et al. 2015, arXiv 1410.6460"
    ),
    "conv-vamp": ModelInfo("the networks of conv with the prior of vamp", _TOMCZAK),
    "gan": ModelInfo(
        "a generator against a discriminator; no encoder", "Goodfellow et al. 2014, arXiv 1406.2661"
    ),
    "vae-gan": ModelInfo(
        "reconstruction judged by a discriminator, which samples must fool",
        "Larsen et al. 2016, arXiv 1512.09300",
    ),
    "ae": ModelInfo(
        "plain autoencoder: one code an image, no prior",
        "Hinton & Salakhutdinov 2006, doi 10.1126/science.1127647",
    ),
    "tied": ModelInfo("autoencoder whose decoder is the encoder transposed", _VINCENT),
    "sparse": ModelInfo("autoencoder whose code units seldom fire", "Ng 2011, CS294A lecture notes"),
    "contractive": ModelInfo("autoencoder of one layer, its Jacobian kept small", "Rifai et al. 2011, ICML"),
    "denoising": ModelInfo("autoencoder that learns from masked images", _VINCENT),
    "vq": ModelInfo("codes from a book of --components", "van den Oord et al. 2017, arXiv 1711.00937"),
    "m2": ModelInfo("semi-supervised: the class is latent too", "Kingma et al. 2014, arXiv 1406.5298"),
}
ACTIVATIONS = ("relu", "silu")
LIKELIHOODS = ("bernoulli", "gaussian")
BINARIZATIONS = ("none", "static", "dynamic")
"""Grey levels as they are; drawn once; drawn anew for each batch (Salakhutdinov and Murray 2008)."""
MASKS = ("top", "bottom", "left", "right", "centre")
"""What is unknown of an image that is to be filled in."""

_LIBEN = "Liben-Nowell & Kleinberg 2007, doi 10.1002/asi.20591"
HEURISTICS = {
    "common-neighbours": ModelInfo("nodes that are neighbours of both", _LIBEN),
    "adamic-adar": ModelInfo(
        "common neighbours, each by 1 / log of its degree",
        "Adamic & Adar 2003, doi 10.1016/S0378-8733(03)00009-1",
    ),
    "resource-allocation": ModelInfo(
        "common neighbours, each by 1 / its degree", "Zhou, Lü & Zhang 2009, arXiv 0901.0553"
    ),
    "preferential-attachment": ModelInfo("product of the degrees", _LIBEN),
    "katz": ModelInfo(
        "walks of up to three steps, of l steps by 0.005^l", "Katz 1953, doi 10.1007/BF02289026"
    ),
    "pagerank": ModelInfo(
        "personalised PageRank of either node seen from the other, teleport 0.15",
        "Page et al. 1999, Stanford InfoLab 1999-66",
    ),
    "spectral": ModelInfo(
        "cosine of the rows of the normalised adjacency's top eigenvectors",
        "Ng, Jordan & Weiss 2001, NIPS 14",
    ),
    "cosine": ModelInfo("cosine of the nodes' features; no edges", _LIBEN),
}

PROTOCOLS = {
    "kipf": "85/5/10 split, messages along train edges at test, figure at the last epoch",
    "strict": "85/5/10 split, messages along train edges at test, epoch chosen on the validation edges",
    "pyg": "85/5/10 split, messages along train and val edges at test (as RandomLinkSplit), last epoch",
    "hits": "70/10/20 split, Hits@100 among as many non-edges, epoch chosen by it on val (NCN, Refined-GAE)",
    "heart": "85/5/10 split, 500 hard candidates for each test edge, ranks, no isolated nodes (HeaRT)",
    "heart-filtered": "85/5/10 split, 500 hard candidates for each test edge, none an edge, ranks",
    "temporal": "85/5/10 split by time, the latest edges are test (needs their times), epoch chosen on val",
}

METRICS = {
    "auc": "area under the ROC curve, all negatives of the part pooled",
    "ap": "average precision, all negatives of the part pooled",
    "mrr": "mean of 1 / rank of a positive among its negatives",
    "hits@K": "share of positives whose rank among their negatives is at most K",
    "ap@1:10": "average precision among 10 uniform non-edges for each positive",
    "ap@1:100": "the same with 100",
    "precision@100": "share of edges in the 100 best pairs, among 100 uniform non-edges for each positive",
    "ece": "expected calibration error of sigmoid(logit), the part's positives and negatives together",
}

TIES = "average rank: 1 + negatives above + half of those with an equal score"

SCHEDULES = ("constant", "cosine")
"""How the learning rate goes on from epoch to epoch."""

LOSSES = {
    "full": "all N x N pairs, exactly, in row blocks",
    "sampled": "the same, estimated: all edges (at most 2^18), all nodes against 128 drawn anew each epoch",
    "quadratic": "all pairs in linear time: softplus expanded to second order",
    "squared": "all pairs in linear time: squared error of the logits against +1 and -1",
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


def metric_label(name: str) -> str:
    """What a figure is called in print: ``"auc"`` is AUC, ``"hits@10"`` is Hits@10."""
    kind, at, k = name.partition("@")
    return f"{kind.capitalize() if kind in ('hits', 'precision') else kind.upper()}{at}{k}"
