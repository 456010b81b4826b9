"""The known traps of link splits, each planted in a clean split, and found with the very edges."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.transforms import RandomLinkSplit

from gvae.data import Development, LinkPart, LinkSplit, audit_split, make_graph, split_links
from gvae.data.audit import AuditReport, Finding

Planted = tuple[LinkSplit, Tensor]


def joined(*groups: Tensor) -> Tensor:
    return torch.cat(groups, dim=1)


def changed(split: LinkSplit, name: str, **fields: Any) -> LinkSplit:
    """The same split, but for some fields of one part."""
    parts = {"train": split.development.train, "val": split.development.val, "test": split.test}
    parts[name] = replace(parts[name], **fields)
    return replace(split, development=Development(parts["train"], parts["val"]), test=parts["test"])


def finding(report: AuditReport, kind: str, where: str) -> Finding:
    (only,) = (each for each in report.findings if (each.kind, each.where) == (kind, where))
    return only


def as_set(pairs: Tensor) -> set[tuple[int, int]]:
    return {(a, b) for a, b in pairs.t().tolist()}


def links(pairs: Tensor) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in as_set(pairs)}


def edges_of_test_pass_messages(split: LinkSplit) -> Planted:
    edges = split.test.positives[:, :3]
    return changed(split, "test", edge_index=joined(split.test.edge_index, edges, edges.flip(0))), edges


def the_whole_graph_passes_messages_in_training(split: LinkSplit) -> Planted:
    every = joined(*(part.positives for part in split.parts))
    return changed(split, "train", edge_index=joined(every, every.flip(0))), split.test.positives


def val_edges_pass_messages_at_val(split: LinkSplit) -> Planted:
    val = split.development.val
    return changed(split, "val", edge_index=joined(val.edge_index, val.positives)), val.positives


def an_edge_is_trained_on_and_tested(split: LinkSplit) -> Planted:
    edges = split.development.train.positives[:, 5:8]
    return changed(split, "test", positives=joined(split.test.positives, edges)), edges


def the_reverse_of_a_training_edge_is_tested(split: LinkSplit) -> Planted:
    edges = split.development.train.positives[:, 5:8].flip(0)
    return changed(split, "test", positives=joined(split.test.positives, edges)), edges


def the_reverse_of_a_positive_is_a_negative(split: LinkSplit) -> Planted:
    edges = split.development.train.positives[:, 9:11].flip(0)
    return changed(split, "val", negatives=joined(split.development.val.negatives, edges)), edges


def a_negative_of_val_is_turned_round_in_test(split: LinkSplit) -> Planted:
    edges = split.development.val.negatives[:, :2].flip(0)
    return changed(split, "test", negatives=joined(split.test.negatives, edges)), edges


def self_loops_are_labels(split: LinkSplit) -> Planted:
    loops = torch.tensor([[3, 8], [3, 8]])
    return changed(split, "test", positives=joined(split.test.positives, loops)), loops


def self_loops_are_negatives(split: LinkSplit) -> Planted:
    loops = torch.tensor([[3, 8], [3, 8]])
    return changed(split, "test", negatives=joined(split.test.negatives, loops)), loops


def positives_repeat(split: LinkSplit) -> Planted:
    edges = split.test.positives[:, :2]
    return changed(split, "test", positives=joined(split.test.positives, edges)), edges


def positives_are_symmetrised(split: LinkSplit) -> Planted:
    edges = split.test.positives.flip(0)
    return changed(split, "test", positives=joined(split.test.positives, edges)), edges


TRAPS: dict[str, tuple[Callable[[LinkSplit], Planted], str, str]] = {
    each.__name__.replace("_", " "): (each, kind, where)
    for each, kind, where in (
        (edges_of_test_pass_messages, "label-in-messages", "test positives in test messages"),
        (
            the_whole_graph_passes_messages_in_training,
            "label-in-messages",
            "test positives in train messages",
        ),
        (val_edges_pass_messages_at_val, "label-in-messages", "val positives in val messages"),
        (an_edge_is_trained_on_and_tested, "overlap", "train and test"),
        (the_reverse_of_a_training_edge_is_tested, "reverse-overlap", "train and test"),
        (the_reverse_of_a_positive_is_a_negative, "false-negative", "val negatives"),
        (a_negative_of_val_is_turned_round_in_test, "negatives-shared", "val and test"),
        (self_loops_are_labels, "self-loop", "test positives"),
        (self_loops_are_negatives, "self-loop", "test negatives"),
        (positives_repeat, "duplicate", "test positives"),
        (positives_are_symmetrised, "duplicate", "test positives"),
    )
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_planted_trap_is_found_with_its_very_edges(trap: str, random_graph: Callable[..., Data]) -> None:
    plant, kind, where = TRAPS[trap]
    clean = split_links(random_graph(100, 0.1))
    assert audit_split(clean).clean
    planted, edges = plant(clean)
    found = finding(audit_split(planted), kind, where)
    assert found.leak
    assert (found.count, as_set(found.edges)) == (edges.size(1), as_set(edges))


def test_positives_symmetrised_and_negatives_not_inflate_the_average_precision(
    random_graph: Callable[..., Data],
) -> None:
    planted, edges = positives_are_symmetrised(split_links(random_graph(100, 0.1)))
    found = finding(audit_split(planted), "imbalance", "test")
    assert (found.leak, found.count) == (True, edges.size(1))
    assert "2.00 positives a negative" in found.message


def test_val_edges_in_the_messages_at_test_are_named_but_no_leak(random_graph: Callable[..., Data]) -> None:
    data = random_graph(100, 0.1)
    ours = split_links(data, val_edges_at_test=True)
    for split in (ours, random_link_split(data, is_undirected=True, neg_sampling_ratio=0.0)):
        report = audit_split(split)
        found = finding(report, "val-edges-at-test", "val positives in test messages")
        val = split[1].edge_label_index if isinstance(split, tuple) else split.development.val.positives
        assert links(found.edges) == links(val)
        assert report.clean
    assert "val-edges-at-test" not in {each.kind for each in audit_split(split_links(data)).findings}


def test_isolated_nodes_lost_from_the_features(random_graph: Callable[..., Data]) -> None:
    split = split_links(random_graph(100, 0.1))
    x = split.test.x
    assert isinstance(x, Tensor)
    found = finding(
        audit_split(changed(split, "test", x=x.to_dense()[:97])), "lost-nodes", "train, val and test"
    )
    assert (found.leak, found.count) == (True, 3)
    fewer = audit_split(changed(split, "val", num_nodes=101, x=None))
    assert finding(fewer, "lost-nodes", "train, val and test").leak


def random_link_split(data: Data, **options: Any) -> Any:
    """RandomLinkSplit's triple for seed 0; negatives are drawn from the state of ``random``."""
    state = random.getstate()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            random.seed(0)
            return RandomLinkSplit(0.1, 0.2, **options)(data)
    finally:
        random.setstate(state)


