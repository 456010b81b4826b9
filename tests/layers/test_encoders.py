from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from gvae.errors import InputError
from gvae.layers import GCNEncoder, normalized_adjacency


def dense_normalized(adjacency: Tensor) -> Tensor:
    """A~ = D^-1/2 (A + I) D^-1/2, by the formula."""
    with_loops = adjacency + torch.eye(len(adjacency), dtype=torch.double)
    scale = with_loops.sum(1).rsqrt().diag()
    return scale @ with_loops @ scale


def make_encoder(in_channels: int, **kwargs: object) -> GCNEncoder:
    generator = torch.Generator().manual_seed(0)
    return GCNEncoder(in_channels, 5, 3, generator=generator, **kwargs)  # type: ignore[arg-type]


def test_normalization_by_hand(path_graph: Data) -> None:
    """Degrees with loops are 2, 3, 2, 1; entries are 1 / sqrt(d_i d_j)."""
    a, b = 1 / 6**0.5, 1 / 3
    expected = [[0.5, a, 0, 0], [a, b, a, 0], [0, a, 0.5, 0], [0, 0, 0, 1]]
    found = normalized_adjacency(path_graph.edge_index, 4, torch.double).to_dense()
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.double), atol=1e-12)


@pytest.mark.parametrize("features", ["dense", "sparse", "none"])
def test_encoder_equals_the_dense_formula(
    random_graph: Callable[..., Data], dense_adjacency: Callable[..., Tensor], features: str
) -> None:
    data = random_graph()
    assert data.x is not None
    num_nodes = data.x.size(0)
    dense = torch.eye(num_nodes, dtype=torch.double) if features == "none" else data.x.double()
    x = {"dense": dense, "sparse": dense.to_sparse_csr(), "none": None}[features]
    encoder = make_encoder(dense.size(1)).double()
    mu, logstd = encoder(x, data.edge_index)

    a = dense_normalized(dense_adjacency(data.edge_index, num_nodes))
    w0 = encoder.W0.lin.weight.t()
    hidden = a @ (a @ dense @ w0).relu()
    for found, head in ((mu, "mu"), (logstd, "logstd")):
        weight = encoder.get_parameter(f"heads.{head}.lin.weight").t()
        assert torch.allclose(found, hidden @ weight, atol=1e-12)


@pytest.mark.parametrize("features", ["dense", "sparse", "none"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float, 1e-5), (torch.double, 1e-10)])
def test_values_and_gradients_equal_plain_gcnconv(
    random_graph: Callable[..., Data], features: str, dtype: torch.dtype, tolerance: float
) -> None:
    data = random_graph()
    assert data.x is not None
    dense = torch.eye(len(data.x), dtype=dtype) if features == "none" else data.x.to(dtype)
    x = {"dense": dense, "sparse": dense.to_sparse_csr(), "none": None}[features]
    encoder = make_encoder(dense.size(1), heads=("mu",)).to(dtype)
    first, second = (GCNConv(i, o, bias=False).to(dtype) for i, o in ((dense.size(1), 5), (5, 3)))
    with torch.no_grad():
        first.lin.weight.copy_(encoder.W0.lin.weight)
        second.lin.weight.copy_(encoder.get_parameter("heads.mu.lin.weight"))

    found = encoder(x, data.edge_index)[0]
    expected = second(first(dense, data.edge_index).relu(), data.edge_index)
    assert torch.allclose(found, expected, atol=tolerance)
    found.square().sum().backward()
    expected.square().sum().backward()
    for name, reference in (("W0.lin.weight", first), ("heads.mu.lin.weight", second)):
        gradient, other = encoder.get_parameter(name).grad, reference.lin.weight.grad
        assert gradient is not None
        assert torch.allclose(gradient, other, rtol=10 * tolerance, atol=10 * tolerance)


def test_a_second_graph_is_not_served_from_the_first(random_graph: Callable[..., Data]) -> None:
    """The trap of GCNConv(cached=True)."""
    one, two = random_graph(seed=1), random_graph(seed=2)
    encoder = make_encoder(8)
    encoder(one.x, one.edge_index)
    reused = encoder(two.x, two.edge_index)[0]
    fresh = encoder(two.x, two.edge_index.clone())[0]
    assert torch.equal(reused, fresh)


def test_a_graph_changed_in_place_is_normalized_anew(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    before = normalized_adjacency(data.edge_index, 60).to_dense()
    data.edge_index[1, 0] = (data.edge_index[1, 0] + 30) % 60
    after = normalized_adjacency(data.edge_index, 60).to_dense()
    assert torch.equal(after, normalized_adjacency(data.edge_index.clone(), 60).to_dense())
    assert not torch.equal(before, after)


def test_the_number_of_nodes_and_the_type_are_part_of_what_is_remembered(path_graph: Data) -> None:
    small = normalized_adjacency(path_graph.edge_index, 4)
    assert normalized_adjacency(path_graph.edge_index, 4) is small
    assert normalized_adjacency(path_graph.edge_index, 5).shape == (5, 5)
    assert normalized_adjacency(path_graph.edge_index, 5, torch.double).dtype == torch.double


def test_nodes_out_of_range_are_refused(path_graph: Data) -> None:
    """A featureless model has as many nodes as rows of W0."""
    with pytest.raises(InputError, match="node indices from 0 to 1, got 0 to 2"):
        make_encoder(2)(None, path_graph.edge_index)


def test_glorot_weights_come_from_the_generator() -> None:
    encoder, again = make_encoder(100), make_encoder(100)
    weight = encoder.W0.lin.weight
    assert torch.equal(weight, again.W0.lin.weight)
    bound = (6 / (100 + 5)) ** 0.5
    assert 0.9 * bound < weight.abs().max() <= bound
    assert not any("bias" in name for name, _ in encoder.named_parameters())


def test_wrong_sizes_are_refused(path_graph: Data) -> None:
    with pytest.raises(InputError, match="x must have 5 columns, got 2"):
        make_encoder(5)(path_graph.x, path_graph.edge_index)
    with pytest.raises(InputError, match="hidden_channels must be an integer >= 1, got 0"):
        GCNEncoder(5, 0)
