from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest
import torch

from gvae.catalog import HEURISTICS
from gvae.data import LinkPart, split_links
from gvae.data.similarity import SIMILARITIES, make_similarity
from gvae.datasets import load
from gvae.errors import InputError, UnknownNameError
from gvae.models import Heuristic


def part_of(name: str) -> LinkPart:
    return split_links(load(name), seed=1000).development.val


def test_every_similarity_is_a_heuristic() -> None:
    assert list(HEURISTICS) == list(SIMILARITIES)


@pytest.mark.parametrize("name", HEURISTICS)
def test_scores_are_the_similarities_along_the_messages(name: str) -> None:
    part = part_of("citeseer")
    expected = make_similarity(name, part.edge_index, part.num_nodes, part.x).pairs(part.positives)
    heuristic = Heuristic(name)
    assert torch.equal(heuristic.score(part, part.positives), expected)
    assert torch.equal(heuristic.score(part, part.positives[:, :7]), expected[:7])


def test_another_part_gets_its_own_scores_and_none_is_kept_alive() -> None:
    heuristic = Heuristic("preferential-attachment")
    pairs = torch.tensor([[0], [1]])
    part = LinkPart(None, 3, torch.tensor([[0, 1], [1, 0]]), pairs, pairs[:, :0])
    star = replace(part, edge_index=torch.tensor([[0, 1, 0, 2], [1, 0, 2, 0]]))
    assert [heuristic.score(given, pairs).item() for given in (part, star, part)] == [1, 2, 1]
    known = weakref.ref(part)
    del part
    gc.collect()
    assert known() is None


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown heuristic 'kats'; did you mean katz"):
        Heuristic("kats")
    part = part_of("karate")
    with pytest.raises(InputError, match="cosine needs node features; the graph has none"):
        Heuristic("cosine").score(part, part.positives)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", HEURISTICS)
def test_parts_may_be_on_a_gpu(name: str) -> None:
    part = part_of("citeseer")
    moved = part.to("cuda")
    scores = Heuristic(name).score(moved, moved.positives)
    assert torch.equal(scores, Heuristic(name).score(part, part.positives))
