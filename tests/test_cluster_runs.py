"""Clusterings over seeds, and what is said of them, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from gvae.cluster_runs import ClusterRun, ClusterRuns, describe_clusters
from gvae.data import make_graph
from gvae.errors import InputError
from gvae.estimator import GraphAutoencoder


@pytest.fixture
def triangles() -> Data:
    """Two triangles, 0 1 2 and 3 4 5, joined by 2 - 3; node 5 has no label."""
    edges = torch.tensor([[0, 1, 2, 3, 4, 5, 2], [1, 2, 0, 4, 5, 3, 3]])
    data = make_graph(edges, 6)
    data.y = torch.tensor([0, 0, 0, 1, 1, -1])
    return data


@pytest.fixture
def cliques() -> Data:
    """Four cliques of 6 nodes in a ring."""
    pairs = [(6 * c + i, 6 * c + j) for c in range(4) for i in range(6) for j in range(i)]
    ring = [(6 * c, (6 * c + 6) % 24) for c in range(4)]
    return make_graph(torch.tensor(pairs + ring).t(), 24)


@pytest.fixture
def model(cliques: Data) -> GraphAutoencoder:
    return GraphAutoencoder(val=0, epochs=60).fit(cliques)


def test_a_perfect_clustering_by_hand(triangles: Data) -> None:
    scores = describe_clusters(np.array([1, 1, 1, 0, 0, 0]), triangles)
    assert {name: scores[name] for name in ("acc", "nmi", "ami", "ari", "f1")} == pytest.approx(
        {"acc": 1, "nmi": 1, "ami": 1, "ari": 1, "f1": 1}
    )
    assert scores["modularity"] == pytest.approx(2 * (6 / 14 - (7 / 14) ** 2))
    assert scores["conductance"] == pytest.approx(1 / 7)


def test_a_clustering_with_one_error_by_hand(triangles: Data) -> None:
    scores = describe_clusters(np.array([0, 0, 1, 1, 1, 1]), triangles)
    assert scores["acc"] == pytest.approx(4 / 5)  # node 2 is wrong, node 5 does not count
    assert scores["f1"] == pytest.approx((2 * 2 / 5 + 2 * 2 / 5) / 2)  # (P, R) = (1, 2/3) and (2/3, 1)
    assert scores["modularity"] == pytest.approx(2 / 14 - (4 / 14) ** 2 + 8 / 14 - (10 / 14) ** 2)
    assert scores["conductance"] == pytest.approx((2 / 4 + 2 / 4) / 2)


def test_without_labels_only_the_edges_speak(triangles: Data) -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    triangles.y = torch.full((6,), -1)
    assert set(describe_clusters(labels, triangles)) == {"modularity", "conductance"}
    del triangles.y
    assert set(describe_clusters(labels, triangles)) == {"modularity", "conductance"}


def test_without_edges_only_the_labels_speak(triangles: Data) -> None:
    triangles.edge_index = torch.empty(2, 0, dtype=torch.long)
    assert set(describe_clusters(np.zeros(6, dtype=np.int64), triangles)) == {
        "acc",
        "nmi",
        "ami",
        "ari",
        "f1",
    }


def runs_with(*values: float) -> ClusterRuns:
    labels = np.array([0, 1])
    found = [ClusterRun(seed, labels, 2, {"acc": value}) for seed, value in enumerate(values)]
    return ClusterRuns(2, runs=found)


def test_mean_and_sample_deviation_by_hand() -> None:
    runs = runs_with(0.2, 0.4, 0.9)
    assert runs.mean() == pytest.approx({"acc": 0.5})
    assert runs.std() == pytest.approx({"acc": 0.13**0.5})


def test_fewer_than_two_runs_have_no_deviation() -> None:
    assert (runs_with(0.3).mean(), runs_with(0.3).std()) == ({"acc": 0.3}, {})
    assert (ClusterRuns(2).mean(), ClusterRuns(2).std()) == ({}, {})


def test_the_record_goes_through_json() -> None:
    record = json.loads(json.dumps(runs_with(0.25, 0.75).to_dict(), allow_nan=False))
    assert record["runs"] == [{"seed": 0, "k": 2, "acc": 0.25}, {"seed": 1, "k": 2, "acc": 0.75}]
    assert (record["k"], record["method"], record["choose"], record["restarts"]) == (2, "kmeans", None, 10)


@pytest.mark.parametrize("criterion", ["silhouette", "modularity"])
def test_the_number_of_cliques_is_found(criterion: str, model: GraphAutoencoder) -> None:
    runs = ClusterRuns(choose=criterion, max_k=8)
    runs.add_trained(model, 0)
    assert runs.runs[0].k == 4
    assert sorted(np.bincount(runs.runs[0].labels)) == [6, 6, 6, 6]


def test_a_choice_never_tries_as_many_clusters_as_nodes(triangles: Data) -> None:
    runs = ClusterRuns(choose="silhouette", max_k=50)
    runs.train_and_add(triangles, [0], epochs=2)
    assert 2 <= runs.runs[0].k <= 5


def test_the_same_seed_gives_the_same_run_and_another_one_another(cliques: Data) -> None:
    once, again = ClusterRuns(5, restarts=1), ClusterRuns(5, restarts=1)
    once.train_and_add(cliques, [3, 4], epochs=3)
    again.train_and_add(cliques, [3], epochs=3)
    assert [run.seed for run in once.runs] == [3, 4]
    np.testing.assert_array_equal(once.runs[0].labels, again.runs[0].labels)
    assert once.runs[0].scores == again.runs[0].scores
    assert (once.runs[0].labels != once.runs[1].labels).any()


def test_each_run_is_the_clustering_of_a_model_with_its_seed(cliques: Data) -> None:
    runs = ClusterRuns(4)
    runs.train_and_add(cliques, [7], epochs=5, latent=3)
    expected = GraphAutoencoder(val=0, epochs=5, latent=3, seed=7).fit(cliques).cluster(4)
    np.testing.assert_array_equal(runs.runs[0].labels, expected)


def test_noise_is_no_cluster_and_its_share_is_told(model: GraphAutoencoder) -> None:
    model.embedding_ = np.repeat(np.eye(6, 4, dtype=np.float32), [10, 10, 1, 1, 1, 1], axis=0)
    model.embedding_[-2:] = -np.eye(2, 4)
    runs = ClusterRuns(method="hdbscan")
    runs.add_trained(model, 0)
    run = runs.runs[0]
    assert run.labels.tolist() == [run.labels[0]] * 10 + [1 - run.labels[0]] * 10 + [-1] * 4
    assert run.k == 2
    assert run.scores["noise"] == pytest.approx(4 / 24)


def test_progress_is_told_epoch_by_epoch(cliques: Data) -> None:
    seen: list[int] = []
    ClusterRuns(2).train_and_add(cliques, [0, 1], epochs=3, on_epoch=lambda epoch, _: seen.append(epoch))
    assert seen == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (ClusterRuns(25), "k must be at most the number of nodes, 24, got 25"),
        (ClusterRuns(method="hdbscam"), "did you mean hdbscan?"),
        (ClusterRuns(), "kmeans needs k"),
    ],
)
def test_what_cannot_be_clustered_is_not_trained(runs: ClusterRuns, message: str, cliques: Data) -> None:
    seen: list[int] = []
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        runs.train_and_add(cliques, [0], on_epoch=lambda epoch, _: seen.append(epoch))
    assert (seen, runs.runs) == ([], [])


def test_few_nodes_are_too_few() -> None:
    pair = make_graph(torch.tensor([[0], [1]]), 2)
    with pytest.raises(InputError, match="a choice of k needs at least 3 nodes, got 2"):
        ClusterRuns(choose="silhouette").train_and_add(pair, [0])
    with pytest.raises(InputError, match="hdbscan needs at least 5 nodes, got 2"):
        ClusterRuns(method="hdbscan").train_and_add(pair, [0])
