from __future__ import annotations

from itertools import permutations
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    f1_score,
    normalized_mutual_info_score,
)

from gvae.errors import InputError
from gvae.metrics import cluster_scores, conductance, modularity


def test_cluster_scores_by_hand() -> None:
    """Counts [[2, 1, 0], [0, 1, 2]], classes by clusters: a is 0, b is 2, cluster 1 has no class."""
    scores = cluster_scores(np.array([0, 0, 1, 1, 2, 2]), np.array(["a", "a", "a", "b", "b", "b"]))
    assert scores.acc == pytest.approx(4 / 6)
    assert scores.f1 == pytest.approx(2 * 2 / (3 + 2))
    # Mutual information is log 3 of the clusters less log 3 + (log 2)/3 - log 2 within a class.
    entropies = np.log(3), np.log(2)
    assert scores.nmi == pytest.approx(2 / 3 * np.log(2) / np.mean(entropies))
    assert scores.to_dict() == {name: getattr(scores, name) for name in ("acc", "nmi", "ami", "ari", "f1")}


def test_fewer_clusters_than_classes() -> None:
    """Class c has no cluster: its node is wrong and its F1 is 0."""
    scores = cluster_scores([5, 5, 9, 9, 9], ["a", "a", "b", "b", "c"])
    assert scores.acc == pytest.approx(4 / 5)
    assert scores.f1 == pytest.approx((1 + 2 * 2 / (2 + 3) + 0) / 3)


def test_noise_is_a_cluster_of_its_own() -> None:
    assert cluster_scores([-1, -1, 0, 0], [1, 1, 0, 0]) == cluster_scores([7, 7, 0, 0], [1, 1, 0, 0])
    assert cluster_scores([-1, -1, 0, 0], [1, 1, 0, 0]).acc == 1


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 1, -1, 1, -7]),
        np.array([0.0, 1.0, np.nan, 1.0, np.nan]),
        np.array(["x", "y", None, "y", None], dtype=object),
        np.array([3, "y", None, "y", -1], dtype=object),
    ],
)
def test_nodes_without_a_class_are_left_out(y: np.ndarray) -> None:
    assert cluster_scores([4, 4, 5, 6, 5], y) == cluster_scores([4, 4, 6], [0, 1, 1])


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [4, 3, 2, 1, 0]])
def test_of_equally_accurate_matchings_the_best_f1_counts(order: list[int]) -> None:
    """Cluster 0 may be a (F1 2/3) or b (F1 1/2), one node right either way, in whatever order they come."""
    labels, y = np.array([0, 0, 1, 1, 1])[order], np.array(["a", "b", "b", "c", "c"])[order]
    scores = cluster_scores(labels, y)
    assert scores.acc == pytest.approx(3 / 5)
    assert scores.f1 == pytest.approx((2 / 3 + 0 + 4 / 5) / 3)
    matched = np.array(["a", "c"])[labels]
    assert scores.f1 == pytest.approx(f1_score(y, matched, average="macro", zero_division=0))


def _agree(labels: Any, y: np.ndarray, order: tuple[Any, ...]) -> int:
    return sum(order[label] == name for label, name in zip(labels, y, strict=True))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_cluster_scores_against_all_matchings_and_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, y = np.array(pairs).T
    scores = cluster_scores(labels, y)
    # Names 10 and up belong to no class: a cluster may stay without one.
    orders = list(permutations([*sorted(set(y.tolist())), 10, 11, 12, 13], 4))
    most = max(_agree(labels, y, order) for order in orders)
    assert scores.acc == pytest.approx(most / len(y))
    best = {order for order in orders if _agree(labels, y, order) == most}
    assert scores.f1 == pytest.approx(max(_counted_f1(labels, y, order) for order in best))
    assert scores.nmi == pytest.approx(normalized_mutual_info_score(y, labels))
    assert scores.ami == pytest.approx(adjusted_mutual_info_score(y, labels))
    assert scores.ari == pytest.approx(adjusted_rand_score(y, labels))


def _counted_f1(labels: np.ndarray, y: np.ndarray, order: tuple[int, ...]) -> float:
    """Macro-F1 by its definition, from true and predicted sets."""
    named = np.array(order)[labels]
    classes = np.unique(y)
    hits = np.array([((named == c) & (y == c)).sum() for c in classes])
    sizes = np.array([(named == c).sum() + (y == c).sum() for c in classes])
    return float((2 * hits / sizes).mean())


