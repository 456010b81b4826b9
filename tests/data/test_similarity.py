from __future__ import annotations

import math
from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import make_graph, pagerank, similarity
from gvae.data.pagerank import PageRank
from gvae.data.similarity import SIMILARITIES, Similarity, blocks, make_similarity
from gvae.datasets import load
from gvae.errors import InputError, UnknownNameError

# 0 - 1, 0 - 2, 1 - 2, 2 - 3; node 4 alone.
EDGES = torch.tensor([[0, 0, 1, 2], [1, 2, 2, 3]])
X = torch.tensor([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0], [0.0, 0.0], [-1.0, 0.0]])
EDGE_NAMES = [name for name in SIMILARITIES if name != "cosine"]


def of(name: str, data: Data) -> Similarity:
    return make_similarity(name, data.edge_index, int(data.num_nodes or 0), data.x)


def all_pairs(num_nodes: int) -> Tensor:
    return torch.cartesian_prod(torch.arange(num_nodes), torch.arange(num_nodes)).t()


@st.composite
def graphs(draw: st.DrawFn) -> Data:
    num_nodes = draw(st.integers(1, 14))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=40))
    x = torch.randn(num_nodes, 3, generator=torch.Generator().manual_seed(draw(st.integers(0, 9))))
    return make_graph(torch.tensor(edges, dtype=torch.long).reshape(-1, 2).t(), num_nodes, x=x.relu())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Pairs (0, 1), (1, 3), (0, 3), (3, 4); degrees 2, 2, 3, 1, 0.
        ("common-neighbours", [1, 1, 1, 0]),
        ("adamic-adar", [1 / math.log(3)] * 3 + [0]),
        ("resource-allocation", [1 / 3] * 3 + [0]),
        ("preferential-attachment", [4, 2, 2, 0]),
        # Walks 0 to 1 of 1, 2, 3 steps: 1, 1, 3; 1 to 3: 0, 1, 1.
        ("katz", [0.005 + 0.005**2 + 3 * 0.005**3, *[0.005**2 + 0.005**3] * 2, 0]),
        ("cosine", [0.6, 0, 0, 0]),
    ],
)
def test_similarities_by_hand(name: str, expected: list[float]) -> None:
    found = of(name, make_graph(EDGES, 5, x=X)).pairs(torch.tensor([[0, 1, 0, 3], [1, 3, 3, 4]]))
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_pagerank_of_one_edge_by_hand() -> None:
    """pi_0(0) = a + c pi_0(1) and pi_0(1) = c pi_0(0): 0.15 / (1 - 0.85^2) and 0.85 of it."""
    found = of("pagerank", make_graph(torch.tensor([[0], [1]]), 3))
    here, there = 0.15 / (1 - 0.85**2), 0.85 * 0.15 / (1 - 0.85**2)
    expected = torch.tensor([[here, there, 0], [there, here, 0], [0, 0, 1]])
    torch.testing.assert_close(found.rows(torch.arange(3)), expected, rtol=1e-6, atol=0)
    scores = found.pairs(torch.tensor([[0, 2, 2], [1, 2, 0]]))
    torch.testing.assert_close(scores, torch.tensor([2 * there, 2, 0]), rtol=1e-6, atol=0)


