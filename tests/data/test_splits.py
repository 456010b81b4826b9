from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import LinkSplit, make_graph, split_links
from gvae.data.graph import graph_of, merge_edges, unique_edges
from gvae.data.splits import _part_sizes
from gvae.datasets import load
from gvae.errors import InputError


def pairs(edges: Tensor) -> set[frozenset[int]]:
    """Node pairs without their direction."""
    return {frozenset(pair) for pair in edges.t().tolist()}


def leaks(split: LinkSplit) -> list[str]:
    """What is wrong with a split, computed with plain sets."""
    train, val, test = split.development.train, split.development.val, split.test
    parts = {"train": pairs(train.positives), "val": pairs(val.positives), "test": pairs(test.positives)}
    edges = parts["train"] | parts["val"] | parts["test"]
    found = []
    if len(edges) != sum(part.positives.size(1) for part in (train, val, test)):
        found.append("positives overlap or repeat")
    if pairs(train.edge_index) & (parts["val"] | parts["test"]):
        found.append("held-out edges pass messages")
    negatives = torch.cat([val.negatives, test.negatives], dim=1)
    if pairs(negatives) & edges:
        found.append("a negative is a positive")
    if len(pairs(negatives)) != negatives.size(1):
        found.append("negatives repeat")
    if any(len(pair) == 1 for pair in pairs(negatives) | edges):
        found.append("self-loop")
    return found


@given(st.integers(20, 60), st.floats(0.15, 0.5), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_splits_are_disjoint_and_complete(num_nodes: int, share: float, seed: int) -> None:
    chosen = torch.rand(num_nodes, num_nodes, generator=torch.Generator().manual_seed(seed)) < share / 2
    data = make_graph(chosen.nonzero().t(), num_nodes)
    num_edges = data.num_edges // 2
    assume(num_edges >= 20)  # fewer leave none for val
    split = split_links(data, seed=seed)
    assert leaks(split) == []
    assert split.test.positives.size(1) == split.test.negatives.size(1) == num_edges // 10
    assert split.development.val.positives.size(1) == split.development.val.negatives.size(1)
    assert split.development.val.positives.size(1) == num_edges // 20
    everything = torch.cat(
        [split.development.train.positives, split.development.val.positives, split.test.positives], dim=1
    )
    assert pairs(everything) == pairs(data.edge_index)
    assert (everything[0] < everything[1]).all()


def test_a_planted_leak_is_caught(random_graph: Callable[..., Data]) -> None:
    split = split_links(random_graph())
    test = split.test
    test.positives[:, 0] = split.development.train.positives[:, 0].flip(0)
    test.negatives[:, 0] = split.development.val.positives[:, 0].flip(0)
    assert "positives overlap or repeat" in leaks(split)
    assert "held-out edges pass messages" in leaks(split)
    assert "a negative is a positive" in leaks(split)


def test_messages_at_test_pass_along_train_edges_alone_unless_asked(
    random_graph: Callable[..., Data],
) -> None:
    data = random_graph()
    kipf, pyg = split_links(data, seed=4), split_links(data, seed=4, val_edges_at_test=True)
    train, val = (pairs(part.positives) for part in (kipf.development.train, kipf.development.val))
    assert pairs(kipf.test.edge_index) == train
    assert pairs(pyg.test.edge_index) == train | val
    assert pairs(pyg.development.val.edge_index) == train
    assert torch.equal(kipf.test.positives, pyg.test.positives)


def test_a_seed_fixes_the_split_whatever_the_global_state(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    torch.manual_seed(1)
    first = split_links(data, seed=7).test
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, other = split_links(data, seed=7).test, split_links(data, seed=8).test
    assert torch.equal(first.positives, again.positives)
    assert torch.equal(first.negatives, again.negatives)
    assert not torch.equal(first.positives, other.positives)
    assert torch.equal(state, torch.get_rng_state())


def test_a_generator_can_be_passed_in(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    splits = [split_links(data, generator=torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(splits[0].test.positives, splits[1].test.positives)


def test_sizes_are_floors_of_the_decimal_that_was_written() -> None:
    assert _part_sizes(5278, 0.05, 0.10) == (263, 527)
    assert _part_sizes(100, 0.29, 0.57) == (29, 57)  # 100 * 0.29 = 28.999999999999996 in floating point
    assert _part_sizes(78, 0.05, 0.10) == (3, 7)
    assert _part_sizes(10, 0.0, 0.1) == (0, 1)


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (-0.1, 0.1), (float("nan"), 0.1), (0.05, 1.0)])
def test_shares_out_of_range_are_refused(val: float, test: float) -> None:
    with pytest.raises(InputError, match=r"val \+ test < 1, got"):
        _part_sizes(1000, val, test)


def test_a_graph_too_small_to_split_is_refused_and_karate_is_not() -> None:
    with pytest.raises(InputError, match="too small to split: of 3 edges none is left for val"):
        split_links(make_graph(torch.tensor([[0, 1, 2], [1, 2, 3]]), 4))
    assert leaks(split_links(load("karate"))) == []


def test_a_complete_graph_has_no_negatives() -> None:
    with pytest.raises(InputError, match="0 pairs that are not edges"):
        split_links(make_graph(torch.ones(8, 8).nonzero().t(), 8))


def test_directed_edges_are_refused() -> None:
    with pytest.raises(InputError, match="both directions"):
        split_links(Data(edge_index=torch.tensor([[0, 1], [1, 2]]), num_nodes=30))


def test_pubmed_splits_without_a_loop_over_its_edges() -> None:
    """Function calls are counted, not seconds: 44,324 edges in far fewer calls than edges."""
    data, calls = load("pubmed"), 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        split = split_links(data, seed=1)
    finally:
        sys.setprofile(None)
    assert split.test.positives.size(1) == 4432
    assert 0 < calls < 2000


def test_weights_go_with_their_edges() -> None:
    edges = torch.tensor([(i, j) for i in range(12) for j in range(i)]).t()
    weight = (100 * edges.max(0).values + edges.min(0).values).float()
    split = split_links(make_graph(edges, 13, edge_weight=weight), seed=3, val_edges_at_test=True)
    for part in (split.development.train, split.development.val, split.test):
        weight_there = part.to("cpu").edge_weight
        assert weight_there is not None
        low, high = part.edge_index.min(0).values, part.edge_index.max(0).values
        assert torch.equal(weight_there, (100 * high + low).float())
    unweighted = split_links(make_graph(edges, 13), seed=3)
    assert torch.equal(unweighted.test.positives, split.test.positives)
    assert unweighted.test.edge_weight is None


def timed(times: list[float], num_nodes: int = 50) -> Data:
    """A path whose edges have these times."""
    src = torch.arange(len(times))
    edges = merge_edges(torch.stack([src, src + 1]), num_nodes, time=torch.tensor(times, dtype=torch.double))
    return graph_of(edges, num_nodes)


def edge_times(data: Data, positives: Tensor) -> list[float]:
    edges = [tuple(pair) for pair in data.edge_index.t().tolist()]
    time = dict(zip(edges, data.edge_time.tolist(), strict=True))
    return sorted(time[tuple(pair)] for pair in positives.t().tolist())


def test_by_time_the_latest_edges_are_test_and_those_before_them_val() -> None:
    data = timed([float(t) for t in torch.randperm(40, generator=torch.Generator().manual_seed(0))])
    split = split_links(data, 0.1, 0.2, order="time", seed=5)
    train, val, test = (edge_times(data, part.positives) for part in split.parts)
    assert train == [*range(28)]
    assert val == [*range(28, 32)]
    assert test == [*range(32, 40)]
    assert split.test.edge_index.size(1) == 2 * 28  # messages along the past alone


def test_edges_of_one_time_stay_together() -> None:
    """Ten edges; asked for 1 and 3: the nearest cuts before the last two times."""
    data = timed([1, 1, 1, 1, 2, 2, 3, 3, 4, 4])
    split = split_links(data, 0.1, 0.3, order="time")
    train, val, test = (edge_times(data, part.positives) for part in split.parts)
    assert (train, val, test) == ([1] * 4, [2] * 2, [3, 3, 4, 4])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 8), min_size=4, max_size=40),
    st.sampled_from([0.0, 0.1, 0.4]),
    st.sampled_from([0.1, 0.3, 0.5]),
)
def test_no_training_edge_is_as_late_as_a_held_out_one(times: list[int], val: float, test: float) -> None:
    data = timed([float(t) for t in times])
    num_edges = len(times)
    wanted = [share > 0 and int(num_edges * share + 1e-9) > 0 for share in (val, test)]
    if (val > 0) + (test > 0) != sum(wanted):
        return
    if len(set(times)) <= sum(wanted):
        with pytest.raises(InputError, match="different times, got"):
            split_links(data, val, test, order="time")
        return
    split = split_links(data, val, test, order="time")
    found = [edge_times(data, part.positives) for part in split.parts if part.positives.size(1)]
    assert len(found) == 1 + sum(wanted)
    assert sum(map(len, found)) == num_edges
    assert all(before[-1] < after[0] for before, after in pairwise(found))