@given(st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 4)), min_size=1, max_size=30), st.randoms())
@settings(max_examples=60, deadline=None)
def test_names_and_order_do_not_matter(pairs: list[tuple[int, int]], rng: Any) -> None:
    names = list(range(-1, 5))
    rng.shuffle(names)
    renamed = [(names[label + 1], f"class {4 - c}") for label, c in pairs]
    rng.shuffle(renamed)
    first = cluster_scores(*np.array(pairs).T)
    second = cluster_scores([label for label, _ in renamed], [c for _, c in renamed])
    assert second.to_dict() == pytest.approx(first.to_dict(), abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "y", "message"),
    [
        ([0, 1], [0, 1, 1], r"the same shape \(N,\), got \(2,\) and \(3,\)"),
        ([[0, 1]], [[0, 1]], r"got \(1, 2\) and \(1, 2\)"),
        ([0, 1], [-1, -1], "a class to at least one node, got none of 2"),
        ([], [], "a class to at least one node, got none of 0"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cluster_scores(labels, y)


BARBELL = np.array([[0, 1, 0, 2, 1, 2, 3, 4, 3, 5, 4, 5, 2, 3], [1, 0, 2, 0, 2, 1, 4, 3, 5, 3, 5, 4, 3, 2]])


def test_two_triangles_and_a_bridge_by_hand() -> None:
    """7 edges, 3 in each triangle; degrees sum to 7 on each side; one edge is cut."""
    halves = [0, 0, 0, 1, 1, 1]
    assert modularity(halves, BARBELL) == pytest.approx(2 * (6 / 14 - (7 / 14) ** 2))
    assert conductance(halves, BARBELL) == pytest.approx(1 / 7)
    assert modularity([4] * 6, BARBELL) == 0
    assert conductance([4] * 6, BARBELL) == 0
    # {0, 1} leaves 2 of its 4 ends; the rest, 10 ends, is larger.
    assert conductance([0, 0, 1, 1, 1, 1], BARBELL) == pytest.approx(2 / 4)


def test_a_cluster_of_isolated_nodes_is_left_out() -> None:
    assert conductance([0, 0, 0, 1, 1, 1, 2, 3], BARBELL) == pytest.approx(1 / 7)
    assert modularity([0, 0, 0, 1, 1, 1, 2, 3], BARBELL) == pytest.approx(5 / 14)


def test_a_weight_counts_as_so_many_edges() -> None:
    weight = np.ones(14)
    weight[-2:] = 3  # the bridge
    repeated = np.hstack([BARBELL, BARBELL[:, -2:], BARBELL[:, -2:]])
    labels = [0, 0, 0, 1, 1, 1]
    assert modularity(labels, BARBELL, weight) == pytest.approx(modularity(labels, repeated))
    assert modularity(labels, BARBELL, weight) < modularity(labels, BARBELL)


@given(
    st.sets(
        st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]), min_size=1
    ),
    st.lists(st.integers(-1, 2), min_size=9, max_size=9),
    st.integers(0, 100),
)
@settings(max_examples=60, deadline=None)
def test_modularity_and_conductance_equal_networkx(
    edges: set[tuple[int, int]], labels: list[int], seed: int
) -> None:
    graph = nx.Graph(sorted(edges))
    graph.add_nodes_from(range(9))
    one_way = np.array(sorted(edges)).T
    weight = np.random.default_rng(seed).uniform(0.1, 2, len(edges))
    both_ways, weights = np.hstack([one_way, one_way[::-1]]), np.tile(weight, 2)
    for (i, j), w in zip(one_way.T, weight, strict=True):
        graph[i][j]["w"] = w
    parts = [{i for i in range(9) if labels[i] == label} for label in set(labels)]
    for index, listed in ((both_ways, weights), (one_way, weight)):
        assert modularity(labels, index) == pytest.approx(nx.community.modularity(graph, parts, weight=None))
        assert modularity(labels, index, listed) == pytest.approx(
            nx.community.modularity(graph, parts, weight="w")
        )
    volumes = [nx.volume(graph, part) for part in parts]
    expected = [
        nx.conductance(graph, part) if volume < 2 * len(edges) else 0
        for part, volume in zip(parts, volumes, strict=True)
        if volume
    ]
    assert conductance(labels, both_ways) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    ("labels", "edges", "weight", "message"),
    [
        ([[0, 1]], [[0], [1]], None, r"labels must have shape \(N,\), got \(1, 2\)"),
        ([0, 1], [[0, 1]], None, r"integers of shape \(2, E\), got int64 of \(1, 2\)"),
        ([0, 1], [[0.0], [1.0]], None, r"integers of shape \(2, E\), got float64 of \(2, 1\)"),
        ([0, 1], [[0], [2]], None, r"edge_index must lie in \[0, 2\), got 0 to 2"),
        ([0, 1], [[-1], [1]], None, r"edge_index must lie in \[0, 2\), got -1 to 1"),
        ([0, 1], [[0], [1]], [1.0, 2.0], r"edge_weight must have shape \(1,\), got \(2,\)"),
        ([0, 1], [[0], [1]], [-1.0], "edge_weight must be finite and >= 0"),
        ([0, 1], [[0], [1]], [np.nan], "edge_weight must be finite and >= 0"),
        ([0, 1], [[0], [1]], [0.0], "at least one edge of positive weight"),
    ],
)
def test_edges_that_do_not_fit_are_refused(labels: Any, edges: Any, weight: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        modularity(labels, np.array(edges), None if weight is None else np.array(weight))


def test_no_edge_is_refused() -> None:
    for figure in (modularity, conductance):
        with pytest.raises(InputError, match="at least one edge"):
            figure([0, 1], np.zeros((2, 0), dtype=np.int64))
