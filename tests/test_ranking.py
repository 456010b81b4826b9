from __future__ import annotations

import itertools
import math
import sys
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import gvae.ranking
from gvae.errors import GvaeWarning, InputError
from gvae.layers import Decoder, InnerProductDecoder
from gvae.ranking import Filters, Ranking, top_pairs, top_per_node

Question = tuple[Decoder, Tensor, Tensor, Filters, int]
NOTHING = torch.empty(2, 0, dtype=torch.long)


class DistanceDecoder(nn.Module):
    """``logit_ij = [j > i] - |z_i - z_j|^2``: not the inner product, and asymmetric."""

    def forward(self, z: Tensor, pairs: Tensor) -> Tensor:
        return self.rows(z, slice(None))[pairs[0], pairs[1]]

    def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
        index = torch.arange(len(z))
        later = (index > index[nodes, None]).float()  # (B, N)
        return later - (z[nodes, None] - z).square().sum(2)


class ConstantDecoder(nn.Module):
    """One number for all pairs, given as a view that must not be written to."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = torch.tensor(value)

    def forward(self, z: Tensor, pairs: Tensor) -> Tensor:
        return self.value.expand(pairs.size(1))

    def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
        return self.value.expand(len(z[nodes]), len(z))


class TableDecoder(nn.Module):
    """Logits of its own, whatever z is."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, z: Tensor, pairs: Tensor) -> Tensor:
        return self.table[pairs[0], pairs[1]]

    def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
        return self.table[nodes]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Small whole numbers as z: many ties, and sums that no order of addition changes."""
    n = draw(st.integers(2, 25))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    z = torch.randint(-2, 3, (n, 3), generator=generator).float()
    known = torch.randint(n, (2, draw(st.integers(0, 2 * n))), generator=generator)
    sides = torch.randint(2, (n,), generator=generator)
    filters = Filters(
        min_score=draw(st.sampled_from([None, -1.0, 2.0])),
        max_degree=draw(st.sampled_from([None, 0, 2])),
        sides=draw(st.sampled_from([None, sides])),
    )
    decoders: tuple[Decoder, ...] = (InnerProductDecoder(), DistanceDecoder(), ConstantDecoder())
    return draw(st.sampled_from(decoders)), z, known, filters, draw(st.integers(1, 40))


class Reference:
    """The same by sorting all pairs in plain Python."""

    def __init__(self, decoder: Decoder, z: Tensor, known: Tensor, filters: Filters) -> None:
        self.n = len(z)
        self.logits = decoder(z, torch.cartesian_prod(torch.arange(self.n), torch.arange(self.n)).t())
        self.logits = self.logits.view(self.n, self.n)
        self.edges = {frozenset(edge) for edge in known.t().tolist() if edge[0] != edge[1]}
        self.degree = Counter(itertools.chain.from_iterable(self.edges))
        self.filters = filters

    def is_partner(self, node: int) -> bool:
        return self.filters.max_degree is None or self.degree[node] <= self.filters.max_degree

    def joins(self, i: int, j: int) -> bool:
        least, sides = self.filters.min_score, self.filters.sides
        return (
            i != j
            and frozenset((i, j)) not in self.edges
            and (least is None or self.logits[i, j].item() >= least)
            and (sides is None or bool(sides[i] != sides[j]))
        )

    def best(self, pairs: list[tuple[int, int]], k: int) -> list[tuple[int, int, float, int]]:
        found = sorted((-self.logits[i, j].item(), i, j) for i, j in pairs if self.joins(i, j))[:k]
        return [(i, j, -negative, rank) for rank, (negative, i, j) in enumerate(found, 1)]

    def top_pairs(self, k: int) -> list[tuple[int, int, float, int]]:
        partners = [node for node in range(self.n) if self.is_partner(node)]
        return self.best(list(itertools.combinations(partners, 2)), k)

    def top_per_node(self, nodes: list[int], k: int) -> list[tuple[int, int, float, int]]:
        partners = [node for node in range(self.n) if self.is_partner(node)]
        return [row for node in nodes for row in self.best([(node, partner) for partner in partners], k)]


def as_rows(ranking: Ranking) -> list[tuple[int, int, float, int]]:
    columns = (*ranking.pairs.tolist(), ranking.scores.tolist(), ranking.rank.tolist())
    return list(zip(*columns, strict=True))


@pytest.fixture(params=[(1 << 20, 16), (1, 1), (60, 2)])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows at once, one at a time, and a few."""
    monkeypatch.setattr(gvae.ranking, "BLOCK_LOGITS", request.param[0])
    monkeypatch.setattr(gvae.ranking, "MIN_BLOCK", request.param[1])


