"""The audit of link splits: by hand, against plain sets, and on what RandomLinkSplit gives."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.transforms import RandomLinkSplit

from gvae.data import Development, LinkPart, LinkSplit, split_links
from gvae.data.audit import AuditReport, Finding, audit_split
from gvae.data.graph import both_directions
from gvae.datasets import load
from gvae.errors import InputError

Edges = list[tuple[int, int]]
NAMES = ("train", "val", "test")
PATH = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]
ALONG = [*PATH, *((b, a) for a, b in PATH)]


def pairs(edges: Any) -> Tensor:
    """(2, n) from pairs, (2, P, K) from lists of pairs."""
    found = torch.tensor(edges, dtype=torch.long)
    return found.reshape(-1, 2).t() if found.dim() < 3 else found.permute(2, 0, 1)


def split_of(rule: str = "uniform", num_nodes: int = 8, **changes: Any) -> LinkSplit:
    """The path 0 - ... - 7 for training, 0 - 2 for val and 0 - 3 for test, with changes."""
    plain: dict[str, Any] = {
        **{f"{name}_messages": ALONG for name in NAMES},
        "train_positives": PATH,
        "val_positives": [(0, 2)],
        "test_positives": [(0, 3)],
        "train_negatives": [],
        "val_negatives": [(0, 4)],
        "test_negatives": [(0, 5)],
    }
    assert changes.keys() <= plain.keys()
    given = {name: pairs(edges) for name, edges in (plain | changes).items()}
    train, val, test = (
        LinkPart(
            None,
            num_nodes,
            *(given[f"{name}_{what}"] for what in ("messages", "positives", "negatives")),
        )
        for name in NAMES
    )
    return LinkSplit(Development(train, val), test, rule)


def found(report: AuditReport, *without: str) -> set[tuple[str, str, bool, frozenset[tuple[int, int]]]]:
    """Kind, place, verdict and pairs of each finding."""
    assert all(each.edges.size(1) in (0, each.count) for each in report.findings)
    return {
        (each.kind, each.where, each.leak, frozenset((a, b) for a, b in each.edges.t().tolist()))
        for each in report.findings
        if each.kind not in without
    }


USUAL = "train-labels-in-messages"


def test_a_clean_split_by_hand() -> None:
    report = audit_split(split_of())
    names = "train, val, test"
    assert found(report) == {(USUAL, f"train positives in messages of {names}", False, frozenset(PATH))}
    assert report.clean
    assert report.leaks == ()
    assert report.findings == report.notes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"test_positives": [(0, 3), (0, 2)]}, {("overlap", "val and test", True, (0, 2))}),
        ({"test_positives": [(0, 3), (2, 0)]}, {("reverse-overlap", "val and test", True, (2, 0))}),
        ({"test_negatives": [(5, 5)]}, {("self-loop", "test negatives", True, (5, 5))}),
        ({"val_positives": [(1, 1)]}, {("self-loop", "val positives", True, (1, 1))}),
        ({"val_messages": [*ALONG, (4, 4)]}, {("self-loop", "val messages", False, (4, 4))}),
        (
            {"test_positives": [(0, 3), (3, 0)], "test_negatives": [(0, 5), (0, 6)]},
            {("duplicate", "test positives", True, (3, 0))},
        ),
        (
            {"val_positives": [(0, 2), (1, 7)], "val_negatives": [(4, 0), (0, 4)]},
            {("duplicate", "val negatives", True, (0, 4))},
        ),
        ({"test_messages": [*ALONG, (1, 0)]}, {("duplicate", "test messages", False, (1, 0))}),
        (
            {"val_messages": [*ALONG, (3, 0)]},
            {
                ("label-in-messages", "test positives in val messages", True, (0, 3)),
                ("one-way-messages", "val messages", False, (3, 0)),
            },
        ),
        (
            {"test_messages": [*ALONG, (0, 2), (2, 0)]},
            {("val-edges-at-test", "val positives in test messages", False, (0, 2))},
        ),
        ({"val_negatives": [(3, 0)]}, {("false-negative", "val negatives", True, (3, 0))}),
        ({"test_negatives": [(0, 2)]}, {("false-negative", "test negatives", True, (0, 2))}),
        ({"train_negatives": [(0, 3)]}, set()),  # training cannot know that it is an edge
        ({"train_negatives": [(1, 0), (0, 3)]}, {("false-negative", "train negatives", True, (1, 0))}),
        ({"val_negatives": [(5, 0)]}, {("negatives-shared", "val and test", True, (0, 5))}),
        (
            {"train_negatives": [(1, 7), (7, 1), (0, 3)]},
            {("duplicate", "train negatives", False, (7, 1))},
        ),
        ({"train_negatives": [(0, 5), (0, 3)]}, {("negatives-shared", "train and test", False, (0, 5))}),
    ],
)
def test_each_kind_about_pairs_by_hand(
    changes: dict[str, Any], expected: set[tuple[str, str, bool, tuple[int, int]]]
) -> None:
    report = audit_split(split_of(**changes))
    pairs_of = {(kind, where, leak, frozenset([edge])) for kind, where, leak, edge in expected}
    assert found(report, USUAL, "imbalance") == pairs_of
    assert report.clean == (not any(leak for _, _, leak, _ in expected))


def only(report: AuditReport, kind: str) -> Finding:
    (finding,) = (each for each in report.findings if each.kind == kind)
    return finding


def test_sizes_by_hand() -> None:
    more: dict[str, Any] = {"test_positives": [(0, 3), (0, 6), (1, 7)]}
    lonely = only(audit_split(split_of(**more)), "imbalance")
    assert (lonely.where, lonely.leak, lonely.count) == ("test", True, 2)
    assert lonely.message.startswith("3.00 positives a negative")
    many = only(audit_split(split_of(test_negatives=[(0, 5), (1, 5), (1, 6)])), "imbalance")
    assert (many.leak, many.message[:24]) == (False, "3.00 negatives a positiv")
    none = only(audit_split(split_of(val_negatives=[])), "imbalance")
    assert (none.where, none.leak, none.message[:12]) == ("val", False, "No negatives")
    empty = audit_split(split_of(val_positives=[], val_negatives=[]))
    assert found(empty, USUAL) == {("empty", "val", False, frozenset())}


def test_eleven_positives_for_ten_negatives_are_still_as_many() -> None:
    edges = [(i, j) for i in range(20) for j in range(i + 2, 20)]
    some, others, negatives = edges[:11], edges[:12], edges[30:40]
    fits: dict[str, Any] = {"val_positives": [(17, 19)], "val_negatives": [(0, 19)], "num_nodes": 20}
    assert audit_split(split_of(test_positives=some, test_negatives=negatives, **fits)).clean
    report = audit_split(split_of(test_positives=others, test_negatives=negatives, **fits))
    assert [each.kind for each in report.leaks] == ["imbalance"]


def test_nodes_by_hand() -> None:
    isolated = only(audit_split(split_of(num_nodes=11)), "isolated-nodes")
    assert (isolated.leak, isolated.count, isolated.edges.shape) == (False, 3, (2, 0))
    split = split_of()
    for test in (replace(split.test, num_nodes=9), replace(split.test, x=torch.ones(9, 2))):
        lost = only(audit_split(replace(split, test=test)), "lost-nodes")
        assert (lost.leak, lost.count, lost.edges.shape) == (True, 1, (2, 0))
        assert "test 9" in lost.message or "test 8 with 9 rows of x" in lost.message


def test_no_chance_hit_is_a_leak_where_seven_are_to_be_expected() -> None:
    """40 nodes, 780 pairs, 7 learned, 100 held out: (1 - 100 / 773)^Q falls below 0.001 at Q = 50."""
    every = [(i, j) for i in range(40) for j in range(i + 2, 40)]
    held_out, rest = every[:100], every[100:]
    for count, leak in ((49, False), (50, True)):
        changes: dict[str, Any] = {"train_negatives": rest[:count], "test_negatives": rest[-100:]}
        split = split_of(num_nodes=40, test_positives=held_out, val_positives=[], val_negatives=[], **changes)
        finding = only(audit_split(split), "train-negatives-avoid-held-out")
        assert (finding.leak, finding.count) == (leak, count)
        assert ("about 6 would be" in finding.message) == leak


def test_held_out_negatives_in_training_are_a_leak_where_they_are_too_many_for_chance() -> None:
    """1 of 20 by chance (mean 20 * 20 / 770 = 0.5), not all 20."""
    every = [(i, j) for i in range(40) for j in range(i + 2, 40)]
    negatives, others = every[100:120], every[200:219]
    for drawn, leak in (([*others, negatives[0]], False), (negatives, True)):
        changes: dict[str, Any] = {"train_negatives": drawn, "test_negatives": negatives}
        report = audit_split(split_of(num_nodes=40, **changes))
        assert only(report, "negatives-shared").leak == leak


def test_a_self_loop_does_not_end_isolation_and_one_part_is_enough_for_the_note() -> None:
    loop = [*ALONG, (8, 8)]
    report = audit_split(split_of(num_nodes=9, train_messages=loop, val_messages=ALONG[1:]))
    assert only(report, "isolated-nodes").count == 1
    assert only(report, USUAL).count == len(PATH)
    disjoint = audit_split(split_of(train_messages=ALONG[1:7] + ALONG[8:]))
    assert only(disjoint, USUAL).count == len(PATH)


HEART = [[(0, 4), (0, 5)], [(0, 6), (7, 3)]]


@pytest.mark.parametrize(
    ("candidates", "wrong", "allowed"),
    [
        (HEART, [], []),
        ([[(0, 4), (7, 1)], [(0, 6), (7, 3)]], [], [(7, 1)]),  # the other test positive
        ([[(0, 4), (3, 0)], [(0, 6), (7, 3)]], [(3, 0)], []),  # the very positive
        ([[(0, 4), (0, 2)], [(0, 6), (7, 3)]], [(0, 2)], []),  # a val positive
        ([[(0, 4), (2, 1)], [(0, 6), (7, 3)]], [(2, 1)], []),  # a training edge
    ],
)
def test_what_heart_allows_by_hand(candidates: Any, wrong: Edges, allowed: Edges) -> None:
    changes: dict[str, Any] = {
        "test_positives": [(0, 3), (1, 7)],
        "test_negatives": candidates,
        "val_negatives": [[(2, 6)]],
    }
    report = audit_split(split_of("heart", **changes))
    kinds = (("false-negative", True, wrong), ("candidates-not-filtered", False, allowed))
    expected = {(kind, "test negatives", leak, frozenset(each)) for kind, leak, each in kinds if each}
    assert found(report, USUAL) == expected
    filtered = found(audit_split(split_of("heart-filtered", **changes)), USUAL)
    every = frozenset(wrong + allowed)
    assert filtered == ({("false-negative", "test negatives", True, every)} if every else set())


def test_candidates_of_val_may_be_test_positives_and_lists_may_share_but_not_repeat() -> None:
    changes: dict[str, Any] = {"test_positives": [(0, 3), (1, 7)], "val_negatives": [[(0, 3), (0, 4)]]}
    report = audit_split(split_of("heart", test_negatives=HEART, **changes))
    assert found(report, USUAL) == {
        ("candidates-not-filtered", "val negatives", False, frozenset([(0, 3)])),
        ("negatives-shared", "val and test", False, frozenset([(0, 4)])),
    }
    twice = audit_split(split_of("heart", test_negatives=[[(0, 4), (0, 5)], [(0, 6), (6, 0)]], **changes))
    assert ("duplicate", "test negatives", True, frozenset([(6, 0)])) in found(twice)


PAIR = st.tuples(st.integers(0, 7), st.integers(0, 7))


@st.composite
def splits(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Anything at all on 8 nodes; lists of three candidates for each positive unless uniform."""
    rule = draw(st.sampled_from(["uniform", "heart", "heart-filtered"]))
    parts: dict[str, Any] = {}
    for name in NAMES:
        parts[f"{name}_messages"] = draw(st.lists(PAIR, max_size=8))
        parts[f"{name}_positives"] = positives = draw(st.lists(PAIR, min_size=1, max_size=5))
        if rule == "uniform" or name == "train":
            parts[f"{name}_negatives"] = draw(st.lists(PAIR, max_size=6))
        else:
            lists = st.lists(PAIR, min_size=3, max_size=3)
            parts[f"{name}_negatives"] = [draw(lists) for _ in positives]
    return rule, parts


