from __future__ import annotations

import random
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture

from gvae import clustering
from gvae.catalog import CLUSTERINGS, CRITERIA
from gvae.clustering import KChoice, choose_k, cluster
from gvae.errors import InputError, UnknownNameError
from gvae.metrics import modularity

TAKE_K = ["kmeans", "gmm", "spectral"]
FIND_K = ["hdbscan", "leiden"]
CLASSES = np.repeat(np.arange(4), 40)


def blobs(spread: float = 0.05, seed: int = 0) -> np.ndarray:
    """Four well-kept points in six dimensions: shape (160, 6)."""
    rng = np.random.default_rng(seed)
    return np.asarray(np.eye(6)[CLASSES] + spread * rng.normal(size=(len(CLASSES), 6)))


def run(method: str, z: np.ndarray, k: int = 4, **options: Any) -> np.ndarray:
    return cluster(z, k if method in TAKE_K else None, method=method, **options)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


def clique_pairs(classes: np.ndarray) -> np.ndarray:
    """Edges between all nodes of a class, both directions."""
    return np.array(np.nonzero((classes[:, None] == classes) & ~np.eye(len(classes), dtype=bool)))


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_blobs_are_found(method: str) -> None:
    """The graph of neighbours falls into four parts here, so eigenvalue 1 comes four times."""
    labels = run(method, blobs())
    assert labels.shape == (160,)
    assert labels.dtype == np.int64
    assert adjusted_rand_score(CLASSES, labels) == 1


def test_a_rotation_of_z_changes_no_mixture() -> None:
    """The reason for full covariances: diagonal ones depend on the axes."""
    z = blobs(spread=0.4)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6))).Q
    first, second = (run("gmm", rows) for rows in (z, z @ rotation))
    assert partition(first) == partition(second)


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_the_same_seed_gives_the_same_labels_and_leaves_the_global_state(method: str) -> None:
    z = np.random.default_rng(0).normal(size=(150, 4))
    before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index] # noqa: NPY002
    first, second = (run(method, z, k=7, seed=2**40, restarts=2) for _ in range(2))
    after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index] # noqa: NPY002
    assert np.array_equal(first, second)
    assert before == after


@pytest.mark.parametrize("method", [*TAKE_K, "leiden"])
def test_another_seed_is_another_draw(method: str) -> None:
    z = np.random.default_rng(0).normal(size=(150, 4))
    found = [run(method, z, k=7, seed=seed, restarts=1) for seed in range(5)]
    assert any(not np.array_equal(found[0], other) for other in found[1:])


def test_restarts_keep_the_best_objective() -> None:
    z = np.random.default_rng(0).normal(size=(200, 3))

    def inertia(seed: int, restarts: int) -> float:
        labels = cluster(z, 12, seed=seed, restarts=restarts)
        return float(sum(((z[labels == i] - z[labels == i].mean(0)) ** 2).sum() for i in range(12)))

    singles = [inertia(seed, 1) for seed in range(10)]
    assert np.ptp(singles) > 0
    assert max(inertia(seed, 20) for seed in range(3)) <= np.median(singles)


def test_kmeans_by_hand_and_against_scikit_learn() -> None:
    line = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    assert partition(cluster(line, 3)) == {frozenset(p) for p in [(0, 1), (2, 3), (4,)]}
    z = blobs(spread=0.2)
    reference = KMeans(4, n_init=10, random_state=0).fit_predict(z)
    assert partition(cluster(z, 4)) == partition(reference)


def test_hdbscan_calls_a_lone_node_noise() -> None:
    z = np.vstack([blobs(), [[-1.0, -1.0, -1.0, -1.0, -1.0, -1.0]]])
    labels = cluster(z, method="hdbscan")
    assert labels[-1] == -1
    assert labels[:-1].min() == 0


def test_leiden_is_at_least_as_good_as_the_blobs_on_its_graph() -> None:
    z = blobs(spread=0.5)
    near = clustering._neighbor_graph(z)
    edges, weights = np.array(near.tocoo().coords), near.tocoo().data
    labels = cluster(z, method="leiden")
    graph = nx.from_scipy_sparse_array(near)
    greedy = max(
        nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=s)) for s in (0, 1)
    )
    assert modularity(labels, edges, weights) >= greedy - 0.005
    assert modularity(labels, edges, weights) >= modularity(CLASSES, edges, weights)


def test_the_graph_of_neighbours_by_hand() -> None:
    """On a line of 17 nodes each leaves out one other, the farthest; the two ends leave out each other."""
    near = clustering._neighbor_graph(np.arange(17.0)[:, None]).toarray()
    assert np.array_equal(near, near.T)
    assert near[0, 16] == 0
    assert near[1, 16] == 0.5  # 16 leaves out 0 alone, 1 leaves out 16
    assert near[8, 7] == 1
    assert set(near.ravel()) == {0, 0.5, 1}
    assert (near.diagonal() == 0).all()
    assert near.sum() == 17 * 15


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_zero_rows_survive(method: str) -> None:
    z = blobs()
    z[:3] = 0
    labels = run(method, z)
    assert len(labels) == 160
    assert adjusted_rand_score(CLASSES[3:], labels[3:]) > 0.9


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(5, 40), st.integers(1, 4)),
        elements=st.floats(-3, 3).map(lambda x: round(x, 1)),
    ),
    st.sampled_from(list(CLUSTERINGS)),
    st.integers(2, 6),
)
@settings(max_examples=100, deadline=None)
def test_any_embedding_is_labelled_without_a_warning(z: np.ndarray, method: str, k: int) -> None:
    """Repeated rows, all rows alike, one dimension, k near N: warnings are errors here."""
    k = min(k, len(z))
    labels = run(method, z, k, restarts=2)
    assert labels.shape == (len(z),)
    assert labels.min() >= (-1 if method == "hdbscan" else 0)
    if method in TAKE_K:
        assert labels.max() < k


