from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.data import NegativeSampler, sample_negatives
from gvae.data.negatives import _decode, _encode
from gvae.errors import InputError


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]]]:
    num_nodes = draw(st.integers(2, 12))
    pairs = [(i, j) for j in range(num_nodes) for i in range(j)]
    return num_nodes, set(draw(st.lists(st.sampled_from(pairs), unique=True)))


def edge_index(edges: set[tuple[int, int]], flip: bool = False) -> torch.Tensor:
    index = torch.tensor(sorted(edges), dtype=torch.long).reshape(-1, 2).t()
    return index.flip(0) if flip else index


@given(graphs(), st.booleans(), st.integers(0, 2**32), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_negatives_are_distinct_non_edges(
    graph: tuple[int, set[tuple[int, int]]], flip: bool, seed: int, share: float
) -> None:
    num_nodes, edges = graph
    sampler = NegativeSampler(edge_index(edges, flip), num_nodes)
    assert sampler.num_non_edges == num_nodes * (num_nodes - 1) // 2 - len(edges)
    asked = int(share * sampler.num_non_edges)
    pairs = sampler.sample(asked, torch.Generator().manual_seed(seed))
    drawn = set(map(tuple, pairs.t().tolist()))
    assert pairs.shape == (2, asked)
    assert len(drawn) == asked
    assert not drawn & edges
    assert all(0 <= i < j < num_nodes for i, j in drawn)


def test_every_non_edge_is_equally_likely() -> None:
    edges = torch.tensor([[0, 1, 0], [1, 2, 4]])
    generator = torch.Generator().manual_seed(1)
    counts: Counter[tuple[int, int]] = Counter()
    for _ in range(4000):
        counts.update(map(tuple, sample_negatives(edges, 5, 2, generator=generator).t().tolist()))
    assert set(counts) == {(0, 2), (0, 3), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)}
    expected = 8000 / 7
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 22.5  # 99.9 % of chi square with 6 degrees of freedom


def test_few_of_many_are_uniform_too() -> None:
    """The path for a small share of a large population keeps a random subset, not the smallest."""
    generator = torch.Generator().manual_seed(2)
    pairs = sample_negatives(torch.tensor([[0], [1]]), 2000, 20_000, generator=generator)
    assert abs(_encode(*pairs).double().mean() / (2000 * 1999 / 2) - 0.5) < 0.01


@given(st.integers(0, 4 * 10**15))
def test_pair_numbers_are_exact_for_large_graphs(code: int) -> None:
    low, high = _decode(torch.tensor([code]))
    assert 0 <= int(low) < int(high)
    assert int(_encode(low, high)) == code


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="has 1 pairs that are not edges; 2 were asked for"):
        sample_negatives(torch.tensor([[0, 1], [1, 2]]), 3, 2, generator=torch.Generator())


def test_the_same_generator_gives_the_same_negatives() -> None:
    edges = torch.tensor([[0], [1]])
    first, second = (
        sample_negatives(edges, 100, 50, generator=torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(first, second)
