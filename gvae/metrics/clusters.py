"""How well clusters agree with classes, and with the edges of their graph."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gvae.errors import InputError


@dataclass(frozen=True)
class ClusterScores:
    """How well clusters agree with classes: at most 1 each; ``ami`` and ``ari`` are 0 by chance.

    Parameters
    ----------
    acc
        Accuracy after the best one-to-one matching of clusters to classes.
    nmi, ami
        Mutual information, normalised by the mean of the entropies; the same adjusted for chance.
    ari
        Rand index, adjusted for chance.
    f1
        F1 of each class after the same matching, averaged over the classes.
    """

    acc: float
    nmi: float
    ami: float
    ari: float
    f1: float

    def to_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


def cluster_scores(labels: ArrayLike, y: ArrayLike) -> ClusterScores:
    """Compare clusters with classes.

    Parameters
    ----------
    labels
        Clusters, shape ``(N,)``. Noise, -1, counts as a cluster of its own.
    y
        Classes, numbers or names, shape ``(N,)``. Nodes without a class (a negative number, NaN or ``None``)
        are left out.

    Returns
    -------
    ClusterScores
        Each cluster is matched to at most one class and each class to at most one cluster, so that most
        nodes agree (the Hungarian method); among equally good matchings, the one with the best F1.
        Nodes of a cluster without a class count as wrong, and a class without a cluster has F1 0.

    Raises
    ------
    InputError
        If the shapes differ, or no node has a class.

    Notes
    -----
    Sources: Kuhn 1955 (acc); Strehl and Ghosh 2002 (nmi, here with the arithmetic mean); Vinh et al. 2010
    (ami); Hubert and Arabie 1985 (ari).
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    labels, y = np.asarray(labels), np.asarray(y)
    if labels.ndim != 1 or labels.shape != y.shape:
        raise InputError(f"labels and y must have the same shape (N,), got {labels.shape} and {y.shape}")
    known = np.array([_is_class(value) for value in y.tolist()], dtype=bool)
    if not known.any():
        raise InputError(f"y must give a class to at least one node, got none of {len(y)}")
    clusters, classes = _number(labels[known]), _number(y[known])
    acc, f1 = _match(contingency_matrix(classes, clusters))
    return ClusterScores(
        acc=acc,
        nmi=float(normalized_mutual_info_score(classes, clusters)),
        ami=float(adjusted_mutual_info_score(classes, clusters)),
        ari=float(adjusted_rand_score(classes, clusters)),
        f1=f1,
    )


def modularity(
    labels: ArrayLike, edge_index: NDArray[np.integer], edge_weight: NDArray[np.floating] | None = None
) -> float:
    """Edges inside clusters, beyond those expected of a random graph with the same degrees.

    Q = sum over clusters c of w_c / 2m - (d_c / 2m)^2, where w_c is the weight inside c (each edge in both
    directions), d_c the sum of its degrees, and 2m the sum of all degrees.

    Parameters
    ----------
    labels
        Clusters, shape ``(N,)``. Noise, -1, counts as a cluster of its own.
    edge_index
        Undirected edges ``(2, E)``, in both directions (each in one gives the same). A self-loop counts as
        often as it is listed.
    edge_weight
        Weights >= 0, shape ``(E,)``; all 1 by default.

    Returns
    -------
    float
        From -1/2 to 1.

    Raises
    ------
    InputError
        If shapes do not fit, an edge has no node, a weight is negative or not finite, or there is no edge.

    Notes
    -----
    Source: Newman 2006, PNAS 103 (23).
    """
    inside, volume = _inside_and_volume(labels, edge_index, edge_weight)
    total = volume.sum()
    return float((inside / total - (volume / total) ** 2).sum())


def conductance(labels: ArrayLike, edge_index: NDArray[np.integer]) -> float:
    """Share of a cluster's edge ends that leave it, averaged over the clusters; low is good.

    phi_c = cut_c / min(d_c, 2m - d_c), where cut_c counts the edges that leave c, d_c is the sum of its
    degrees, and 2m that of all degrees.

    Parameters
    ----------
    labels
        Clusters, shape ``(N,)``. Noise, -1, counts as a cluster of its own.
    edge_index
        Undirected edges ``(2, E)``, in both directions.

    Returns
    -------
    float
        From 0 to 1. A cluster without edges (isolated nodes alone) is left out of the mean; one that has all
        edges cuts none and counts as 0.

    Raises
    ------
    InputError
        If shapes do not fit, an edge has no node, or there is no edge.

    Notes
    -----
    Source: Yang and Leskovec 2012, arXiv 1205.6233.
    """
    inside, volume = _inside_and_volume(labels, edge_index, None)
    total = volume.sum()
    inside, volume = inside[volume > 0], volume[volume > 0]
    # With all edges in one cluster both sides of the fraction are 0: any denominator will do.
    smaller = np.where(volume < total, np.minimum(volume, total - volume), 1.0)
    return float(((volume - inside) / smaller).mean())


def _is_class(value: Any) -> bool:
    """Whether an entry of y names a class: NaN alone differs from itself."""
    return value is not None and value == value and not (isinstance(value, Real) and value < 0)


def _number(values: NDArray[Any]) -> NDArray[np.int64]:
    """Number the different values from 0, in order of appearance."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values.tolist()], dtype=np.int64)


def _match(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Accuracy and macro-F1 of the best matching; counts are (classes, clusters)."""
    from scipy.optimize import linear_sum_assignment

    f1 = 2 * counts / (counts.sum(1, keepdims=True) + counts.sum(0, keepdims=True))
    # All F1 together weigh less than one node, so they only decide between equal accuracies.
    classes, clusters = linear_sum_assignment(counts + f1 / (len(f1) + 1), maximize=True)
    acc = counts[classes, clusters].sum() / counts.sum()
    return float(acc), float(f1[classes, clusters].sum() / len(f1))


def _inside_and_volume(
    labels: ArrayLike, edge_index: NDArray[np.integer], edge_weight: NDArray[np.floating] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weight inside each cluster, and the sum of its degrees, shapes (clusters,)."""
    labels = np.asarray(labels)
    weight = np.ones(edge_index.shape[-1]) if edge_weight is None else edge_weight
    _check_edges(labels, edge_index, weight)
    names, numbers = np.unique(labels, return_inverse=True)
    src, dst = numbers[edge_index]  # each (E,)
    leaving = np.bincount(src, weight, minlength=len(names))
    arriving = np.bincount(dst, weight, minlength=len(names))
    inside = np.bincount(src[src == dst], weight[src == dst], minlength=len(names))
    return inside.astype(np.float64), (leaving + arriving) / 2


def _check_edges(labels: NDArray[Any], edge_index: NDArray[np.integer], weight: NDArray[np.floating]) -> None:
    if labels.ndim != 1:
        raise InputError(f"labels must have shape (N,), got {labels.shape}")
    if edge_index.ndim != 2 or len(edge_index) != 2 or edge_index.dtype.kind not in "iu":
        raise InputError(
            f"edge_index must hold integers of shape (2, E), got {edge_index.dtype} of {edge_index.shape}"
        )
    if edge_index.size and not 0 <= edge_index.min() <= edge_index.max() < len(labels):
        raise InputError(
            f"edge_index must lie in [0, {len(labels)}), got {edge_index.min()} to {edge_index.max()}"
        )
    if weight.shape != edge_index.shape[1:]:
        raise InputError(f"edge_weight must have shape ({edge_index.shape[1]},), got {weight.shape}")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise InputError("edge_weight must be finite and >= 0")
    if not weight.sum() > 0:
        raise InputError("the graph must have at least one edge of positive weight")
