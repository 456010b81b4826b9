"""Splits from files that an audit finds clean, and that are still not what their figures would be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import LinkSplit, make_graph, split_links
from gvae.data.split_files import SavedSplit
from gvae.data.splits import Development
from gvae.errors import GvaeWarning, InputError
from gvae.protocols import PROTOCOLS
from gvae.split_checks import check_fit


def graph(random_graph: Callable[..., Data], **settings: Any) -> Data:
    data = random_graph(**settings)
    order = torch.arange(data.num_edges, dtype=torch.double)
    upper = data.edge_index[0] < data.edge_index[1]
    codes = data.edge_index.amin(0) * 1000 + data.edge_index.amax(0)
    weight = order[torch.searchsorted(codes[upper].sort().values, codes)] + 1
    with_weight = make_graph(data.edge_index, int(data.num_nodes or 0), x=data.x, edge_weight=weight.float())
    with_weight.edge_time = weight
    return with_weight


def parted(split: LinkSplit, **parts: Any) -> LinkSplit:
    """The split with changes of some parts: ``test={"positives": ...}``."""
    train, val, test = (
        replace(part, **parts.get(name, {}))
        for name, part in zip(("train", "val", "test"), split.parts, strict=True)
    )
    return LinkSplit(Development(train, val), test, split.negatives)


def refused(split: LinkSplit, data: Data, protocol: str, message: str, ids: list[Any] | None = None) -> None:
    with pytest.raises(InputError, match=message):
        check_fit(SavedSplit(split, ids), data, PROTOCOLS[protocol], "mine")


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_what_a_protocol_draws_fits_it(name: str, random_graph: Callable[..., Data]) -> None:
    data, protocol = graph(random_graph, num_nodes=420, share=0.03), PROTOCOLS[name]
    split = split_links(
        data,
        protocol.val,
        protocol.test,
        order=protocol.order,
        negatives=protocol.negatives,
        val_edges_at_test=protocol.val_edges_at_test,
    )
    check_fit(SavedSplit(split), data, protocol, "mine")
    if protocol.order == "time":
        refused(
            split_links(data), data, name, "is no split by time: an edge is as late as one of a later part"
        )
        timeless = make_graph(data.edge_index, 420, edge_weight=data.edge_weight)
        refused(split, timeless, name, "was read without times")


def test_messages_must_be_those_of_the_protocol(random_graph: Callable[..., Data]) -> None:
    data = graph(random_graph)
    split, pyg = split_links(data), split_links(data, val_edges_at_test=True)
    refused(pyg, data, "kipf", "test_messages must be the train edges, both directions")
    refused(split, data, "pyg", "test_messages must be the train and val edges, both directions")
    train = split.development.train
    half = {"edge_index": train.edge_index[:, ::2], "edge_weight": train.edge_weight[::2]}  # type: ignore[index]
    refused(parted(split, val=half), data, "kipf", "val_messages must be the train edges")
    twice = {"edge_index": train.edge_index.repeat(1, 2), "edge_weight": train.edge_weight.repeat(2)}  # type: ignore[union-attr]
    refused(parted(split, val=twice), data, "kipf", "val_messages must be the train edges")


def test_weights_must_be_those_of_the_graph(random_graph: Callable[..., Data]) -> None:
    data = graph(random_graph)
    split = split_links(data)
    weight = split.test.edge_weight
    assert weight is not None
    refused(
        parted(split, test={"edge_weight": 2 * weight}), data, "kipf", "its weights are not those of mine"
    )
    refused(parted(split, test={"edge_weight": None}), data, "kipf", "has no weights, unlike mine")
    bare = make_graph(data.edge_index, 60)
    refused(split, bare, "kipf", "has weights, unlike mine")


def test_negatives_must_be_no_edges_of_the_graph(random_graph: Callable[..., Data]) -> None:
    """An edge that is left out of all parts is a non-edge to an audit."""
    data = random_graph()
    split = split_links(data)
    train, _, test = split.parts
    dropped, kept = train.positives[:, :1], train.positives[:, 1:]
    messages = {"edge_index": torch.cat([kept, kept.flip(0)], 1)}
    fewer = parted(split, train={"positives": kept, **messages}, val=messages, test=messages)
    with pytest.warns(GvaeWarning, match="1 of 192 edges of mine are in no part of the split"):
        check_fit(SavedSplit(fewer), data, PROTOCOLS["kipf"], "mine")
    negatives = torch.cat([test.negatives[:, 1:], dropped.flip(0)], 1)
    with pytest.warns(GvaeWarning, match="in no part"):
        refused(parted(fewer, test={"negatives": negatives}), data, "kipf", "is an edge of mine")


def test_candidates_must_be_of_the_protocols_kind(random_graph: Callable[..., Data]) -> None:
    data = random_graph(420, 0.03)
    heart, uniform = split_links(data, negatives="heart"), split_links(data)
    refused(uniform, data, "heart", "its negatives are uniform, this protocol has heart ones")
    refused(heart, data, "heart-filtered", "its negatives are heart, this protocol has heart-filtered ones")
    negatives = heart.test.negatives.roll(1, dims=1)
    refused(parted(heart, test={"negatives": negatives}), data, "heart", "has no node of its positive")


def test_lists_and_shared_negatives_are_not_mixed(random_graph: Callable[..., Data]) -> None:
    """A list may hold picked nodes: under a uniform protocol its figure would be called what it is not."""
    data = random_graph(420, 0.03)
    uniform, heart = split_links(data), split_links(data, negatives="heart")
    lists = {"negatives": uniform.test.negatives[:, :, None].repeat(1, 1, 5)}
    refused(parted(uniform, test=lists), data, "kipf", "its negatives must be shared by all positives")
    fewer = {"negatives": heart.development.val.negatives[:, :, :100]}
    refused(parted(heart, val=fewer), data, "heart", "its negatives must be 500 candidates for each positive")


def test_nodes_and_ids_must_be_those_of_the_graph(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    split = split_links(data)
    check_fit(SavedSplit(split, [*range(60)]), data, PROTOCOLS["kipf"], "mine")
    refused(split, data, "kipf", "its node ids are not those of mine", ids=[f"n{i}" for i in range(60)])
    refused(split, random_graph(61), "kipf", "has 60 nodes, mine has 61")
    other = make_graph(torch.tensor([[0, 1], [1, 2]]), 60)
    refused(split, other, "kipf", "is no edge of mine: the split is of another graph")


def test_a_part_may_not_be_empty(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    none: Tensor = torch.empty(2, 0, dtype=torch.long)
    split = parted(split_links(data), test={"positives": none, "negatives": none})
    refused(split, data, "kipf", "its train or test part is empty")