def test_a_split_by_time_needs_times(random_graph: Callable[..., Data]) -> None:
    with pytest.raises(InputError, match="needs the edges' times"):
        split_links(random_graph(), order="time")
    with pytest.raises(InputError, match="unknown order 'tine'; did you mean time"):
        split_links(random_graph(), order="tine")


def test_hard_candidates_avoid_what_is_known(random_graph: Callable[..., Data]) -> None:
    data = random_graph(400, 0.02)
    for kind in ("heart", "heart-filtered"):
        split = split_links(data, negatives=kind, seed=1)
        train, val, test = split.parts
        known_to_val = train.positives if kind == "heart" else unique_edges(data.edge_index, 400)
        known_to_test = torch.cat([train.positives, val.positives], 1) if kind == "heart" else known_to_val
        for part, known in ((val, known_to_val), (test, known_to_test)):
            candidates = part.negatives
            assert candidates.shape == (2, part.positives.size(1), 500)
            codes = candidates.min(0).values * 400 + candidates.max(0).values
            assert not torch.isin(codes, known.min(0).values * 400 + known.max(0).values).any()
            assert (candidates[0, :, :250] == part.positives[0, :, None]).all()
            assert (candidates[1, :, 250:] == part.positives[1, :, None]).all()
    with pytest.raises(InputError, match="hard negatives need 250 candidates"):
        split_links(random_graph(), negatives="heart")