def twice(edges: Any) -> Any:
    return [edge for i, edge in enumerate(edges) if edge in edges[:i]]


def about_messages(
    messages: dict[str, list[tuple[int, int]]], labels: set[frozenset[int]]
) -> dict[tuple[str, str, bool], set[frozenset[int]]]:
    wrong = {}
    heard = {frozenset(edge) for edge in messages["train"]}
    for name, edges in messages.items():
        unknown = {frozenset(edge) for edge in edges if edge[0] != edge[1]} - labels
        wrong["unknown-messages", f"{name} messages", True] = unknown - heard
        wrong["unknown-messages", f"{name} messages", False] = unknown & heard
        alone = {frozenset(edge) for edge in edges if edge[::-1] not in edges}
        wrong["one-way-messages", f"{name} messages", False] = alone
    return wrong


def expected(rule: str, parts: dict[str, Any]) -> dict[tuple[str, str, bool], set[frozenset[int]]]:
    """All findings about pairs, by plain loops over plain sets."""
    messages, positives, negatives = (
        {name: [tuple(edge) for edge in parts[f"{name}_{what}"]] for name in NAMES}
        for what in ("messages", "positives", "negatives")
    )
    lists = {name: rule != "uniform" and name != "train" for name in NAMES}
    rows = {name: negatives[name] if lists[name] else [negatives[name]] for name in NAMES}
    flat = {name: [edge for row in rows[name] for edge in row] for name in NAMES}

    def links(edges: Any) -> set[frozenset[int]]:
        return {frozenset(edge) for edge in edges}

    wrong: dict[tuple[str, str, bool], set[frozenset[int]]] = {}
    edges = set().union(*(links(messages[name]) | links(positives[name]) for name in NAMES))
    learned = links(messages["train"]) | links(positives["train"])
    for one, other in combinations(NAMES, 2):
        same, turned = set(positives[one]), {(b, a) for a, b in positives[one] if a != b}
        wrong["overlap", f"{one} and {other}", True] = links(e for e in positives[other] if e in same)
        where = f"{one} and {other}"
        wrong["reverse-overlap", where, True] = links(e for e in positives[other] if e in turned)
        shared = links(flat[one]) & links(flat[other])
        free = max(1, 28 - len(edges))
        mean = len(links(flat[one])) * len(links(flat[other])) / free
        blind = one == "train" and poisson.sf(len(shared) - 1, mean) >= 0.001
        wrong["negatives-shared", where, not (lists[one] or lists[other] or blind)] = shared
    for i, name in enumerate(NAMES):
        for what, group in (("messages", messages), ("positives", positives), ("negatives", flat)):
            loops = links(edge for edge in group[name] if edge[0] == edge[1])
            wrong["self-loop", f"{name} {what}", what != "messages"] = loops
        wrong["duplicate", f"{name} messages", False] = links(twice(messages[name]))
        wrong["duplicate", f"{name} positives", True] = set(twice([frozenset(e) for e in positives[name]]))
        again = [edge for row in rows[name] for edge in twice([frozenset(edge) for edge in row])]
        wrong["duplicate", f"{name} negatives", name != "train"] = set(again)
        for earlier in NAMES[: i + 1] if i else ():
            seen = links(positives[name]) & links(messages[earlier])
            wrong["label-in-messages", f"{name} positives in {earlier} messages", True] = seen
        forbidden = edges if i else learned
        if rule == "heart" and i:
            forbidden = learned | links(messages["val"])
            if name == "test":
                forbidden = forbidden | links(positives["val"]) | links(messages["test"])
        hits = links(flat[name]) & forbidden
        own = zip(positives[name], rows[name], strict=True) if lists[name] else ()
        hits |= {frozenset(edge) for edge, row in own if frozenset(edge) in links(row)}
        wrong["false-negative", f"{name} negatives", True] = hits
    wrong |= about_messages(messages, links([edge for name in NAMES for edge in positives[name]]))
    wrong["val-edges-at-test", "val positives in test messages", False] = links(positives["val"]) & links(
        messages["test"]
    )
    return {key: found for key, found in wrong.items() if found}


