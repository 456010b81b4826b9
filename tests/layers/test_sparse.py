from __future__ import annotations

import gc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from gvae.errors import InputError
from gvae.layers import normalized_adjacency, propagate, sparse_matmul
from gvae.layers.sparse import _transpose, operator


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_product_and_gradient_equal_dense_algebra(rows: int, columns: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    dense = torch.rand(rows, columns, generator=generator, dtype=torch.double)
    dense = dense * (torch.rand(rows, columns, generator=generator) < 0.2)
    b = torch.rand(columns, 3, generator=generator, dtype=torch.double, requires_grad=True)
    g = torch.rand(rows, 3, generator=generator, dtype=torch.double)
    product = sparse_matmul(dense.to_sparse_csr(), b)
    assert torch.allclose(product, dense @ b)
    (gradient,) = torch.autograd.grad(product, b, g)
    assert torch.allclose(gradient, dense.t() @ g)


def test_the_gradient_can_be_differentiated_again(generator: torch.Generator) -> None:
    matrix = torch.eye(4, 3, dtype=torch.double).to_sparse_csr()
    b = torch.rand(3, 2, generator=generator, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda b: sparse_matmul(matrix, b.square()), b)


def test_tensors_made_in_inference_mode_can_be_used() -> None:
    with torch.inference_mode():
        matrix = torch.eye(3).to_sparse_csr()
        assert torch.equal(sparse_matmul(matrix, torch.ones(3, 1)), torch.ones(3, 1))
        assert torch.equal(operator(matrix, transposed=True).to_dense(), torch.eye(3))


def test_the_transpose_is_remembered_while_the_matrix_lives() -> None:
    dense = torch.tensor([[1.0, 2.0], [0.0, 3.0], [4.0, 0.0]])
    matrix = dense.to_sparse_csr()
    first = operator(matrix, transposed=True)
    assert operator(matrix, transposed=True) is first
    assert torch.equal(first.to_dense(), dense.t())
    matrix.values().mul_(2)
    assert torch.equal(operator(matrix, transposed=True).to_dense(), 2 * dense.t())
    known = len(_transpose._known)
    del matrix, first
    gc.collect()
    assert len(_transpose._known) < known


@pytest.mark.parametrize("dense", [torch.eye(3), torch.tensor([[1.0, 2.0], [2.0, 0.0]])])
def test_a_symmetric_matrix_is_its_own_transpose_and_is_not_kept_alive(dense: torch.Tensor) -> None:
    matrix = dense.to_sparse_csr()
    assert operator(matrix, transposed=True) is operator(matrix, transposed=False)
    known = len(_transpose._known)
    del matrix
    gc.collect()
    assert len(_transpose._known) < known


def test_products_have_indices_of_32_bits(path_graph: Data) -> None:
    """Torch would make them anew, from 64 bits, for each product."""
    for matrix in (torch.rand(3, 4).to_sparse_csr(), normalized_adjacency(path_graph.edge_index, 4)):
        for transposed in (False, True):
            assert operator(matrix, transposed).col_indices().dtype == torch.int32


def test_weights_are_in_the_adjacency_and_each_weight_tensor_has_its_own() -> None:
    edge_index = torch.tensor([[0, 1], [1, 0]])
    plain = normalized_adjacency(edge_index, 2)
    weight = torch.tensor([3.0, 3.0])
    weighted = normalized_adjacency(edge_index, 2, edge_weight=weight)
    assert torch.allclose(plain.to_dense(), torch.full((2, 2), 0.5))
    assert torch.allclose(weighted.to_dense(), torch.tensor([[0.25, 0.75], [0.75, 0.25]]))
    assert normalized_adjacency(edge_index, 2, edge_weight=weight) is weighted
    assert normalized_adjacency(edge_index, 2, edge_weight=weight.clone()) is not weighted
    weight.fill_(1)
    assert torch.allclose(
        normalized_adjacency(edge_index, 2, edge_weight=weight).to_dense(), plain.to_dense()
    )


def test_propagate_is_a_power_of_the_adjacency() -> None:
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    z = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    A = normalized_adjacency(edge_index, 3).to_dense()
    assert torch.equal(propagate(z, edge_index, 0), z)
    assert torch.allclose(propagate(z, edge_index, 3), A @ A @ A @ z)
    with pytest.raises(InputError, match="steps must be an integer >= 0, got -1"):
        propagate(z, edge_index, -1)