def labelled(data: Data, label: int) -> Tensor:
    pairs: Tensor = data.edge_label_index[:, data.edge_label == label]
    return pairs


def test_reverse_edges_cross_a_split_that_takes_the_graph_for_directed(
    random_graph: Callable[..., Data],
) -> None:
    train, _, test = triple = random_link_split(random_graph())
    report = audit_split(triple)
    positives = labelled(test, 1)
    reverse = as_set(positives) & as_set(labelled(train, 1).flip(0))
    assert len(reverse) > 20
    found = finding(report, "reverse-overlap", "train and test")
    assert (found.leak, as_set(found.edges)) == (True, reverse)
    found = finding(report, "label-in-messages", "test positives in test messages")
    assert (found.leak, links(found.edges)) == (True, links(positives) & links(test.edge_index))


def test_negatives_over_ordered_pairs_come_once_more_the_other_way_round(
    random_graph: Callable[..., Data],
) -> None:
    _, val, test = triple = random_link_split(random_graph(60, 0.5), is_undirected=True)
    shared = links(labelled(val, 0)) & links(labelled(test, 0))
    assert shared
    assert not as_set(labelled(val, 0)) & as_set(labelled(test, 0))
    found = finding(audit_split(triple), "negatives-shared", "val and test")
    assert (found.leak, links(found.edges)) == (True, shared)


def test_training_negatives_against_the_full_edge_set_tell_where_test_is(
    random_graph: Callable[..., Data],
) -> None:
    triple = random_link_split(random_graph(100, 0.2), is_undirected=True)
    found = finding(audit_split(triple), "train-negatives-avoid-held-out", "train negatives")
    assert (found.leak, found.count) == (True, len(links(labelled(triple[0], 0))))
    blind = split_links(random_graph(100, 0.2))
    other = torch.randint(100, (2, 2000), generator=torch.Generator().manual_seed(0))
    known = links(blind.development.train.positives)
    kept = [pair for pair in as_set(other) if pair[0] != pair[1] and frozenset(pair) not in known]
    fair = changed(blind, "train", negatives=torch.tensor(kept).t())
    assert audit_split(fair).clean