@given(splits())
@settings(max_examples=150, deadline=None)
def test_pairs_are_those_of_plain_sets(case: tuple[str, dict[str, Any]]) -> None:
    rule, parts = case
    report = audit_split(split_of(rule, **parts))
    rest = {USUAL, "candidates-not-filtered", "train-negatives-avoid-held-out"}
    rest |= {"isolated-nodes", "imbalance", "empty", "lost-nodes"}
    got = {
        (each.kind, each.where, each.leak): {frozenset(edge) for edge in each.edges.t().tolist()}
        for each in report.findings
        if each.kind not in rest
    }
    assert got == expected(rule, parts)
    assert all(
        len(got[each.kind, each.where, each.leak]) == each.count
        for each in report.findings
        if each.kind not in rest
    )


@pytest.mark.parametrize("val_edges_at_test", [False, True])
def test_our_splits_of_cora_are_clean(val_edges_at_test: bool) -> None:
    report = audit_split(split_links(load("cora"), val_edges_at_test=val_edges_at_test))
    kinds = {each.kind: each.count for each in report.findings}
    usual = {"isolated-nodes": 85, USUAL: 4488}
    assert kinds == usual | ({"val-edges-at-test": 263} if val_edges_at_test else {})
    assert report.clean


def random_link_split(data: Data, seed: int = 1, **settings: Any) -> Any:
    """A triple; the transform draws edges from torch's state and negatives from that of ``random``."""
    state = random.getstate()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            random.seed(seed)
            return RandomLinkSplit(0.05, 0.1, **settings)(data)
    finally:
        random.setstate(state)


