from __future__ import annotations

import importlib
import sys
import warnings
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from torch_geometric.metrics import LinkPredHitRatio, LinkPredMRR, LinkPredPrecision

from gvae.errors import InputError, UnknownNameError
from gvae.metrics import HITS, Scores, check_candidates, figures, link_scores, ranks

# Few different values: most examples have ties, within and across the two sides.
logits = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30).map(np.array)


def _pooled(positives: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores, as scikit-learn takes them."""
    labels = np.repeat([1, 0], [positives.size, negatives.size])
    return labels, np.concatenate([positives, negatives.ravel()])


def test_auc_and_ap_by_hand() -> None:
    """Ranking + - + -: three of four pairs in order; precision 1 at the first hit, 2/3 at the second."""
    scores = link_scores(np.array([4.0, 2.0]), np.array([3.0, 1.0]))
    assert scores.auc == 3 / 4
    assert scores.ap == pytest.approx((1 + 2 / 3) / 2)


def test_ranks_by_hand_with_ties() -> None:
    """4 beats all; 2 is behind 3 and ties with one 2; 0 is behind all four."""
    assert ranks([2.0, 4.0, 0.0, 3.5], [3.0, 2.0, 1.0, 1.0]).tolist() == [2.5, 1.0, 5.0, 1.0]
    found = figures([2.0, 4.0, 0.0, 3.5], [3.0, 2.0, 1.0, 1.0], ("mrr", "hits@3", "hits@2", "hits@1"))
    by_hand = {"mrr": (1 / 2.5 + 1 + 1 / 5 + 1) / 4, "hits@3": 3 / 4, "hits@2": 2 / 4, "hits@1": 2 / 4}
    assert found == pytest.approx(by_hand)


def test_candidates_of_their_own_by_hand() -> None:
    """The first ties with two of its three; the second would be first among the other's."""
    positives, negatives = [1.0, 5.0], [[1.0, 1.0, 0.0], [9.0, 8.0, 5.0]]
    assert ranks(positives, negatives).tolist() == [2.0, 3.5]
    found = link_scores(positives, negatives)
    # Pooled: 1 beats 0 and ties with two, of six; 5 beats 1, 1, 0 and ties with one.
    assert found.auc == (1 + 2 / 2 + 3 + 1 / 2) / 12
    assert found.ap == pytest.approx((1 / 4 + 2 / 7) / 2)
    assert found.others == {"mrr": (1 / 2 + 1 / 3.5) / 2, "hits@1": 0.0, "hits@3": 1 / 2}


def test_a_constant_model_is_at_chance() -> None:
    """All tied: the pessimistic rule would give 0 and the optimistic one 1."""
    found = figures(np.zeros(10), np.zeros(19), ("auc", "ap", "mrr", "hits@10", "hits@9", "precision@5"))
    chance = {
        "auc": 0.5,
        "ap": 10 / 29,
        "mrr": 1 / 10.5,
        "hits@10": 0.0,
        "hits@9": 0.0,
        "precision@5": 10 / 29,
    }
    assert found == pytest.approx(chance)


@given(logits, logits)
@settings(deadline=None)
def test_auc_and_ap_by_their_definition(positives: np.ndarray, negatives: np.ndarray) -> None:
    """The share of pairs in order; the sum over thresholds of precision times the gain in recall."""
    difference = positives[:, None] - negatives[None, :]
    in_order = ((difference > 0) + 0.5 * (difference == 0)).mean()
    precision = 0.0
    for threshold in set(positives):
        hits, alarms = (positives >= threshold).sum(), (negatives >= threshold).sum()
        precision += hits / (hits + alarms) * (positives == threshold).mean()
    found = figures(positives, negatives, ("ap", "auc"))
    assert found == pytest.approx({"auc": in_order, "ap": precision}, abs=1e-12)


@given(logits, logits, st.sampled_from(["float32", "float64"]), st.sampled_from([1.0, 0.1, 1e-300, 1e300]))
@settings(deadline=None)
def test_auc_and_ap_equal_scikit_learn(
    positives: np.ndarray, negatives: np.ndarray, dtype: str, scale: float
) -> None:
    """Positives in float32 against negatives in float64 too: 0.1 is another number there."""
    positives = (positives * min(scale, 1)).astype(dtype)
    negatives = negatives * scale
    y, pooled = _pooled(positives, negatives)
    found = link_scores(positives, negatives)
    assert found.auc == pytest.approx(roc_auc_score(y, pooled), abs=1e-12)
    assert found.ap == pytest.approx(average_precision_score(y, pooled), abs=1e-12)


@pytest.mark.parametrize("decimals", [1, 3, 15])
def test_many_pairs_equal_scikit_learn(decimals: int) -> None:
    rng = np.random.default_rng(0)
    positives = rng.normal(1, 1, 30_000).round(decimals)
    negatives = rng.normal(0, 1, (30_000, 3)).round(decimals)
    y, pooled = _pooled(positives, negatives)
    found = link_scores(positives, negatives)
    assert found.auc == pytest.approx(roc_auc_score(y, pooled), abs=1e-12)
    assert found.ap == pytest.approx(average_precision_score(y, pooled), abs=1e-12)


@given(logits, logits)
@settings(deadline=None)
def test_ranks_by_their_definition(positives: np.ndarray, negatives: np.ndarray) -> None:
    """The mean of the best and the worst place; shared negatives are the same candidates for all."""
    first = [1 + sum(n > p for n in negatives) for p in positives]
    last = [1 + sum(n >= p for n in negatives) for p in positives]
    found = ranks(positives, negatives)
    assert found.tolist() == [(a + b) / 2 for a, b in zip(first, last, strict=True)]
    own = np.tile(negatives, (len(positives), 1))
    assert ranks(positives, own).tolist() == found.tolist()
    expected = {f"hits@{k}": (found <= k).mean() for k in range(1, len(negatives) + 1)}
    expected["mrr"] = (1 / found).mean()
    for candidates in (negatives, own):
        assert figures(positives, candidates, expected) == pytest.approx(expected, abs=1e-12)


@given(*(st.lists(st.integers(0, 2), min_size=1, max_size=3),) * 2, st.data())
@settings(deadline=None, max_examples=60)
def test_precision_is_the_mean_over_the_orders_of_ties(
    positives: list[int], negatives: list[int], data: st.DataObject
) -> None:
    labelled = [(score, 1) for score in positives] + [(score, 0) for score in negatives]
    k = data.draw(st.integers(1, len(labelled)))
    # Python's sort keeps the order of equals, so all orders of ties come, equally often.
    orders = [sorted(order, key=lambda pair: -pair[0]) for order in permutations(labelled)]
    expected = np.mean([sum(label for _, label in order[:k]) / k for order in orders])
    assert figures(positives, negatives, [f"precision@{k}"])[f"precision@{k}"] == pytest.approx(expected)


@given(logits, logits)
@settings(deadline=None)
def test_only_the_order_of_scores_counts(positives: np.ndarray, negatives: np.ndarray) -> None:
    """Nor does the order in which they are given."""
    names = ("auc", "ap", "mrr", "hits@1", "precision@2")
    found = figures(positives, negatives, names)
    for p, q in (
        (3 * positives - 7, 3 * negatives - 7),
        (np.arctan(positives), np.arctan(negatives)),
        (positives[::-1], negatives[::-1]),
        (positives.astype(int), negatives.astype(np.float32)),
        (torch.from_numpy(positives), negatives.tolist()),
    ):
        assert figures(p, q, names) == pytest.approx(found, abs=1e-12)


def test_saturated_logits_are_still_ranked() -> None:
    """The trap of ranking sigmoids: in float32 both of these are exactly 1."""
    assert link_scores(np.array([60.0]), np.array([50.0])).auc == 1.0


def test_infinite_scores_are_ranked() -> None:
    assert ranks([np.inf, -np.inf], [0.0, -np.inf]).tolist() == [1.0, 2.5]


def test_scores_given_are_left_as_they_are() -> None:
    positives, negatives = np.array([1.0, 3.0, 2.0]), np.array([[5.0, 4.0], [0.0, 9.0], [8.0, 7.0]])
    before = positives.copy(), negatives.copy()
    figures(positives, negatives, ("auc", "ap", "mrr", "hits@1", "precision@2"))
    assert (positives == before[0]).all()
    assert (negatives == before[1]).all()


@pytest.fixture(scope="module")
def untied() -> tuple[torch.Tensor, torch.Tensor]:
    """300 positives with 40 candidates each, all scores different."""
    order = torch.randperm(300 * 41, generator=torch.Generator().manual_seed(0)).view(300, 41).float()
    positives = order[:, 0] + 2000.5
    return positives, order[:, 1:]


def _pyg(metric: Any, scores: torch.Tensor, edges: torch.Tensor, k: int) -> float:
    """A metric of PyTorch Geometric on rows of scores, where ``edges`` are the (row, column) of positives."""
    metric.update(scores.topk(k, dim=1).indices, edges)
    return float(metric.compute())


def test_ranks_equal_pytorch_geometric(untied: tuple[torch.Tensor, torch.Tensor]) -> None:
    """One row of scores for each positive: it stands in column 0, its candidates in the others."""
    positives, negatives = untied
    rows = torch.cat([positives[:, None], negatives], dim=1)
    edges = torch.stack([torch.arange(300), torch.zeros(300, dtype=torch.long)])
    found = link_scores(positives, negatives)
    assert 0.05 < found["mrr"] < 0.95
    assert found["mrr"] == pytest.approx(_pyg(LinkPredMRR(k=41), rows, edges, 41), abs=1e-6)
    for k in (1, 3, 10, 20):
        assert found[f"hits@{k}"] == pytest.approx(_pyg(LinkPredHitRatio(k=k), rows, edges, k), abs=1e-6)


def test_precision_equals_pytorch_geometric(untied: tuple[torch.Tensor, torch.Tensor]) -> None:
    """One row with all pairs: the first 300 columns are edges."""
    positives, negatives = untied
    row = torch.cat([positives, negatives.flatten()])[None]
    edges = torch.stack([torch.zeros(300, dtype=torch.long), torch.arange(300)])
    for k in (1, 100, 1000):
        name = f"precision@{k}"
        expected = _pyg(LinkPredPrecision(k=k), row, edges, k)
        assert figures(positives, negatives, [name])[name] == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def evaluator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The Evaluator of Open Graph Benchmark."""
    monkeypatch.setenv("OUTDATED_IGNORE", "1")
    monkeypatch.setitem(sys.modules, "outdated", None)  # it asks the network for a newer version
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("ogb.linkproppred").Evaluator


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_ranks_equal_open_graph_benchmark(evaluator: Any, decimals: int) -> None:
    """ogbl-citation2's rule, ties included; its NumPy branch does not run, so tensors."""
    generator = torch.Generator().manual_seed(decimals)
    positives = (torch.randn(200, generator=generator).double() + 1).round(decimals=decimals)
    negatives = torch.randn(200, 50, generator=generator).double().round(decimals=decimals)
    theirs = evaluator("ogbl-citation2").eval({"y_pred_pos": positives, "y_pred_neg": negatives})
    found = link_scores(positives, negatives)
    for name in ("mrr", "hits@1", "hits@3", "hits@10"):
        assert found[name] == pytest.approx(float(theirs[f"{name}_list"].double().mean()), abs=1e-7)
    inverse = torch.from_numpy(1 / ranks(positives, negatives))
    assert torch.allclose(inverse.float(), theirs["mrr_list"])


@pytest.mark.parametrize("k", [1, 10, 50, 100])
def test_hits_equal_open_graph_benchmark_without_ties(
    evaluator: Any, untied: tuple[torch.Tensor, torch.Tensor], k: int
) -> None:
    positives, negatives = untied[0], untied[1][:4].flatten()
    judge = evaluator("ogbl-collab")
    judge.K = k
    expected = judge.eval({"y_pred_pos": positives, "y_pred_neg": negatives})[f"hits@{k}"]
    assert 0 < expected < 1
    assert link_scores(positives, negatives)[f"hits@{k}"] == pytest.approx(expected, abs=1e-12)


def test_hits_are_never_below_the_pessimistic_rule(evaluator: Any) -> None:
    """One positive ties with two of three: rank 2 here, 3 there."""
    positives, negatives = torch.tensor([1.0]), torch.tensor([1.0, 1.0, 0.0])
    judge = evaluator("ogbl-collab")
    judge.K = 2
    assert judge.eval({"y_pred_pos": positives, "y_pred_neg": negatives}) == {"hits@2": 0.0}
    assert figures(positives, negatives, ["hits@2"]) == {"hits@2": 1.0}


def test_scores_by_name() -> None:
    scores = Scores(0.9, 0.8)
    assert (scores.auc, scores["ap"], scores.to_dict()) == (0.9, 0.8, {"auc": 0.9, "ap": 0.8})
    more = Scores(0.9, 0.8, {"mrr": 0.5})
    assert more.to_dict() == {"auc": 0.9, "ap": 0.8, "mrr": 0.5}
    assert more["mrr"] == 0.5
    assert Scores.from_dict(more.to_dict()) == more
    assert more != scores
    assert len({scores, Scores(0.9, 0.8)}) == 1
    for missing in ("hits@100", "f1"):
        with pytest.raises(UnknownNameError, match=f"unknown metric '{missing}'; known: auc, ap, mrr$"):
            more[missing]


@pytest.mark.parametrize(("candidates", "most"), [(1, 1), (9, 3), (10, 10), (99, 50), (100, 100)])
def test_hits_that_the_candidates_allow(candidates: int, most: int) -> None:
    names = ["auc", "ap", "mrr", *(f"hits@{k}" for k in HITS if k <= most)]
    assert list(link_scores(np.ones(2), np.zeros(candidates)).to_dict()) == names
    assert list(link_scores(np.ones(2), np.zeros((2, candidates))).to_dict()) == names
    chosen = link_scores(np.ones(2), np.zeros(candidates), ["precision@3", "hits@1"])
    assert chosen.to_dict() == {"auc": 1.0, "ap": 1.0, "precision@3": 2 / 3, "hits@1": 1.0}


@pytest.mark.parametrize(
    ("positives", "negatives", "message"),
    [
        ([], [1.0], r"none of them empty, got \(0,\) and \(1,\)"),
        ([1.0], [], r"got \(1,\) and \(0,\)"),
        ([1.0], [[]], r"got \(1,\) and \(1, 0\)"),
        ([[1.0]], [1.0], r"must have shape \(P,\) and negatives \(Q,\) or \(P, K\), .* got \(1, 1\) and"),
        (1.0, [1.0], r"got \(\) and \(1,\)"),
        ([1.0, 2.0], [[1.0], [2.0], [3.0]], r"got \(2,\) and \(3, 1\)"),
        ([1.0], [[[1.0]]], r"got \(1,\) and \(1, 1, 1\)"),
        ([np.nan, 1.0], [1.0], "positives must not be NaN, got 1 NaN of 2"),
        ([1.0], [[np.nan, 2.0, np.nan]], "negatives must not be NaN, got 2 NaN of 3"),
        (["a"], [1.0], "positives must be real numbers, got <U1"),
        ([1.0], [1j], "negatives must be real numbers, got complex128"),
    ],
)
def test_scores_that_do_not_fit_are_refused(positives: Any, negatives: Any, message: str) -> None:
    for refuse in (link_scores, ranks, lambda p, q: figures(p, q, ("hits@1",))):
        with pytest.raises(InputError, match=message):
            refuse(positives, negatives)


@pytest.mark.parametrize(
    ("negatives", "name", "message"),
    [
        (np.zeros(15), "hits@100", "hits@100 needs at least 100 negatives, got 15"),
        (np.zeros((3, 15)), "hits@16", "hits@16 needs at least 16 negatives, got 15"),
        (np.zeros(15), "precision@19", "precision@19 needs at least 19 pairs, got 18"),
        (np.zeros(15), "hit@10", "unknown metric 'hit@10'; did you mean hits@10"),
        (np.zeros(15), "AUC", "unknown metric 'AUC'; did you mean auc"),
        (np.zeros(15), "hits@0", "unknown metric 'hits@0'"),
        (np.zeros(15), "hits@01", "unknown metric 'hits@01'"),
        (np.zeros(15), "hits", "unknown metric 'hits'"),
    ],
)
def test_names_that_cannot_be_had_are_refused(negatives: np.ndarray, name: str, message: str) -> None:
    for refuse in (figures, link_scores):
        with pytest.raises(InputError, match=message):
            refuse(np.ones(3), negatives, [name])


@pytest.mark.parametrize("shape", [(100,), (200, 100), (2, 100), (2, 200, 100)])
def test_candidates_are_counted_before_anything_is_scored(shape: tuple[int, ...]) -> None:
    negatives = torch.zeros(shape)
    check_candidates(("hits@100", "mrr", "auc", "precision@101"), negatives)
    with pytest.raises(InputError, match=r"^hits@101 needs at least 101 negatives, got 100$"):
        check_candidates(("auc", "hits@101"), negatives)
