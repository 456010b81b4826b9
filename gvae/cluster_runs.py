"""Clusterings over several seeds, and what can be said of them with and without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch_geometric.data import Data

from gvae.clustering import choose_k, cluster
from gvae.errors import InputError
from gvae.estimator import GraphAutoencoder
from gvae.metrics import cluster_scores, conductance, mean_of, modularity, std_of
from gvae.train import EpochRecord


@dataclass(frozen=True)
class ClusterRun:
    """One seed's clusters.

    Parameters
    ----------
    seed
        Of the weights, the noise and the clustering.
    labels
        Shape ``(N,)``; -1 is noise.
    k
        Number of clusters, noise left out.
    scores
        Fractions by name: ``acc nmi ami ari f1`` where nodes have labels, ``modularity`` and ``conductance``,
        and with ``"hdbscan"`` ``noise``, the share of nodes that are in no cluster.
    """

    seed: int
    labels: NDArray[np.int64]
    k: int
    scores: dict[str, float]


@dataclass
class ClusterRuns:
    """Clusterings of one graph over several seeds; none is chosen by labels.

    Parameters
    ----------
    k
        Number of clusters; ``None`` where the method or ``choose`` finds it.
    method
        One of `gvae.catalog.CLUSTERINGS`.
    choose
        One of `gvae.catalog.CRITERIA`, to find k from 2 to ``max_k`` without labels.
    max_k
        Largest k that ``choose`` tries.
    smooth
        Rounds of averaging with neighbours before, ``A~^t Z``.
    restarts
        Starts of the method, of which the best objective is kept.
    runs
        Finished runs, in the order of their seeds.
    """

    k: int | None = None
    method: str = "kmeans"
    choose: str | None = None
    max_k: int = 20
    smooth: int = 0
    restarts: int = 10
    runs: list[ClusterRun] = field(default_factory=list)

    def add_trained(self, model: GraphAutoencoder, seed: int) -> None:
        """Cluster the embedding of a trained model."""
        z, data = model.smoothed(self.smooth), model.graph_
        k = self.k
        if self.choose is not None:
            k = choose_k(
                z,
                range(2, min(self.max_k, len(z) - 1) + 1),
                criterion=self.choose,
                method=self.method,
                edge_index=data.edge_index.numpy(),
                seed=seed,
                restarts=self.restarts,
            ).k
        labels = cluster(z, k, method=self.method, seed=seed, restarts=self.restarts)
        found = len(set(labels.tolist()) - {-1})
        scores = describe_clusters(labels, data)
        if self.method == "hdbscan":
            scores["noise"] = float((labels == -1).mean())
        self.runs.append(ClusterRun(seed, labels, found, scores))

    def train_and_add(
        self,
        data: Data,
        seeds: Iterable[int],
        *,
        on_epoch: Callable[[int, EpochRecord | None], None] | None = None,
        **parameters: Any,
    ) -> None:
        """Train a `GraphAutoencoder` once a seed on the whole graph, and cluster its embedding.

        Raises
        ------
        InputError
            Before anything is trained, if the graph has too few nodes for these clusters.
        MissingPackageError
            Likewise, if the method needs a package that is not installed.
        """
        self._rehearse(int(data.num_nodes or 0))
        for seed in seeds:
            model = GraphAutoencoder(**{"val": 0, **parameters}, seed=seed).fit(data, on_epoch=on_epoch)
            self.add_trained(model, seed)

    def mean(self) -> dict[str, float]:
        """Mean scores over the runs."""
        return mean_of([run.scores for run in self.runs])

    def std(self) -> dict[str, float]:
        """Sample standard deviation (n - 1) over the runs; empty with fewer than two."""
        return std_of([run.scores for run in self.runs])

    def to_dict(self) -> dict[str, Any]:
        """A record for JSON, without the labels of nodes."""
        return {
            "method": self.method,
            "k": self.k,
            "choose": self.choose,
            "smooth": self.smooth,
            "restarts": self.restarts,
            "runs": [{"seed": run.seed, "k": run.k, **run.scores} for run in self.runs],
            "mean": self.mean(),
            "std": self.std(),
        }

    def _rehearse(self, num_nodes: int) -> None:
        """Raise what clustering so many nodes would raise."""
        if self.choose is not None and num_nodes < 3:
            raise InputError(f"a choice of k needs at least 3 nodes, got {num_nodes}")
        if self.k is not None and self.k > num_nodes:
            raise InputError(f"k must be at most the number of nodes, {num_nodes}, got {self.k}")
        if self.k is None and self.choose is None:
            cluster(np.eye(min(num_nodes, 5)), method=self.method)


def describe_clusters(labels: NDArray[np.int64], data: Data) -> dict[str, float]:
    """Scores of a clustering: against the graph's labels, where it has them, and against its edges.

    Parameters
    ----------
    labels
        Shape ``(N,)``.
    data
        A graph; nodes with y < 0 are unlabelled.
    """
    scores: dict[str, float] = {}
    y = data.get("y")
    if y is not None and y.shape == (len(labels),) and bool((y >= 0).any()):
        scores |= cluster_scores(labels, y.numpy()).to_dict()
    edges = data.edge_index.numpy()
    with suppress(InputError):  # a graph without edges
        scores |= {"modularity": modularity(labels, edges), "conductance": conductance(labels, edges)}
    return scores