@given(graphs(), st.data())
@settings(max_examples=40, deadline=None)
def test_rows_and_pairs_agree_whatever_the_blocks(data: Data, draw: st.DataObject) -> None:
    """All ordered pairs in one call, and in blocks of a few; symmetric; zero for nodes without an edge."""
    num_nodes = int(data.num_nodes or 0)
    alone = torch.bincount(data.edge_index[0], minlength=num_nodes) == 0
    for name in SIMILARITIES:
        with pytest.MonkeyPatch.context() as patch:
            if draw.draw(st.booleans()):
                patch.setattr(similarity, "BLOCK", 3)
                patch.setattr(pagerank, "BLOCK", 1)
            found = of(name, data)
            rows = found.rows(torch.arange(num_nodes))
            scores = found.pairs(all_pairs(num_nodes)).reshape(num_nodes, num_nodes)
        assert rows.shape == scores.shape
        expected = rows + rows.t() if name == "pagerank" else rows
        torch.testing.assert_close(scores, expected, rtol=2e-6, atol=1e-12)
        torch.testing.assert_close(scores, scores.t(), rtol=2e-6, atol=1e-12)
        if name not in ("pagerank", "katz", "cosine"):
            assert not scores[alone].any()


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_equal_to_dense_algebra(data: Data) -> None:
    num_nodes = int(data.num_nodes or 0)
    A = np.zeros((num_nodes, num_nodes))
    A[data.edge_index[0], data.edge_index[1]] = 1
    degree = A.sum(1)
    with np.errstate(divide="ignore"):
        by_log = np.where(degree > 1, 1 / np.log(degree), 0)
        by_degree = np.where(degree > 0, 1 / degree, 0)
    P = A * by_degree[:, None] + np.diag(degree == 0)
    x = data.x.to_dense().double().numpy()
    norm = np.linalg.norm(x, axis=1)
    unit = x / np.where(norm > 0, norm, 1)[:, None]
    expected = {
        "common-neighbours": A @ A,
        "adamic-adar": A * by_log @ A,
        "resource-allocation": A * by_degree @ A,
        "preferential-attachment": np.outer(degree, degree),
        "katz": sum(0.005**step * np.linalg.matrix_power(A, step) for step in (1, 2, 3)),
        "pagerank": 0.15 * np.linalg.inv(np.eye(num_nodes) - 0.85 * P),
        "cosine": unit @ unit.T,
    }
    for name, matrix in expected.items():
        rows = of(name, data).rows(torch.arange(num_nodes)).double()
        tolerance = 1e-5 if name == "pagerank" else 1e-12
        np.testing.assert_allclose(rows, matrix, rtol=tolerance, atol=1e-15)


@pytest.mark.parametrize("graph", ["karate", "les-miserables"])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("common-neighbours", nx.common_neighbor_centrality),
        ("adamic-adar", nx.adamic_adar_index),
        ("resource-allocation", nx.resource_allocation_index),
        ("preferential-attachment", nx.preferential_attachment),
    ],
)
def test_equal_to_networkx(graph: str, name: str, reference: Callable[..., object]) -> None:
    data = load(graph)
    given_graph: nx.Graph[int] = nx.Graph(data.edge_index.t().tolist())
    pairs = torch.combinations(torch.arange(int(data.num_nodes or 0))).t()
    options = {"alpha": 1.0} if name == "common-neighbours" else {}
    expected = [score for *_, score in reference(given_graph, pairs.t().tolist(), **options)]  # type: ignore[attr-defined]
    assert of(name, data).pairs(pairs).tolist() == pytest.approx(expected, rel=1e-12)


def test_pagerank_equals_networkx() -> None:
    data = load("les-miserables")
    graph: nx.Graph[int] = nx.Graph(data.edge_index.t().tolist())
    rows = of("pagerank", data).rows(torch.tensor([3, 20]))
    for source, row in zip((3, 20), rows, strict=True):
        expected = nx.pagerank(graph, alpha=0.85, personalization={source: 1}, tol=1e-12, max_iter=500)
        assert row.tolist() == pytest.approx([expected[node] for node in range(len(graph))], rel=1e-5)


def test_pagerank_is_precise_far_from_the_source_and_where_unreachable() -> None:
    """A path of 30 nodes: the smallest of the pi_0 is 1e-6 times the largest, and correct to 1e-5."""
    data = make_graph(torch.stack([torch.arange(29), torch.arange(1, 30)]), 31)
    A = torch.zeros(31, 31, dtype=torch.double)
    A[data.edge_index[0], data.edge_index[1]] = 1
    P = A / A.sum(1).clamp(min=1)[:, None]
    exact = (0.15 * torch.linalg.inv(torch.eye(31) - 0.85 * P))[:1]
    found = of("pagerank", data).rows(torch.tensor([0]))
    assert float(exact[0, 29] / exact[0, 0]) < 1e-6
    torch.testing.assert_close(found[:, :30].double(), exact[:, :30], rtol=1e-4, atol=0)
    assert found[0, 30] == 0