def test_random_link_split_of_cora_is_clean_if_told_that_it_is_undirected() -> None:
    good = audit_split(random_link_split(load("cora"), is_undirected=True))
    assert good.clean
    assert only(good, "val-edges-at-test").count == 263
    assert not only(good, "train-negatives-avoid-held-out").leak
    bad = audit_split(random_link_split(load("cora")))
    assert {"reverse-overlap", "label-in-messages", "duplicate"} <= {each.kind for each in bad.leaks}


def test_random_link_split_draws_a_pair_and_its_reverse_once_in_a_while() -> None:
    """Negatives are drawn over ordered pairs: at this seed, as at about 4 of 100, one comes twice."""
    triple = random_link_split(load("cora"), seed=0, is_undirected=True)
    negatives = {(a, b) for a, b in triple[2].edge_label_index[:, triple[2].edge_label == 0].t().tolist()}
    both = {edge for edge in negatives if edge[::-1] in negatives}
    (leak,) = audit_split(triple).leaks
    assert (leak.kind, leak.where, leak.count, len(both)) == ("duplicate", "test negatives", 1, 2)
    assert set(map(tuple, leak.edges.t().tolist())) < both


def test_a_number_of_nodes_given_nowhere_is_said() -> None:
    """Where nothing else shows it: the last nodes of the path are in all messages."""
    triple = [
        Data(edge_index=pairs(ALONG), edge_label_index=pairs([edge, (0, 7)]), edge_label=torch.tensor([1, 0]))
        for edge in ((0, 1), (0, 2), (0, 3))
    ]
    note = only(audit_split(triple), "lost-nodes")
    assert (note.leak, note.count) == (False, 0)
    for part in triple:
        part.pos = torch.zeros(8, 2)
    assert "lost-nodes" not in {each.kind for each in audit_split(triple).findings}


