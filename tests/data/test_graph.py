from __future__ import annotations

import pytest
import torch

from gvae.data import make_graph
from gvae.data.graph import both_directions, select_rows, unique_edges, without_isolated
from gvae.errors import InputError


def test_edges_become_symmetric_coalesced_and_without_loops() -> None:
    data = make_graph(torch.tensor([[1, 0, 2, 2, 1], [0, 1, 2, 1, 2]]), 5)
    assert data.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert data.is_undirected()


def test_isolated_nodes_are_kept() -> None:
    data = make_graph(torch.tensor([[0], [1]]), 7)
    assert data.num_nodes == 7
    assert data.has_isolated_nodes()


def test_directions_are_kept_when_asked_for() -> None:
    data = make_graph(torch.tensor([[2, 0, 2], [0, 1, 0]]), 3, directed=True)
    assert data.edge_index.tolist() == [[0, 2], [1, 0]]


def test_features_are_sparse_when_mostly_zero_and_dense_otherwise() -> None:
    edges = torch.tensor([[0], [1]])
    sparse = make_graph(edges, 10, x=torch.eye(10)).x
    dense = make_graph(edges, 10, x=torch.ones(10, 3)).x
    assert sparse is not None
    assert dense is not None
    assert sparse.layout == torch.sparse_csr
    assert torch.equal(sparse.to_dense(), torch.eye(10))
    assert dense.layout == torch.strided


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.bool])
def test_features_come_out_in_the_default_float_type(dtype: torch.dtype) -> None:
    dense = torch.tensor([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]).to(dtype)
    for x in (dense, dense.to_sparse(), dense.to_sparse_csr()):
        found = make_graph(torch.tensor([[0], [1]]), 2, x=x).x
        assert found is not None
        assert (found.layout, found.dtype) == (torch.sparse_csr, torch.float32)
        assert torch.equal(found.to_dense(), dense.float())


def test_other_sparse_layouts_are_refused() -> None:
    with pytest.raises(InputError, match=r"x must be dense, COO or CSR, got torch\.sparse_csc"):
        make_graph(torch.tensor([[0], [1]]), 2, x=torch.eye(2).to_sparse_csc())


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (torch.zeros(3, 10, dtype=torch.long), r"shape \(2, E\), got \(3, 10\)"),
        (torch.zeros(2, 3), "int64 node indices, got torch.float32"),
        (torch.tensor([[0], [4]]), "from 0 to 3, got 0 to 4"),
        (torch.tensor([[-1], [2]]), "from 0 to 3, got -1 to 2"),
    ],
)
def test_bad_edges_are_refused(edges: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_graph(edges, 4)


def test_bad_features_and_labels_are_refused() -> None:
    edges = torch.tensor([[0], [1]])
    with pytest.raises(InputError, match=r"x must have shape \(4, D\), one row a node, got \(3, 2\)"):
        make_graph(edges, 4, x=torch.ones(3, 2))
    with pytest.raises(InputError, match=r"y must have shape \(2,\)"):
        make_graph(edges, 2, y=torch.zeros(3, dtype=torch.long))


def test_a_list_is_not_a_tensor() -> None:
    with pytest.raises(InputError, match=r"edge_index must be a torch\.Tensor, got list"):
        make_graph([[0, 1], [1, 2]], 3)  # type: ignore[arg-type]


def test_unique_edges_and_back() -> None:
    edges = unique_edges(torch.tensor([[3, 0, 1, 2, 2], [1, 1, 0, 2, 3]]), 4)
    assert edges.tolist() == [[0, 1, 2], [1, 3, 3]]
    assert both_directions(edges).tolist() == [[0, 1, 2, 1, 3, 3], [1, 3, 3, 0, 1, 2]]


def test_isolated_nodes_go_and_all_else_stays_with_its_node() -> None:
    """Nodes 1 and 3 of five are alone."""
    data = make_graph(
        torch.tensor([[0, 2], [2, 4]]),
        5,
        x=torch.arange(10.0).view(5, 2),
        y=torch.arange(5),
        edge_weight=torch.tensor([3.0, 7.0]),
    )
    smaller = without_isolated(data)
    assert smaller.num_nodes == 3
    assert smaller.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert smaller.x.tolist() == [[0, 1], [4, 5], [8, 9]]
    assert smaller.y.tolist() == [0, 2, 4]
    assert smaller.edge_weight.tolist() == [3, 3, 7, 7]
    assert smaller.node_ids == [0, 2, 4]
    assert without_isolated(smaller) is smaller


def test_rows_of_sparse_features_are_those_of_dense_ones() -> None:
    dense = torch.tensor([[0, 0, 1.0], [0, 0, 0], [2, 0, 3]])
    rows = torch.tensor([2, 0])
    sparse = select_rows(dense.to_sparse_csr(), rows)
    assert sparse.layout == torch.sparse_csr
    assert torch.equal(sparse.to_dense(), select_rows(dense, rows))