def test_the_reverse_of_a_positive_is_drawn_where_edges_stand_in_one_direction(
    random_graph: Callable[..., Data],
) -> None:
    data = random_graph(60, 0.5)
    once = Data(edge_index=data.edge_index[:, data.edge_index[0] < data.edge_index[1]], num_nodes=60)
    triple = random_link_split(once)
    edges, negatives = links(data.edge_index), labelled(triple[2], 0)
    wrong = {pair for pair in as_set(negatives) if frozenset(pair) in edges}
    assert wrong
    found = finding(audit_split(triple), "false-negative", "test negatives")
    assert (found.leak, links(found.edges)) == (True, {frozenset(pair) for pair in wrong})


def test_self_loops_and_repeated_edges_are_kept_as_labels(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    loops, again = torch.arange(30).repeat(2, 1), data.edge_index
    dirty = Data(edge_index=joined(again, again, loops), num_nodes=60)
    train, _, test = triple = random_link_split(dirty, is_undirected=True)
    report, positives = audit_split(triple), labelled(test, 1)
    kept = {(a, b) for a, b in as_set(positives) if a == b}
    assert kept
    assert as_set(finding(report, "self-loop", "test positives").edges) == kept
    crossing = as_set(positives) & as_set(labelled(train, 1))
    assert crossing
    assert as_set(finding(report, "overlap", "train and test").edges) == crossing
    twice = {pair for pair in as_set(positives) if positives.t().tolist().count([*pair]) == 2}
    assert twice
    assert as_set(finding(report, "duplicate", "test positives").edges) == twice


def test_nodes_are_lost_where_their_number_is_inferred_from_the_messages(
    random_graph: Callable[..., Data],
) -> None:
    """Nodes 60 ... 69 have one edge each; where the last ones are held out, training has fewer nodes."""
    ends = torch.arange(60, 70)
    edges = joined(random_graph().edge_index, torch.stack([ends - 60, ends]), torch.stack([ends, ends - 60]))
    said = random_link_split(Data(edge_index=edges, num_nodes=70), is_undirected=True)
    assert "lost-nodes" not in {each.kind for each in audit_split(said).findings}
    with pytest.warns(UserWarning, match="Unable to accurately infer 'num_nodes'"):
        triple = random_link_split(Data(edge_index=edges), is_undirected=True)
    reach = [int(part.edge_index.max()) + 1 for part in triple]
    assert max(reach) > min(reach)
    found = finding(audit_split(triple), "lost-nodes", "train, val and test")
    assert (found.leak, found.count) == (True, max(reach) - min(reach))


@st.composite
def clean_splits(draw: st.DrawFn) -> LinkSplit:
    num_nodes, share = draw(st.integers(15, 60)), draw(st.floats(0.15, 0.5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    chosen = torch.rand(num_nodes, num_nodes, generator=generator) < share / 2
    data = make_graph(chosen.nonzero().t(), num_nodes)
    assume(data.num_edges >= 40)  # fewer leave none for val
    return split_links(data, generator=generator, val_edges_at_test=draw(st.booleans()))


@given(clean_splits())
@settings(max_examples=60, deadline=None)
def test_our_splits_are_clean(split: LinkSplit) -> None:
    report = audit_split(split)
    assert report.clean
    assert {each.kind for each in report.notes} <= {
        *("train-labels-in-messages", "val-edges-at-test", "isolated-nodes")
    }


INTO = {
    "messages": ("train", "edge_index", "label-in-messages", "test positives in train messages"),
    "val": ("val", "positives", "overlap", "val and test"),
    "val negatives": ("val", "negatives", "false-negative", "val negatives"),
    "test negatives": ("test", "negatives", "false-negative", "test negatives"),
}


@given(clean_splits(), st.sampled_from([*INTO]), st.booleans(), st.data())
@settings(max_examples=100, deadline=None)
def test_test_edges_planted_anywhere_are_found(
    split: LinkSplit, into: str, reverse: bool, data: st.DataObject
) -> None:
    """Some test positives are copied to where they should not be, in either direction."""
    positives = split.test.positives
    columns = st.lists(
        st.integers(0, positives.size(1) - 1), min_size=1, max_size=positives.size(1), unique=True
    )
    edges = positives[:, data.draw(columns)]
    name, field, kind, where = INTO[into]
    part: LinkPart = {"train": split.development.train, "val": split.development.val, "test": split.test}[
        name
    ]
    copies = edges.flip(0) if reverse else edges
    planted = changed(split, name, **{field: joined(getattr(part, field), copies)})
    if kind == "overlap" and reverse:
        kind = "reverse-overlap"
    report = audit_split(planted)
    found = finding(report, kind, where)
    assert (found.leak, found.count) == (True, edges.size(1))
    assert links(found.edges) == links(edges)
    assert {each.kind for each in report.leaks} <= {kind, "imbalance"}