@pytest.mark.usefixtures("blocks")
def test_the_best_pairs_are_those_of_sorting_all() -> None:
    @given(questions())
    @settings(max_examples=80, deadline=None)
    def check(question: Question) -> None:
        decoder, z, known, filters, k = question
        found = top_pairs(decoder, z, k, known=known, filters=filters)
        assert as_rows(found) == Reference(decoder, z, known, filters).top_pairs(k)

    check()


@pytest.mark.usefixtures("blocks")
def test_the_best_partners_are_those_of_sorting_all() -> None:
    @given(questions(), st.data())
    @settings(max_examples=80, deadline=None)
    def check(question: Question, data: st.DataObject) -> None:
        decoder, z, known, filters, k = question
        nodes = data.draw(st.lists(st.integers(0, len(z) - 1), max_size=30))
        asked = torch.tensor(nodes, dtype=torch.long)
        found = top_per_node(decoder, z, asked, k, known=known, filters=filters)
        assert as_rows(found) == Reference(decoder, z, known, filters).top_per_node(nodes, k)

    check()


def test_by_hand() -> None:
    """Five nodes on a line at 3, 2, 1, -1, -2, of which 0 - 1 are joined."""
    z = torch.tensor([[3.0], [2.0], [1.0], [-1.0], [-2.0]])
    found = top_pairs(InnerProductDecoder(), z, 3, known=torch.tensor([[1], [0]]))
    assert as_rows(found) == [(0, 2, 3.0, 1), (1, 2, 2.0, 2), (3, 4, 2.0, 3)]
    each = top_per_node(InnerProductDecoder(), z, torch.tensor([4, 0]), 2, known=torch.tensor([[1], [0]]))
    assert as_rows(each) == [(4, 3, 2.0, 1), (4, 2, -2.0, 2), (0, 2, 3.0, 1), (0, 3, -3.0, 2)]


def test_a_hub_is_nobodys_partner_but_is_answered() -> None:
    known = torch.tensor([[0, 0, 0], [1, 2, 3]])  # node 0 has three neighbours
    z, filters = torch.ones(5, 1), Filters(max_degree=2)
    assert 0 not in top_pairs(InnerProductDecoder(), z, 99, known=known, filters=filters).pairs
    found = top_per_node(InnerProductDecoder(), z, torch.tensor([4, 0]), 9, known=known, filters=filters)
    assert found.pairs.t().tolist() == [[4, 1], [4, 2], [4, 3], [0, 4]]


def test_what_beats_the_best_late_still_comes_first(generator: torch.Generator) -> None:
    """Logits that grow from row to row, so that each block drives out all before it."""
    table = torch.arange(90_000.0).view(300, 300)
    known = torch.randint(300, (2, 500), generator=generator)
    found = top_pairs(TableDecoder(table), torch.empty(300, 1), 70, known=known)
    allowed = table.triu(1)
    allowed[known[0], known[1]] = allowed[known[1], known[0]] = 0
    assert torch.equal(found.scores, allowed.flatten().topk(70).values)
    assert torch.equal(table[found.pairs[0], found.pairs[1]], found.scores)


def test_a_decoders_own_numbers_are_left_as_they_are() -> None:
    decoder = TableDecoder(torch.ones(4, 4))
    top_pairs(decoder, torch.empty(4, 1), 2, known=torch.tensor([[0], [1]]))
    top_per_node(decoder, torch.empty(4, 1), torch.arange(4), 2, known=NOTHING, filters=Filters(min_score=2))
    assert torch.equal(decoder.table, torch.ones(4, 4))