def test_split_labels_and_labels_above_one_change_nothing() -> None:
    triple = random_link_split(load("karate"))
    plain = found(audit_split(triple))
    for part in triple:
        part.edge_label = part.edge_label * 3
    assert found(audit_split(triple)) == plain
    for part in triple:
        part.pos_edge_label_index = part.edge_label_index[:, part.edge_label > 0]
        part.neg_edge_label_index = part.edge_label_index[:, part.edge_label == 0]
        del part.edge_label, part.edge_label_index
    assert found(audit_split(triple)) == plain


def test_random_link_split_without_negatives() -> None:
    bare: dict[str, Any] = {"add_negative_train_samples": False, "neg_sampling_ratio": 0.0}
    for split_labels in (False, True):
        triple = random_link_split(load("karate"), is_undirected=True, split_labels=split_labels, **bare)
        report = audit_split(triple)
        assert report.clean
        assert [each.where for each in report.notes if each.kind == "imbalance"] == ["val", "test"]


def spoiled(**changes: Any) -> list[Any]:
    """A triple whose val part has other attributes; ``None`` deletes."""
    triple = list(random_link_split(load("karate"), is_undirected=True))
    for key, value in changes.items():
        if value is None:
            del triple[1][key]
        else:
            triple[1][key] = value
    return triple


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (spoiled()[:2], r"triple of RandomLinkSplit, got 2 items"),
        (None, r"triple of RandomLinkSplit, got NoneType"),
        ("abc", r"triple of RandomLinkSplit, got"),
        ([HeteroData()] * 3, r"train must be a torch_geometric.data.Data, got HeteroData"),
        (spoiled(edge_index=None), r"val: edge_index must be a tensor, got NoneType"),
        (spoiled(edge_label_index=None), r"val: edge_label_index must be a tensor, got NoneType"),
        (spoiled(edge_label=None), r"val: edge_label must be a tensor, got NoneType"),
        (spoiled(edge_label=torch.ones(2)), r"val: edge_label_index must have shape \(2, L\) and .* \(2,\)"),
        (spoiled(edge_index=torch.ones(3, 4).long()), r"val: edge_index must have shape \(2, n\), got"),
        (spoiled(edge_index=torch.ones(2, 4)), r"val: edge_index must hold int64 node indices, got"),
        (spoiled(edge_index=torch.full((2, 1), 34)), r"val: edge_index must hold .* 0 to 33, got 34 to 34"),
        (spoiled(edge_index=torch.full((2, 1), -1)), r"from 0 to 33, got -1 to -1"),
        (split_of(test_negatives=[(0, 8)]), r"test: negatives must hold .* 0 to 7, got 0 to 8"),
        (split_of("heart", test_negatives=HEART), r"test: negatives must have shape \(2, 1, K\), got"),
    ],
)
def test_what_is_no_split_is_refused(split: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit_split(split)


def test_a_report_as_json_has_ids() -> None:
    report = audit_split(split_of(test_positives=[(0, 2)]))
    assert report.to_dict()["findings"][0]["edges"] == [[0, 2]]
    record = report.to_dict([f"n{i}" for i in range(8)])
    first = record["findings"][0]
    assert (record["clean"], first["kind"], first["leak"]) == (False, "overlap", True)
    assert (first["where"], first["count"], first["edges"]) == ("val and test", 1, [["n0", "n2"]])
    assert first["message"] == report.leaks[0].message


def test_no_loop_over_pairs() -> None:
    """Function calls are counted, not seconds: PubMed with 20 candidates for each of 4,432 positives."""
    split, calls = split_links(load("pubmed")), 0
    shape = (2, split.test.positives.size(1), 20)
    drawn = torch.randint(split.test.num_nodes, shape, generator=torch.Generator().manual_seed(0))
    split = replace(split, test=replace(split.test, negatives=drawn), negatives="heart")

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        audit_split(split)
    finally:
        sys.setprofile(None)
    assert 0 < calls < 3000


def test_both_directions_of_the_path_are_its_messages() -> None:
    assert torch.equal(pairs(ALONG), both_directions(pairs(PATH)))


def test_messages_that_only_val_or_test_has_and_no_part_learns_are_a_leak(
    random_graph: Callable[..., Data],
) -> None:
    """The proxy: a test edge (a, b) is told by joining a to a neighbour of b."""
    split = split_links(random_graph(100, 0.1))
    train, _, test = split.parts
    edges = {frozenset(pair) for part in split.parts for pair in part.positives.t().tolist()}
    a, near = next(
        (a, v)
        for a, b in test.positives.t().tolist()
        for u, v in train.edge_index.t().tolist()
        if u == b and v != a and frozenset((a, v)) not in edges
    )
    proxy = torch.tensor([[a, near], [near, a]])
    planted = replace(split, test=replace(test, edge_index=torch.cat([test.edge_index, proxy], 1)))
    leak = next(each for each in audit_split(planted).leaks if each.kind == "unknown-messages")
    assert (leak.where, leak.count) == ("test messages", 1)


def test_features_that_change_between_parts_are_a_leak(random_graph: Callable[..., Data]) -> None:
    split = split_links(random_graph(100, 0.1))
    x = split.test.x
    assert x is not None
    same = replace(split, test=replace(split.test, x=x.clone()))
    assert audit_split(same).clean
    told = replace(split, test=replace(split.test, x=torch.cat([x, x], 1)))
    assert [leak.kind for leak in audit_split(told).leaks] == ["features-differ"]
    sparse = split.with_features(x.to_sparse_csr())
    other = replace(sparse, test=replace(sparse.test, x=(2 * x).to_sparse_csr()))
    assert [leak.kind for leak in audit_split(other).leaks] == ["features-differ"]


def test_what_messages_could_pass_along_unseen_is_refused() -> None:
    train, val, test = random_link_split(load("karate"), is_undirected=True)
    test.adj_t = torch.eye(34)
    with pytest.raises(InputError, match="test has adj_t"):
        audit_split((train, val, test))
    del test.adj_t
    val.pos_edge_label_index = val.edge_label_index
    with pytest.raises(InputError, match="val has its labels twice"):
        audit_split((train, val, test))
    del val.pos_edge_label_index
    val.edge_label = val.edge_label.float()
    val.edge_label[0] = torch.nan
    with pytest.raises(InputError, match="val: edge_label must be finite"):
        audit_split((train, val, test))


def test_a_heart_rule_without_lists_excuses_nothing(random_graph: Callable[..., Data]) -> None:
    split = split_links(random_graph(100, 0.1))
    rolled = replace(split.test, negatives=split.test.positives.roll(1, dims=1))
    flat = replace(split, test=rolled, negatives="heart")
    assert "false-negative" in {leak.kind for leak in audit_split(flat).leaks}
