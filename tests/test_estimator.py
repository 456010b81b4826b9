"""The estimator: scikit-learn's manners, and each result against the parts it is made of."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator
from torch_geometric.data import Data
from torch_geometric.utils import is_undirected

import gvae.bundle
import gvae.clustering
import gvae.estimator
from gvae import GraphAutoencoder, GvaeError
from gvae.data import LinkPart, make_graph, node_ids, split_links
from gvae.errors import GvaeWarning, InputError, TrainingError
from gvae.layers import propagate
from gvae.metrics import link_scores
from gvae.train import Checkpoint

FAST: dict[str, Any] = {"epochs": 5, "hidden": 8, "latent": 4}

# scikit-learn's checks that hand a matrix of features (n_samples, n_features) to fit; a graph is none.
NEED_A_FEATURE_MATRIX = {
    *("check_fit_score_takes_y", "check_estimators_overwrite_params", "check_dont_overwrite_parameters"),
    *("check_estimators_fit_returns_self", "check_readonly_memmap_input", "check_dict_unchanged"),
    *("check_positive_only_tag_during_fit", "check_estimators_dtypes", "check_pipeline_consistency"),
    *("check_estimator_sparse_tag", "check_estimator_sparse_array", "check_estimator_sparse_matrix"),
    *("check_estimators_pickle", "check_f_contiguous_array_estimator", "check_transformer_general"),
    *("check_transformer_preserve_dtypes", "check_methods_sample_order_invariance"),
    *("check_methods_subset_invariance", "check_fit2d_1sample", "check_fit2d_1feature"),
    *("check_fit_idempotent", "check_fit_check_is_fitted"),
}
APPLICABLE = {
    *("check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types"),
    *("check_estimator_repr", "check_no_attributes_set_in_init", "check_estimators_unfitted"),
    *("check_do_not_raise_errors_in_init_or_set_params", "check_mixin_order", "check_get_params_invariance"),
    *("check_transformers_unfitted", "check_parameters_default_constructible", "check_set_params"),
}


@pytest.fixture
def novel() -> nx.Graph[Any]:
    graph: nx.Graph[Any] = nx.les_miserables_graph()
    return graph


@pytest.fixture
def trained(novel: nx.Graph[Any]) -> GraphAutoencoder:
    return GraphAutoencoder(**FAST, val=0.1).fit(novel)


@pytest.mark.filterwarnings("ignore")
def test_the_applicable_checks_of_scikit_learn_pass() -> None:
    reasons = dict.fromkeys(NEED_A_FEATURE_MATRIX, "X is a matrix of features, not a graph")
    results = check_estimator(
        GraphAutoencoder(**FAST), expected_failed_checks=reasons, on_fail="raise", on_skip=None
    )
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert passed >= APPLICABLE


def test_fit_twice_and_clone_give_the_same(novel: nx.Graph[Any], trained: GraphAutoencoder) -> None:
    again = clone(trained).fit(novel)
    assert np.array_equal(again.embedding_, trained.embedding_)
    first = trained.embedding_.copy()
    assert trained.fit(novel) is trained
    assert np.array_equal(trained.embedding_, first)
    other = clone(trained).set_params(seed=1).fit(novel)
    assert not np.array_equal(other.embedding_, first)
    assert np.array_equal(GraphAutoencoder(**FAST, val=0.1).fit_transform(novel), first)


def test_results_leave_the_estimator_as_it_was(trained: GraphAutoencoder) -> None:
    before = copy.copy(trained.__dict__)
    trained.transform(trained.graph_)
    trained.recommend(k=2)
    trained.score(trained.graph_)
    trained.score_edges([("Valjean", "Javert")])
    assert trained.__dict__.keys() == before.keys()
    assert all(trained.__dict__[key] is value for key, value in before.items())


def test_the_embedding_is_the_mean_along_all_edges(trained: GraphAutoencoder, novel: nx.Graph[Any]) -> None:
    data = trained.graph_
    assert data.num_edges == 2 * novel.number_of_edges()
    with torch.no_grad():
        mean = trained.model_.encode(None, data.edge_index).mean
    assert torch.equal(torch.from_numpy(trained.embedding_), mean)
    assert trained.node_ids_ == list(novel)
    frame = trained.embedding_frame()
    assert frame.columns == ["id", "z0", "z1", "z2", "z3"]
    assert np.array_equal(frame.drop("id").to_numpy(), trained.embedding_)


@pytest.mark.parametrize("call", ["embedding_frame", "recommend", "cluster", "save", "transform", "score"])
def test_nothing_is_to_be_had_before_fit(call: str, tmp_path: Path) -> None:
    arguments = {"save": [tmp_path / "run"], "transform": [nx.path_graph(3)], "score": [nx.path_graph(3)]}
    with pytest.raises(NotFittedError, match="not fitted yet") as caught:
        getattr(GraphAutoencoder(), call)(*arguments.get(call, []))
    assert isinstance(caught.value, GvaeError)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": "vage"}, "unknown model 'vage'; did you mean vgae"),
        ({"loss": "half"}, "unknown loss 'half'"),
        ({"epochs": 0}, "epochs must be an integer >= 1, got 0"),
        ({"latent": 2.5}, "latent must be an integer >= 1, got 2.5"),
        ({"val": 1.0}, r"val must be a share in \[0, 1\), got 1.0"),
        ({"val": "x"}, r"val must be a share in \[0, 1\), got 'x'"),
        ({"seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_parameters_are_checked_by_fit(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GraphAutoencoder(**parameters).fit(nx.karate_club_graph())


def test_graphs_too_small_to_learn_are_refused() -> None:
    lonely: nx.Graph[Any] = nx.Graph()
    lonely.add_node("a")
    with pytest.raises(InputError, match="1 nodes and no edges"):
        GraphAutoencoder().fit(lonely)
    with pytest.raises(InputError, match=r"of 1 edges none is left for val \(share 0.05\); val=0"):
        GraphAutoencoder().fit(nx.path_graph(2))
    with pytest.raises(InputError, match="the loss needs edges and non-edges"):
        GraphAutoencoder(val=0).fit(nx.path_graph(2))


def test_without_held_out_edges_the_last_epoch_is_kept(novel: nx.Graph[Any]) -> None:
    model = GraphAutoencoder(**FAST, val=0).fit(novel)
    assert (model.val_scores_, model.calibration_, model.history_.epoch) == (None, None, 5)
    assert "probability" not in model.recommend(k=1).columns


def test_large_graphs_are_learned_by_the_sampled_loss(
    novel: nx.Graph[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = GraphAutoencoder(**FAST).fit(novel).embedding_
    assert np.array_equal(full, GraphAutoencoder(**FAST, loss="full").fit(novel).embedding_)
    monkeypatch.setattr("gvae.planning.FULL_UP_TO", 76)
    sampled = GraphAutoencoder(**FAST).fit(novel).embedding_
    assert np.array_equal(sampled, GraphAutoencoder(**FAST, loss="sampled").fit(novel).embedding_)
    assert not np.array_equal(sampled, full)


def test_directions_are_not_learned_and_that_is_said() -> None:
    directed = gvae.read_graph(nx.DiGraph([(i, (i * i + 1) % 30) for i in range(30)]), directed=True)
    with pytest.warns(GvaeWarning, match="directions of the edges are not learned"):
        model = GraphAutoencoder(**FAST, val=0).fit(directed)
    assert is_undirected(model.graph_.edge_index)


def test_weights_weigh_the_messages(novel: nx.Graph[Any]) -> None:
    weighted = gvae.read_graph(novel, weight="weight")
    assert not np.allclose(
        GraphAutoencoder(**FAST).fit(weighted).embedding_, GraphAutoencoder(**FAST).fit(novel).embedding_
    )


def test_scores_are_logits_in_the_order_asked(trained: GraphAutoencoder) -> None:
    z = dict(zip(trained.node_ids_, trained.embedding_.astype(float), strict=True))
    pairs = [("Javert", "Valjean"), ("Cosette", "Marius")]
    with pytest.warns(GvaeWarning, match="1 of 3 pairs have an id that is not in the graph, such as 'Nemo'"):
        frame = trained.score_edges([pairs[0], ("Nemo", "Cosette"), pairs[1]])
    assert frame["source"].to_list() == ["Javert", "Nemo", "Cosette"]
    assert frame["score"][1] is None
    for row, (a, b) in zip((0, 2), pairs, strict=True):
        assert frame["score"][row] == pytest.approx(z[a] @ z[b], rel=1e-4)


def test_probabilities_follow_the_scores_and_the_density() -> None:
    model = GraphAutoencoder(**{**FAST, "epochs": 40}, val=0.2).fit(nx.gnp_random_graph(80, 0.1, seed=1))
    assert model.calibration_ is not None
    frame = model.recommend(k=200, overall=True)
    assert frame["score"].is_sorted(descending=True)
    assert frame["probability"].is_sorted(descending=True)
    curve, missing = model.calibration_, model.held_out_
    non_edges = 80 * 79 // 2 - model.graph_.num_edges // 2
    expected = curve.probability(torch.tensor(frame["score"].to_list()), missing / (missing + non_edges))
    assert np.allclose(frame["probability"].to_numpy(), expected.numpy())
    assert 0 <= frame["probability"].min() <= frame["probability"].max() <= 1  # type: ignore[operator]


def test_recommendations_are_the_best_pairs_that_are_no_edges(
    trained: GraphAutoencoder, novel: nx.Graph[Any]
) -> None:
    logits = trained.embedding_.astype(np.float64) @ trained.embedding_.T
    index = {name: i for i, name in enumerate(trained.node_ids_)}
    mine = trained.recommend(["Valjean", "Javert"], k=3)
    assert mine["source"].to_list() == ["Valjean"] * 3 + ["Javert"] * 3
    assert mine["rank"].to_list() == [1, 2, 3, 1, 2, 3]
    for name in ("Valjean", "Javert"):
        free = [other for other in index if other != name and not novel.has_edge(name, other)]
        best = sorted(free, key=lambda other: -logits[index[name], index[other]])[:3]
        assert mine.filter(pl.col("source") == name)["target"].to_list() == best
    overall = trained.recommend(k=5, overall=True)
    pairs = [(a, b) for a in index for b in index if index[a] < index[b] and not novel.has_edge(a, b)]
    best_pairs = sorted(pairs, key=lambda pair: -logits[index[pair[0]], index[pair[1]]])[:5]
    assert list(overall.select("source", "target").iter_rows()) == best_pairs
    assert trained.recommend(k=1).height == len(index)


def test_recommendations_across_sides_alone(trained: GraphAutoencoder) -> None:
    sides = ["left" if i % 2 else "right" for i in range(len(trained.node_ids_))]
    side = dict(zip(trained.node_ids_, sides, strict=True))
    frame = trained.recommend(k=3, sides=sides)
    assert all(side[a] != side[b] for a, b in frame.select("source", "target").iter_rows())
    with pytest.raises(InputError, match="sides must hold two different values for 77 nodes, got 1 for 2"):
        trained.recommend(sides=["x", "x"])


def test_what_cannot_be_recommended_is_said(trained: GraphAutoencoder) -> None:
    with pytest.raises(InputError, match="nodes: 2 ids are not in the graph, such as 'Nemo'"):
        trained.recommend(["Nemo", "Valjean", "Ned"])
    with pytest.raises(InputError, match="leave nodes out"):
        trained.recommend(["Valjean"], overall=True)
    with pytest.raises(InputError, match="k must be an integer >= 1, got 0"):
        trained.recommend(k=0)


def test_clusters_are_kept(trained: GraphAutoencoder) -> None:
    labels = trained.cluster(4)
    assert labels.shape == (77,)
    assert set(labels.tolist()) == {0, 1, 2, 3}
    assert trained.labels_ is labels
    smoothed = propagate(torch.from_numpy(trained.embedding_), trained.graph_.edge_index, 2).numpy()
    assert np.array_equal(trained.cluster(4, smooth=2), gvae.clustering.cluster(smoothed, 4))


def test_score_is_an_auc(trained: GraphAutoencoder, random_graph: Callable[..., Data]) -> None:
    assert 0.5 < trained.score(trained.graph_) <= 1
    featured = GraphAutoencoder(**FAST, val=0).fit(random_graph())
    other = random_graph(seed=1)
    part = split_links(other, val=0, test=0.1, seed=0).test
    z = featured.model_.embed(make_graph(part.positives.new_empty(2, 0), 60, x=other.x))  # no messages
    assert featured.score(other) != link_scores(*_logits(z, part)).auc
    z = featured.model_.embed(Data(x=other.x, edge_index=part.edge_index, num_nodes=60))
    assert featured.score(other) == pytest.approx(link_scores(*_logits(z, part)).auc)


def _logits(z: torch.Tensor, part: LinkPart) -> list[np.ndarray]:
    return [(z[pairs[0]] * z[pairs[1]]).sum(1).numpy() for pairs in (part.positives, part.negatives)]


def test_another_graph_with_the_same_features(random_graph: Callable[..., Data]) -> None:
    model = GraphAutoencoder(**FAST).fit(random_graph())
    other = random_graph(num_nodes=25, seed=3)
    with torch.no_grad():
        mean = model.model_.encode(other.x, other.edge_index).mean
    assert torch.equal(torch.from_numpy(model.transform(other)), mean)
    with pytest.raises(InputError, match="must have 8 node features, got 5"):
        model.transform(random_graph(num_features=5))
    with pytest.raises(InputError, match="must have 8 node features, got 0"):
        model.transform(nx.path_graph(3))


def test_new_nodes_without_features_are_embedded_by_their_neighbours(trained: GraphAutoencoder) -> None:
    more: nx.Graph[Any] = nx.Graph([("Newman", "Valjean"), ("Newman", "Javert")])
    alone = trained.transform(more)
    # By hand: known nodes have their rows of W0, the new one has none; messages along two edges.
    W0 = trained.model_.encoder.W0.lin.weight.detach().t().numpy()  # type: ignore[union-attr, operator]
    W = trained.model_.encoder.heads["mu"].lin.weight.detach().t().numpy()  # type: ignore[union-attr, index]
    X = np.zeros((3, 77))
    X[1, trained.node_ids_.index("Valjean")] = X[2, trained.node_ids_.index("Javert")] = 1
    A = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1]])
    degree = A.sum(1)
    A = A / np.sqrt(degree[:, None] * degree)
    assert np.allclose(alone, A @ np.maximum(A @ X @ W0, 0) @ W, atol=1e-5)
    with pytest.raises(InputError, match="without features and knows none of these nodes"):
        trained.transform(nx.Graph([("Nemo", "Ned")]))


def test_extended_by_the_graph_that_was_learned(trained: GraphAutoencoder, novel: nx.Graph[Any]) -> None:
    more: nx.Graph[Any] = nx.Graph([("Newman", "Valjean"), ("Newman", "Javert")])
    extended = trained.transform(more, extend=True)
    whole = novel.copy()
    whole.add_edges_from(more.edges)
    rows = [list(whole).index(name) for name in more]
    assert np.allclose(extended, trained.transform(whole)[rows], atol=1e-6)
    assert np.allclose(trained.transform(novel, extend=True), trained.embedding_, atol=1e-6)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path, random_graph: Callable[..., Data]) -> None:
    data = random_graph(num_nodes=80, share=0.15)
    data.node_ids = [f"node {i}" for i in range(80)]
    data.y = torch.arange(80) % 3
    data.class_names = ["a", "b", "c"]
    model = GraphAutoencoder(**FAST, val=0.1).fit(data)
    model.save(tmp_path / "run", manifest={"note": "mine"})
    loaded = GraphAutoencoder.load(tmp_path / "run")
    assert loaded.get_params() == model.get_params()
    assert np.array_equal(loaded.embedding_, model.embedding_)
    assert loaded.recommend(k=2).equals(model.recommend(k=2))
    assert np.array_equal(loaded.transform(data), model.embedding_)
    assert loaded.history_ == model.history_
    assert (loaded.val_scores_, loaded.calibration_) == (model.val_scores_, model.calibration_)
    assert torch.equal(loaded.graph_.y, data.y)
    assert loaded.graph_.class_names == ["a", "b", "c"]
    assert node_ids(loaded.graph_).to_list() == data.node_ids
    with pytest.raises(InputError, match="exists"):
        model.save(tmp_path / "run")


def test_integer_ids_sparse_features_and_weights_survive_a_bundle(tmp_path: Path) -> None:
    x = torch.eye(30).to_sparse_csr()
    edges = torch.tensor(
        [(i, (i * 7 + 3) % 30) for i in range(30)] + [(i, (i + 1) % 30) for i in range(29)]
    ).t()
    data = make_graph(edges, 30, x=x, edge_weight=torch.arange(1.0, 60.0)[: edges.size(1)])
    model = GraphAutoencoder(**FAST, val=0).fit(data)
    model.save(tmp_path / "run")
    loaded = GraphAutoencoder.load(tmp_path / "run")
    assert loaded.node_ids_ == list(range(30))
    assert "node_ids" not in loaded.graph_
    assert torch.equal(loaded.graph_.edge_weight, model.graph_.edge_weight)
    assert torch.equal(loaded.graph_.x.to_dense(), torch.eye(30))
    assert np.array_equal(loaded.transform(data), model.embedding_)


def test_what_is_saved_is_what_was_fitted(tmp_path: Path, novel: nx.Graph[Any]) -> None:
    model = GraphAutoencoder(**FAST, seed=np.int64(1)).fit(novel)  # type: ignore[arg-type]
    model.set_params(hidden=64, val=0)
    model.save(tmp_path / "run")
    loaded = GraphAutoencoder.load(tmp_path / "run")
    assert (loaded.hidden, loaded.val, loaded.seed) == (8, 0.05, 1)
    assert np.array_equal(loaded.transform(novel), model.transform(novel))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_run_from_another_device_is_loaded_on_the_cpu(tmp_path: Path, trained: GraphAutoencoder) -> None:
    trained.fitted_params_["device"] = "cuda"
    trained.save(tmp_path / "run")
    with pytest.warns(GvaeWarning, match="no CUDA device here; the CPU is used"):
        loaded = GraphAutoencoder.load(tmp_path / "run")
    assert np.array_equal(loaded.embedding_, trained.embedding_)


def test_labels_do_not_outlive_their_embedding(trained: GraphAutoencoder) -> None:
    trained.cluster(3)
    trained.fit(nx.karate_club_graph())
    assert not hasattr(trained, "labels_")


def test_weights_that_differ_by_direction_are_learned_as_their_sum() -> None:
    edges = torch.tensor([(i, (i + 1) % 20) for i in range(20)]).t()
    both = torch.cat([edges, edges.flip(0)], dim=1)
    data = make_graph(both, 20, edge_weight=torch.arange(40.0) + 1, directed=True)
    with pytest.warns(GvaeWarning, match="directions of the edges are not learned"):
        model = GraphAutoencoder(**FAST, val=0).fit(data)
    graph = model.graph_
    assert is_undirected(graph.edge_index, graph.edge_weight)
    assert graph.edge_weight[(graph.edge_index[0] == 3) & (graph.edge_index[1] == 4)].item() == 4 + 24


def test_features_encoded_otherwise_are_refused() -> None:
    graph = pl.DataFrame({"u": ["a", "b", "c"], "v": ["b", "c", "d"]})
    table = pl.DataFrame({"id": ["a", "b", "c", "d"], "colour": ["red", "blue", "red", "blue"]})
    model = GraphAutoencoder(**FAST, val=0).fit(gvae.read_graph(graph, features=table))
    other = table.with_columns(colour=pl.Series(["red", "yellow", "red", "yellow"]))
    with pytest.raises(InputError, match="encoded otherwise than those learned"):
        model.transform(gvae.read_graph(graph, features=other))
    new = pl.DataFrame({"u": ["e"], "v": ["b"]})
    newest = pl.DataFrame({"id": ["e"], "colour": ["red"]})  # b has its features already
    z = model.transform(gvae.read_graph(new, features=newest, like=model.graph_), extend=True)
    assert z.shape == (2, 4)


def test_a_bundle_of_something_else_is_refused(tmp_path: Path) -> None:
    gvae.bundle.write_bundle(
        tmp_path / "other",
        tensors={"w": torch.zeros(1)},
        graph={"edge_index": torch.zeros(2, 0)},
        config={"parameters": {"colour": "red"}},
        history=[],
        embedding=pl.DataFrame({"id": [0]}),
        manifest={},
    )
    with pytest.raises(InputError, match="does not hold a GraphAutoencoder"):
        GraphAutoencoder.load(tmp_path / "other")


def test_an_interrupted_fit_goes_on_to_the_same_numbers(
    tmp_path: Path, novel: nx.Graph[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))  # keep the state after each epoch
    whole = GraphAutoencoder(**{**FAST, "epochs": 30}).fit(novel)

    def stop(epoch: int, record: object) -> None:
        if epoch == 15:
            raise KeyboardInterrupt

    partial = GraphAutoencoder(**{**FAST, "epochs": 30})
    with pytest.raises(KeyboardInterrupt):
        partial.fit(novel, on_epoch=stop, checkpoint=tmp_path / "partial")
    assert (tmp_path / "partial" / "checkpoint.safetensors").exists()
    seen: list[int] = []
    partial.fit(novel, on_epoch=lambda epoch, _: seen.append(epoch), checkpoint=tmp_path / "partial")
    assert 1 < seen[0] <= 15
    assert seen == list(range(seen[0], 31))
    assert np.array_equal(partial.embedding_, whole.embedding_)


def test_fit_leaves_no_warning_of_a_library(novel: nx.Graph[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert GraphAutoencoder(**FAST).fit(novel).recommend(k=1).height == 77


def test_nodes_far_from_all_that_is_known_are_told(trained: GraphAutoencoder) -> None:
    more: nx.Graph[Any] = nx.Graph([("Newman", "Valjean"), ("Nemo", "Ned")])
    with pytest.warns(GvaeWarning, match="2 of 4 nodes have nothing that is known near them"):
        z = trained.transform(more, extend=True)
    assert (z != 0).any(axis=1).tolist() == [True, True, False, False]


@pytest.mark.parametrize("val", [0.1, 0.0])
def test_a_fit_that_diverges_is_left_with_its_best_epoch(
    val: float, novel: nx.Graph[Any], explodes_at: Callable[[int], None]
) -> None:
    good = GraphAutoencoder(epochs=10, val=val).fit(novel)
    explodes_at(15)
    model = GraphAutoencoder(epochs=50, val=val)
    with pytest.raises(TrainingError, match=r"at epoch 20: .* the model has the weights of epoch 10, the"):
        model.fit(novel)
    assert (model.history_.epochs, model.history_.epoch) == (20, 10)
    assert np.array_equal(model.embedding_, good.embedding_)
    assert model.val_scores_ == good.val_scores_
    assert len(model.recommend(k=1)) == 77


@pytest.mark.parametrize("parameters", [{"lr": 1e30}, {"lr": 1e30, "val": 0, "epochs": 1}])
def test_a_fit_without_a_good_epoch_leaves_an_estimator_as_it_was(
    parameters: dict[str, Any], novel: nx.Graph[Any]
) -> None:
    model = GraphAutoencoder(epochs=10).fit(novel)
    before, parameters_before = model.embedding_, model.fitted_params_
    with pytest.raises(TrainingError, match=r"training diverged; try a learning rate below 1e\+30"):
        model.set_params(**parameters).fit(novel)
    assert model.embedding_ is before
    assert model.fitted_params_ is parameters_before
    with pytest.raises(TrainingError):
        (new := clone(model)).fit(novel)
    with pytest.raises(NotFittedError):
        new.recommend()


def test_a_collapse_is_told(novel: nx.Graph[Any]) -> None:
    """The first steps are so large that no hidden unit is ever active again; all losses are finite."""
    with pytest.warns(
        GvaeWarning, match="0 for every node: training collapsed; try a learning rate below 100"
    ):
        GraphAutoencoder(lr=100, val=0, epochs=30).fit(novel)


def test_a_model_whose_weights_are_not_finite_is_not_loaded(novel: nx.Graph[Any], tmp_path: Path) -> None:
    model = GraphAutoencoder(epochs=2).fit(novel)
    model.model_.get_parameter("encoder.W0.lin.weight").data[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"weights must be finite, got nan in encoder\.W0\.lin\.weight"):
        model.score(novel)
    model.save(tmp_path / "run")
    with pytest.raises(InputError, match=r"weights must be finite, got nan in encoder\.W0\.lin\.weight"):
        GraphAutoencoder.load(tmp_path / "run")