def test_no_more_than_a_block_of_rows_is_asked_for_at_once() -> None:
    asked = []

    class Watched(ConstantDecoder):
        def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
            asked.append(len(z[nodes]))
            return super().rows(z, nodes)

    z = torch.empty(5000, 0)
    top_pairs(Watched(), z, 3, known=NOTHING)
    top_per_node(Watched(), z, torch.arange(5000), 3, known=NOTHING)
    assert sum(asked) == 2 * 5000
    assert max(asked) * 5000 <= 1 << 20


def test_gradients_are_not_recorded() -> None:
    z = torch.ones(3, 1, requires_grad=True)
    assert not top_pairs(InnerProductDecoder(), z, 1, known=NOTHING).scores.requires_grad
    assert not top_per_node(InnerProductDecoder(), z, torch.arange(3), 1, known=NOTHING).scores.requires_grad


def test_no_candidates_no_pairs() -> None:
    z, everything = torch.ones(3, 2), torch.tensor([[0, 0, 1], [1, 2, 2]])
    assert as_rows(top_pairs(InnerProductDecoder(), z, 5, known=everything)) == []
    assert as_rows(top_per_node(InnerProductDecoder(), z, torch.arange(3), 5, known=everything)) == []
    assert as_rows(top_pairs(InnerProductDecoder(), z[:1], 5, known=NOTHING)) == []
    nobody = torch.empty(0, dtype=torch.long)
    assert top_per_node(InnerProductDecoder(), z, nobody, 5, known=NOTHING).pairs.shape == (2, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="ConstantDecoder must give finite logits"):
        top_pairs(ConstantDecoder(value), torch.ones(3, 1), 1, known=NOTHING)
    with pytest.raises(InputError, match="ConstantDecoder must give finite logits"):
        top_per_node(ConstantDecoder(value), torch.ones(3, 1), torch.arange(3), 1, known=NOTHING)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k must be an integer >= 1, got 0"),
        ({"known": torch.tensor([[0], [3]])}, "node indices from 0 to 2, got 0 to 3"),
        ({"decoder": nn.Identity()}, r"Identity has no rows\(z, nodes\)"),
        ({"filters": Filters(sides=torch.tensor([0, 1]))}, r"sides must have shape \(3,\), got \(2,\)"),
        ({"nodes": torch.tensor([0, 3])}, "nodes must be from 0 to 2, got 0 to 3"),
        ({"nodes": torch.tensor([-1])}, "nodes must be from 0 to 2, got -1 to -1"),
        ({"nodes": torch.tensor([0.5])}, r"int64 of shape \(B,\), got torch.float32"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, object], message: str) -> None:
    arguments = {"decoder": InnerProductDecoder(), "z": torch.ones(3, 1), "k": 1, "known": NOTHING} | changes
    if "nodes" not in changes:
        with pytest.raises(InputError, match=message):
            top_pairs(**arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        top_per_node(**({"nodes": torch.arange(3)} | arguments))  # type: ignore[arg-type]


def test_bad_filters_are_refused() -> None:
    with pytest.raises(InputError, match="min_score must be a number, got NaN"):
        Filters(min_score=math.nan)
    with pytest.raises(InputError, match="max_degree must be an integer >= 0, got -1"):
        Filters(max_degree=-1)
    with pytest.raises(InputError, match="sides must hold 0 or 1"):
        Filters(sides=torch.tensor([0, 2]))


def clustered(num_nodes: int, generator: torch.Generator) -> Tensor:
    """40 clusters of different lengths, as of communities."""
    centers = 2 * torch.randn(40, 16, generator=generator)
    noise = torch.randn(num_nodes, 16, generator=generator)
    return centers[torch.randint(40, (num_nodes,), generator=generator)] + 0.3 * noise


@pytest.mark.parametrize("with_sides", [False, True])
def test_the_approximate_search_finds_nine_in_ten(generator: torch.Generator, with_sides: bool) -> None:
    pytest.importorskip("faiss")
    z = clustered(6000, generator)
    known = torch.randint(6000, (2, 20_000), generator=generator)
    sides = torch.randint(2, (6000,), generator=generator) if with_sides else None
    filters = Filters(sides=sides, max_degree=12, min_score=0.0)
    nodes = torch.randperm(6000, generator=generator)[:2000]
    exact, fast = (
        top_per_node(
            InnerProductDecoder(), z, nodes, 10, known=known, filters=filters, approximate=approximate
        )
        for approximate in (False, True)
    )
    found, reference = ({tuple(pair) for pair in ranking.pairs.t().tolist()} for ranking in (fast, exact))
    assert len(found & reference) >= 0.9 * len(reference)
    assert torch.allclose(fast.scores, InnerProductDecoder()(z, fast.pairs))
    # What comes is allowed, in the order of the nodes that were asked, and best first.
    edges = {frozenset(edge) for edge in known.t().tolist() if edge[0] != edge[1]}
    degree = Counter(itertools.chain.from_iterable(edges))
    assert all(i != j and frozenset((i, j)) not in edges and degree[j] <= 12 for i, j in found)
    assert sides is None or (sides[fast.pairs[0]] != sides[fast.pairs[1]]).all()
    assert fast.scores.min() >= 0
    place = torch.empty(6000, dtype=torch.long)
    place[nodes] = torch.arange(2000)
    assert torch.equal(fast.rank == 1, place[fast.pairs[0]].diff(prepend=torch.tensor([-1])) > 0)
    assert (fast.scores.diff()[fast.rank[1:] > 1] <= 0).all()


@pytest.mark.parametrize("num_nodes", [2, 30])
def test_on_a_small_graph_the_approximate_search_is_exact(num_nodes: int, generator: torch.Generator) -> None:
    pytest.importorskip("faiss")
    z = torch.randint(-3, 4, (num_nodes, 4), generator=generator).float()
    known = torch.randint(num_nodes, (2, num_nodes), generator=generator)
    for filters in (
        Filters(),
        Filters(sides=torch.zeros(num_nodes)),
        Filters(min_score=1.0),
        Filters(max_degree=1),
    ):
        exact, fast = (
            top_per_node(
                InnerProductDecoder(),
                z,
                torch.arange(num_nodes),
                5,
                known=known,
                filters=filters,
                approximate=approximate,
            )
            for approximate in (False, True)
        )
        assert as_rows(fast) == as_rows(exact)


def test_the_approximate_search_repeats_itself(generator: torch.Generator) -> None:
    pytest.importorskip("faiss")
    z = clustered(4000, generator)
    first, second = (
        top_per_node(InnerProductDecoder(), z, torch.arange(4000), 5, known=NOTHING, approximate=True)
        for _ in range(2)
    )
    assert torch.equal(first.pairs, second.pairs)
    assert torch.equal(first.scores, second.scores)


def test_the_approximate_search_is_for_the_inner_product_alone() -> None:
    class Scaled(InnerProductDecoder):
        pass

    with pytest.raises(InputError, match="needs an InnerProductDecoder, got Scaled"):
        top_per_node(Scaled(), torch.ones(3, 1), torch.arange(3), 1, known=NOTHING, approximate=True)


@pytest.mark.parametrize(("pairs", "approximate"), [(59 * 60, True), (60 * 60, False)])
def test_the_index_is_used_where_it_pays(
    pairs: int, approximate: bool, monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    monkeypatch.setattr(gvae.ranking, "EXACT_UP_TO", pairs)
    made: list[str] = []
    for kind in (gvae.ranking._Approximate, gvae.ranking._Exact):
        original = kind.__init__

        def spy(self: object, candidates: object, original: Any = original) -> None:
            made.append(type(self).__name__)
            original(self, candidates)

        monkeypatch.setattr(kind, "__init__", spy)
    z = torch.randn(60, 4, generator=generator)
    known = torch.tensor([[0, 1], [1, 0]])
    top_per_node(InnerProductDecoder(), z, torch.arange(60), 3, known=known, approximate=None)
    assert made == ["_Approximate" if approximate else "_Exact"]


def test_without_faiss_all_is_scored_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    monkeypatch.setattr(gvae.ranking, "EXACT_UP_TO", 1)
    monkeypatch.setitem(sys.modules, "faiss", None)
    z, known = torch.randn(9, 4, generator=generator), torch.tensor([[0, 1], [1, 0]])
    with pytest.warns(GvaeWarning, match="81 pairs are scored, which takes long"):
        found = top_per_node(InnerProductDecoder(), z, torch.arange(9), 2, known=known, approximate=None)
    assert found.pairs.shape == (2, 18)