def test_a_looser_tolerance_has_fewer_terms_and_the_promised_error() -> None:
    data = load("karate")
    adjacency = nx.to_scipy_sparse_array(nx.Graph(data.edge_index.t().tolist()), nodelist=range(34))
    exact = PageRank(adjacency).rows(torch.arange(34))
    loose = PageRank(adjacency, tolerance=1e-3)
    degree = torch.from_numpy(np.diff(adjacency.indptr)).float()
    error = (loose.rows(torch.arange(34)) - exact).abs() * (degree[:, None] / degree).sqrt()
    assert 1e-7 < float(error.max()) < 1e-3
    assert loose._series.terms < 15


def test_spectral_tells_parts_and_communities_apart() -> None:
    """Two cliques of 8 joined by an edge, a triangle, a node alone: 1 within, less across, 0 between."""
    graph = nx.disjoint_union_all([nx.complete_graph(8), nx.complete_graph(8), nx.complete_graph(3)])
    graph.add_edges_from([(0, 8)])
    graph.add_node(19)
    found = of("spectral", make_graph(torch.tensor(list(graph.edges)).t(), 20))
    within, across, triangle, apart, alone = found.pairs(
        torch.tensor([[1, 1, 16, 1, 1], [2, 9, 17, 16, 19]])
    ).tolist()
    assert within > 0.9
    assert across < within - 0.5
    assert triangle == pytest.approx(1)
    assert (apart, alone) == (0, 0)


def test_spectral_of_a_large_graph_equals_all_eigenvectors(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = nx.disjoint_union_all([nx.random_partition_graph([40] * 8, 0.3, 0.02, seed=0), nx.path_graph(3)])
    data = make_graph(torch.tensor(list(graph.edges)).t(), 324)
    monkeypatch.setattr(similarity, "TOL", 0)
    by_lanczos = of("spectral", data).rows(torch.arange(324))
    monkeypatch.setattr(similarity, "SMALL", 1000)
    torch.testing.assert_close(by_lanczos, of("spectral", data).rows(torch.arange(324)), rtol=0, atol=1e-8)


def test_sparse_and_dense_features_give_the_same_cosine() -> None:
    data = make_graph(EDGES, 5, x=X)
    dense, sparse = (
        make_similarity("cosine", data.edge_index, 5, x).rows(torch.arange(5)) for x in (X, X.to_sparse_csr())
    )
    assert torch.equal(dense, sparse)
    assert dense[3].tolist() == [0] * 5
    assert dense.diagonal().tolist() == pytest.approx([1, 1, 1, 0, 1])


@pytest.mark.parametrize("name", SIMILARITIES)
def test_graphs_without_edges_and_lists_without_pairs(name: str) -> None:
    none = torch.zeros(2, 0, dtype=torch.long)
    found = make_similarity(name, none, 3, torch.zeros(3, 2))
    assert found.pairs(torch.tensor([[0], [1]])).tolist() == [0]
    assert found.pairs(none).shape == (0,)
    assert found.rows(none[0]).shape == (0, 3)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 12))
def test_blocks_are_all_items_in_order(cost: list[int], budget: int) -> None:
    items = np.array(cost, dtype=np.int64)
    parts = [cost[part] for part in blocks(items, budget)]
    assert [item for part in parts for item in part] == cost
    assert all(len(part) for part in parts)
    assert all(sum(part[1:]) <= budget for part in parts)


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown similarity 'adamic'; did you mean adamic-adar"):
        make_similarity("adamic", EDGES, 5)
    with pytest.raises(InputError, match="cosine needs node features; the graph has none"):
        make_similarity("cosine", EDGES, 5)
    with pytest.raises(InputError, match="node indices from 0 to 2, got 0 to 3"):
        make_similarity("katz", EDGES, 3)