@pytest.mark.parametrize("method", TAKE_K)
def test_as_many_clusters_as_nodes(method: str) -> None:
    z = np.random.default_rng(0).normal(size=(12, 3))
    assert len(set(cluster(z, 12, method=method, restarts=2).tolist())) == 12


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e9])
def test_a_mixture_of_repeated_rows_at_any_scale(scale: float) -> None:
    """With scikit-learn's fixed 1e-6 on the diagonal this fails at 1e9."""
    z = np.repeat(np.random.default_rng(0).normal(size=(3, 8)), 20, axis=0) * scale
    assert len(cluster(z, 2, method="gmm")) == 60


@pytest.mark.parametrize("criterion", ["silhouette", "modularity"])
@pytest.mark.parametrize("method", TAKE_K)
def test_the_number_of_blobs_is_chosen(criterion: str, method: str) -> None:
    chosen = choose_k(
        blobs(), range(2, 7), criterion=criterion, method=method, edge_index=clique_pairs(CLASSES), restarts=3
    )
    assert (chosen.k, chosen.criterion, list(chosen.values)) == (4, criterion, [2, 3, 4, 5, 6])
    assert chosen.values[4] == max(chosen.values.values())


def test_bic_is_lowest_at_the_number_of_blobs() -> None:
    z = blobs(spread=0.1)
    chosen = choose_k(z, range(2, 7), criterion="bic", method="gmm")
    assert chosen.k == 4
    assert chosen.values[4] == min(chosen.values.values())
    assert chosen.values[4] == pytest.approx(GaussianMixture(4, n_init=10, random_state=0).fit(z).bic(z))


def test_values_are_those_of_the_labels_that_cluster_gives() -> None:
    z, edges = blobs(spread=0.4), clique_pairs(CLASSES)
    by_silhouette = choose_k(z, [3, 5], seed=4)
    by_modularity = choose_k(z, [3, 5], criterion="modularity", edge_index=edges, seed=4)
    for k in (3, 5):
        labels = cluster(z, k, seed=4)
        assert by_silhouette.values[k] == pytest.approx(silhouette_score(z, labels))
        assert by_modularity.values[k] == pytest.approx(modularity(labels, edges))


def test_a_tie_goes_to_the_smaller_k() -> None:
    """Rows all alike make one cluster: neither here nor there for every k."""
    assert choose_k(np.ones((9, 2)), [4, 3, 4]) == KChoice(3, "silhouette", {3: 0.0, 4: 0.0})


def test_a_silhouette_of_many_nodes_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "SILHOUETTE_NODES", 80)
    z = blobs(spread=0.4)
    found = [choose_k(z, [4], seed=seed).values[4] for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    full = float(silhouette_score(z, cluster(z, 4)))
    assert found[0] != full
    assert found[0] == pytest.approx(full, abs=0.1)


@pytest.mark.parametrize(
    ("z", "options", "message"),
    [
        (np.zeros(5), {"k": 2}, r"z must have shape \(N, D\), got \(5,\)"),
        (np.zeros((5, 0)), {"k": 2}, r"z must have shape \(N, D\), got \(5, 0\)"),
        (np.array([[1.0, 2.0], [3.0, np.inf]]), {"k": 2}, "z must be finite, got inf in row 1"),
        (np.ones((5, 2)), {"k": 1}, "k must be an integer >= 2, got 1"),
        (np.ones((5, 2)), {"k": 2.0}, "k must be an integer >= 2, got 2.0"),
        (np.ones((5, 2)), {"k": 6}, "k must be at most the number of nodes, 5, got 6"),
        (np.ones((5, 2)), {}, "kmeans needs k, the number of clusters"),
        (np.ones((5, 2)), {"method": "leiden", "k": 2}, "leiden finds the number of clusters itself"),
        (np.ones((5, 2)), {"method": "hdbscan", "k": 2}, "hdbscan finds the number of .*, got 2"),
        (np.ones((4, 2)), {"method": "hdbscan"}, "hdbscan needs at least 5 nodes, got 4"),
        (np.ones((1, 2)), {"method": "leiden"}, "leiden needs at least 2 nodes, got 1"),
        (np.ones((5, 2)), {"k": 2, "seed": -1}, "seed must be an integer >= 0, got -1"),
        (np.ones((5, 2)), {"k": 2, "restarts": 0}, "restarts must be an integer >= 1, got 0"),
    ],
)
def test_what_cannot_be_clustered_is_refused(z: np.ndarray, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cluster(z, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ks": []}, "ks must hold at least one number of clusters, got none"),
        ({"ks": [2, 10]}, "k must be at most the number of nodes, 9, got 10"),
        ({}, "k must be at most the number of nodes, 9, got 10"),
        ({"ks": [2], "method": "leiden"}, r"one that takes k \(kmeans, gmm, spectral\), got 'leiden'"),
        ({"ks": [2], "criterion": "bic"}, "method must be 'gmm', got 'kmeans'"),
        ({"ks": [2], "criterion": "modularity"}, "modularity needs edge_index"),
    ],
)
def test_what_cannot_be_chosen_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_k(np.random.default_rng(0).normal(size=(9, 2)), **options)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown clustering 'kmean'; did you mean kmeans"):
        cluster(np.ones((5, 2)), 2, method="kmean")
    with pytest.raises(UnknownNameError, match="unknown criterion 'silhouete'; did you mean silhouette"):
        choose_k(np.ones((5, 2)), [2], criterion="silhouete")
    assert list(CRITERIA) == ["silhouette", "modularity", "bic"]
