from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.heart import hard_negatives, heart_similarities
from gvae.data.similarity import Similarity
from gvae.errors import InputError

NO_EDGES = torch.zeros(2, 0, dtype=torch.long)
EDGES = torch.tensor([[0, 9, 25], [4, 30, 59]])


class Dense:
    """A similarity given as a matrix ``(N, N)``."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix

    def rows(self, nodes: Tensor) -> Tensor:
        return self.matrix[nodes]

    def pairs(self, pairs: Tensor) -> Tensor:
        return self.matrix[pairs[0], pairs[1]]


@dataclass(frozen=True)
class Case:
    """What `hard_negatives` is asked."""

    positives: Tensor
    similarities: list[Similarity]
    known: Tensor
    num_nodes: int

    def negatives(self, candidates: int, seed: int = 0, block: int = 2**22) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return hard_negatives(
            self.positives,
            self.similarities,
            self.known,
            self.num_nodes,
            generator=generator,
            candidates=candidates,
            block=block,
        )

    def lists(self) -> list[tuple[int, int]]:
        """End and other end of each list of candidates: every source, then every target."""
        pairs = [tuple(pair) for pair in self.positives.t().tolist()]
        return [(s, t) for s, t in pairs] + [(t, s) for s, t in pairs]

    def allowed(self, end: int, other: int) -> list[int]:
        known = {frozenset(pair) for pair in self.known.t().tolist()}
        return [
            c for c in range(self.num_nodes) if c not in (end, other) and frozenset((end, c)) not in known
        ]


def candidates_of(pairs: Tensor, positives: Tensor) -> Tensor:
    """The candidates in pairs ``(2, P, 2 K)``, ``(2 P, K)``; the other ends are where they should be."""
    of_source, of_target = pairs.chunk(2, dim=2)
    assert (of_source[0] == positives[0].unsqueeze(1)).all()
    assert (of_target[1] == positives[1].unsqueeze(1)).all()
    return torch.cat([of_source[1], of_target[0]])


def reference_keys(case: Case, end: int, other: int) -> dict[int, tuple[int, int]]:
    """Least rank and sum of ranks of each node allowed: the rules one by one, slowly."""
    nodes = case.allowed(end, other)
    ranks = []
    for similarity in case.similarities:
        scores = similarity.rows(torch.tensor([end]))[0, nodes].float().numpy()
        alike = scores > 0
        from_below = rankdata(scores[alike], method="min")
        of_alike = from_below.max(initial=0) - from_below + 1
        rank = np.full(len(nodes), of_alike.max(initial=0) + 1)
        rank[alike] = of_alike
        ranks.append(rank)
    return {c: (int(min(r)), int(sum(r))) for c, *r in zip(nodes, *ranks, strict=True)}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    num_nodes = draw(st.integers(4, 11))
    node = st.integers(0, num_nodes - 1)
    pair = st.tuples(node, node).filter(lambda ends: ends[0] != ends[1])

    def edges(smallest: int, largest: int) -> Tensor:
        pairs = draw(st.lists(pair, min_size=smallest, max_size=largest))
        return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).t()

    row = st.lists(st.integers(-1, 4), min_size=num_nodes, max_size=num_nodes)
    matrix = st.lists(row, min_size=num_nodes, max_size=num_nodes)
    similarities: list[Similarity] = [
        Dense(torch.tensor(scores) / 3) for scores in draw(st.lists(matrix, min_size=1, max_size=3))
    ]
    return Case(edges(1, 6), similarities, edges(0, 8), num_nodes)


def matrix_of(rows: dict[int, list[float]]) -> Dense:
    scores = torch.zeros(8, 8)
    for node, row in rows.items():
        scores[node] = torch.tensor(row)
    return Dense(scores)


def test_ranks_by_hand() -> None:
    """Edge (0, 1) of 8 nodes, where 2 is known as a neighbour of 0; what is masked scores highest."""
    first = matrix_of({0: [9, 9, 9, 5, 3, 3, 1, 0], 1: [9, 9, -1, 0, 8, 8, 1, 0]})
    second = matrix_of({0: [9, 9, 9, 0, 2, 0, 7, 0], 1: [9, 9, 0, 0, 0, 0, 0, 0]})
    case = Case(torch.tensor([[0], [1]]), [first, second], torch.tensor([[2], [0]]), 8)
    of_source, of_target = candidates_of(case.negatives(4), case.positives).tolist()
    # Of 0, nodes 3 to 7: ranks 1 3 3 4 5 and 3 2 3 1 3, so least 1 2 3 1 3 and sums 4 5 6 5 8.
    assert of_source == [3, 6, 4, 5]
    # Of 1, nodes 2 to 7: ranks 3 3 1 1 2 3 and 1 throughout (none is similar): the sums decide.
    assert set(of_target[:2]) == {4, 5}
    assert of_target[2] == 6
    assert of_target[3] in {2, 3, 7}


@given(cases(), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_the_hardest_nodes_are_chosen_in_order(case: Case, seed: int) -> None:
    most = min(len(case.allowed(*ends)) for ends in case.lists())
    for candidates in {1, most} if most else set():
        pairs = case.negatives(candidates, seed)
        assert pairs.shape == (2, case.positives.size(1), 2 * candidates)
        assert pairs.dtype == torch.long
        chosen = candidates_of(pairs, case.positives).tolist()
        for ends, nodes in zip(case.lists(), chosen, strict=True):
            keys = reference_keys(case, *ends)  # of nodes that are allowed only
            assert len(set(nodes)) == candidates
            assert [keys[node] for node in nodes] == sorted(keys.values())[:candidates]
    with pytest.raises(InputError, match=f"need {most + 1} candidates .* has {most} nodes that are not its"):
        case.negatives(most + 1, seed)


@given(cases(), st.integers(0, 2**32), st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_the_block_changes_nothing(case: Case, seed: int, block: int) -> None:
    most = min(len(case.allowed(*ends)) for ends in case.lists())
    if most:
        assert torch.equal(case.negatives(most, seed), case.negatives(most, seed, block))


def test_ties_are_broken_evenly_at_random() -> None:
    """Nothing is similar: every pair of candidates is as likely as any other, in either order."""
    case = Case(torch.tensor([[0], [1]]).expand(2, 4000), [Dense(torch.zeros(6, 6))], NO_EDGES, 6)
    chosen = candidates_of(case.negatives(2), case.positives).tolist()
    counts = Counter(map(tuple, chosen))
    assert set(counts) == {(i, j) for i in range(2, 6) for j in range(2, 6) if i != j}
    expected = 8000 / 12
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 31.3  # 99.9 % of chi square with 11 degrees of freedom


def test_what_differs_by_rounding_alone_is_a_tie() -> None:
    scores = torch.zeros(4, 4, dtype=torch.double)
    scores[:, 2], scores[:, 3] = 0.3, 0.1 + 0.2
    case = Case(torch.tensor([[0], [1]]).expand(2, 50), [Dense(scores)], NO_EDGES, 4)
    assert set(case.negatives(1)[1, :, 0].tolist()) == {2, 3}


def test_with_the_similarities_of_heart(random_graph: Callable[..., Data]) -> None:
    graph = random_graph(share=0.05)
    similarities = heart_similarities(graph.edge_index, 60, graph.x)
    case = Case(EDGES, similarities, graph.edge_index, 60)
    pairs = case.negatives(20)
    for ends, nodes in zip(case.lists(), candidates_of(pairs, EDGES).tolist(), strict=True):
        keys = reference_keys(case, *ends)
        assert [keys[node] for node in nodes] == sorted(keys.values())[:20]
    assert torch.equal(pairs, case.negatives(20, block=1))


def test_features_count_where_there_are_any(random_graph: Callable[..., Data]) -> None:
    graph = random_graph(share=0.05)
    with_x, without_x = (
        Case(EDGES, heart_similarities(graph.edge_index, 60, x), graph.edge_index, 60)
        for x in (graph.x, None)
    )
    assert [len(case.similarities) for case in (with_x, without_x)] == [3, 2]
    assert not torch.equal(with_x.negatives(20), without_x.negatives(20))


def test_no_edges_have_no_negatives() -> None:
    assert Case(NO_EDGES, [Dense(torch.zeros(3, 3))], NO_EDGES, 3).negatives(5).shape == (2, 0, 10)


def test_too_few_nodes_to_choose_from_are_refused() -> None:
    star = torch.tensor([[0, 0, 0], [1, 2, 3]])
    case = Case(torch.tensor([[4], [0]]), [Dense(torch.zeros(7, 7))], star, 7)
    message = (
        r"hard negatives need 3 candidates for each end of an edge; node 0 has 2 nodes that are not its "
        r"neighbours \(graph of 7 nodes\)"
    )
    with pytest.raises(InputError, match=message):
        case.negatives(3)


@pytest.mark.parametrize(
    ("similarities", "candidates", "block", "message"),
    [
        ([], 1, 1, "similarities must hold at least one, got none"),
        ([Dense(torch.zeros(3, 3))], 0, 1, "candidates must be >= 1, got 0"),
        ([Dense(torch.zeros(3, 3))], 1, 0, "block must be >= 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(
    similarities: list[Similarity], candidates: int, block: int, message: str
) -> None:
    case = Case(torch.tensor([[0], [1]]), similarities, NO_EDGES, 3)
    with pytest.raises(InputError, match=message):
        case.negatives(candidates, block=block)
