"""Clusters of nodes from their embedding: embeddings in, labels out."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, triu
from sklearn.cluster import HDBSCAN, KMeans, SpectralClustering
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import kneighbors_graph

from gvae._optional import require
from gvae.catalog import CLUSTERINGS, CRITERIA, check_name
from gvae.config import require_int
from gvae.errors import InputError
from gvae.metrics import modularity

Embedding = NDArray[np.float64]
Labels = NDArray[np.int64]

NEIGHBORS = 15
"""Neighbours of a node in the graph that "spectral" and "leiden" cut."""
MIN_CLUSTER_SIZE = 5
"""Nodes of the smallest cluster that "hdbscan" finds."""
SILHOUETTE_NODES = 10_000
"""Nodes from which a silhouette is taken: it looks at all pairs of them."""


@dataclass(frozen=True)
class KChoice:
    """A number of clusters, and how good each one that was tried is.

    Parameters
    ----------
    k
        The best one; the smaller of two that are equally good.
    criterion
        One of `gvae.catalog.CRITERIA`.
    values
        The criterion's value at each k. Highest is best, but for ``"bic"``.
    """

    k: int
    criterion: str
    values: dict[int, float]


def cluster(
    z: ArrayLike,
    k: int | None = None,
    *,
    method: str = "kmeans",
    seed: int = 0,
    restarts: int = 10,
) -> Labels:
    """Group nodes by their embedding.

    ``"kmeans"``, ``"gmm"`` and ``"spectral"`` make k clusters. ``"gmm"`` has full covariances, because
    a rotation of z changes no logit: its axes mean nothing. ``"spectral"`` and ``"leiden"`` cut the graph
    that joins each node to its 15 nearest (weight 1 where both agree, else 1/2); leiden maximises
    modularity on it. ``"hdbscan"`` wants at least 5 nodes in a cluster.

    Parameters
    ----------
    z
        Embedding, one row for each node, shape ``(N, D)``; taken as it is, as published figures do.
    k
        Number of clusters, 2 to N; ``None`` for ``"hdbscan"`` and ``"leiden"``, which find it.
    method
        One of `gvae.catalog.CLUSTERINGS`.
    seed
        The same seed gives the same labels.
    restarts
        Starts of k-means, of the mixture, or of the k-means in ``"spectral"``. The one with the best
        objective is kept; ``"hdbscan"`` and ``"leiden"`` have none.

    Returns
    -------
    NDArray[np.int64]
        Labels from 0, shape ``(N,)``; -1 is noise (``"hdbscan"`` alone). There may be fewer than k where z
        has fewer different rows, or a mixture has an empty part.

    Raises
    ------
    InputError
        If z, k, the method, the seed or the restarts cannot be used, or there are too few nodes.
    MissingPackageError
        If ``"leiden"`` is asked for and igraph is not installed.

    Notes
    -----
    What has not converged after its largest number of iterations is used as it stands. ``"spectral"`` has
    N x N matrices only where N <= 5 k. ``"leiden"`` hands igraph its own generator for the call, and
    Python's ``random``, igraph's default, afterwards.

    Sources: Ng, Jordan and Weiss 2002 (spectral); Campello et al. 2013 (hdbscan); Traag et al. 2019,
    arXiv 1810.08473 (leiden).
    """
    check_name("clustering", method, CLUSTERINGS)
    z = _checked(z)
    seed, restarts = _small_seed(seed), require_int("restarts", restarts, at_least=1)
    if method in _FINDS_K:
        if k is not None:
            raise InputError(f"{method} finds the number of clusters itself: leave k out, got {k!r}")
        return _FINDS_K[method](z, seed)
    if k is None:
        raise InputError(f"{method} needs k, the number of clusters")
    return _TAKES_K[method](z, _check_k(k, len(z)), seed, restarts)


def choose_k(
    z: ArrayLike,
    ks: Iterable[int] = range(2, 21),
    *,
    criterion: str = "silhouette",
    method: str = "kmeans",
    edge_index: NDArray[np.integer] | None = None,
    seed: int = 0,
    restarts: int = 10,
) -> KChoice:
    """Choose the number of clusters without knowing the classes.

    Parameters
    ----------
    z
        Embedding, shape ``(N, D)``.
    ks
        Numbers of clusters to try, each from 2 to N.
    criterion
        ``"silhouette"``: mean over nodes, Euclidean, of the rows as they are clustered; over 10,000 nodes
        drawn with the seed where there are more. It is 0 (neither here nor there) where all nodes share
        one cluster or each is alone. ``"modularity"``: of the graph's edges. ``"bic"``: of the Gaussian
        mixture, so ``method`` must be ``"gmm"``.
    method
        ``"kmeans"``, ``"gmm"`` or ``"spectral"``.
    edge_index
        Edges ``(2, E)``, both directions; read by ``"modularity"`` alone.
    seed, restarts
        As in `cluster`, which gives the labels judged here.

    Raises
    ------
    InputError
        As `cluster`; and if there is no k to try, the method takes none, or the criterion lacks its edges
        or its mixture.

    Notes
    -----
    Each k is fitted ``restarts`` times. Mixtures are slow: with the defaults half a minute for Cora's 2,708
    nodes, over three minutes for PubMed's 19,717; fewer restarts cost proportionally less.

    Sources: Rousseeuw 1987 (silhouette); Newman 2006 (modularity); Schwarz 1978 (bic).
    """
    check_name("criterion", criterion, CRITERIA)
    check_name("clustering", method, CLUSTERINGS)
    _check_fit(criterion, method, edge_index)
    z = _checked(z)
    seed, restarts = _small_seed(seed), require_int("restarts", restarts, at_least=1)
    tried = sorted({_check_k(k, len(z)) for k in ks})
    if not tried:
        raise InputError("ks must hold at least one number of clusters, got none")

    def value(k: int) -> float:
        if criterion == "bic":
            return float(_fit_mixture(z, k, seed, restarts).bic(z))
        labels = _TAKES_K[method](z, k, seed, restarts)
        if criterion == "modularity" and edge_index is not None:
            return modularity(labels, edge_index)
        return _silhouette(z, labels, seed)

    values = {k: value(k) for k in tried}
    best = min if criterion == "bic" else max
    return KChoice(best(values, key=values.__getitem__), criterion, values)


def _checked(z: ArrayLike) -> Embedding:
    """The embedding in float64, if it is one."""
    z = np.asarray(z, dtype=np.float64)
    if z.ndim != 2 or 0 in z.shape:
        raise InputError(f"z must have shape (N, D), got {z.shape}")
    if not np.isfinite(z).all():
        row = int(np.argmin(np.isfinite(z).all(axis=1)))
        raise InputError(f"z must be finite, got {z[row][~np.isfinite(z[row])][0]} in row {row}")
    return z


def _check_k(k: Any, num_nodes: int) -> int:
    checked = require_int("k", k, at_least=2)
    if checked > num_nodes:
        raise InputError(f"k must be at most the number of nodes, {num_nodes}, got {checked}")
    return checked


def _check_fit(criterion: str, method: str, edge_index: NDArray[np.integer] | None) -> None:
    """Refuse a criterion without what it needs."""
    if method not in _TAKES_K:
        raise InputError(f"method must be one that takes k ({', '.join(_TAKES_K)}), got {method!r}")
    if criterion == "bic" and method != "gmm":
        raise InputError(f"bic judges Gaussian mixtures: method must be 'gmm', got {method!r}")
    if criterion == "modularity" and edge_index is None:
        raise InputError("modularity needs edge_index, the graph's edges")


def _check_nodes(method: str, z: Embedding, at_least: int) -> None:
    if len(z) < at_least:
        raise InputError(f"{method} needs at least {at_least} nodes, got {len(z)}")


def _small_seed(seed: Any) -> int:
    """Fold a seed of any size into the 32 bits that scikit-learn takes."""
    seed = require_int("seed", seed, at_least=0)
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


def _kmeans(z: Embedding, k: int, seed: int, restarts: int) -> Labels:
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return _labels(KMeans(k, n_init=restarts, random_state=seed).fit_predict(z))


def _gmm(z: Embedding, k: int, seed: int, restarts: int) -> Labels:
    return _labels(_fit_mixture(z, k, seed, restarts).predict(z))


def _fit_mixture(z: Embedding, k: int, seed: int, restarts: int) -> GaussianMixture:
    # The default of 1e-6 on the diagonal is lost in rounding beside large variances.
    floor = 1e-6 * max(float(z.var()), 1.0)
    mixture = GaussianMixture(k, n_init=restarts, max_iter=300, reg_covar=floor, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return mixture.fit(z)


def _spectral(z: Embedding, k: int, seed: int, restarts: int) -> Labels:
    # Lanczos misses copies of an eigenvalue, so it fails where the graph falls into parts; LOBPCG does not,
    # and needs no factorisation. scikit-learn warns of such parts, and SciPy of small graphs.
    model = SpectralClustering(
        k, affinity="precomputed", eigen_solver="lobpcg", n_init=restarts, random_state=seed
    )
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return _labels(model.fit_predict(_neighbor_graph(z)))


def _hdbscan(z: Embedding, seed: int) -> Labels:
    _check_nodes("hdbscan", z, MIN_CLUSTER_SIZE)
    return _labels(HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE, copy=True).fit_predict(z))


def _leiden(z: Embedding, seed: int) -> Labels:
    _check_nodes("leiden", z, 2)
    igraph = require("igraph", extra="leiden")
    edges = triu(_neighbor_graph(z), format="coo")
    graph = igraph.Graph(n=len(z), edges=np.column_stack(edges.coords))
    igraph.set_random_number_generator(random.Random(seed))  # noqa: S311
    try:
        parts = graph.community_leiden("modularity", weights=edges.data.tolist(), n_iterations=-1)
    finally:
        igraph.set_random_number_generator(random)
    return _labels(parts.membership)


def _neighbor_graph(z: Embedding) -> csr_array:
    """Symmetric weights, (N, N) sparse: 1 between nodes that are both near to each other, 1/2 if one is."""
    near = csr_array(kneighbors_graph(z, min(NEIGHBORS, len(z) - 1)))
    return csr_array((near + near.T) / 2)


def _labels(values: ArrayLike) -> Labels:
    return np.asarray(values, dtype=np.int64)


def _silhouette(z: Embedding, labels: Labels, seed: int) -> float:
    if len(z) > SILHOUETTE_NODES:
        drawn = np.random.default_rng(seed).choice(len(z), SILHOUETTE_NODES, replace=False)
        z, labels = z[drawn], labels[drawn]
    if len(np.unique(labels)) in (1, len(labels)):
        return 0.0
    return float(silhouette_score(z, labels))


_TAKES_K: dict[str, Callable[[Embedding, int, int, int], Labels]] = {
    "kmeans": _kmeans,
    "gmm": _gmm,
    "spectral": _spectral,
}
_FINDS_K: dict[str, Callable[[Embedding, int], Labels]] = {"hdbscan": _hdbscan, "leiden": _leiden}
