from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from gvae.errors import InputError
from gvae.layers import GCNEncoder, normalized_adjacency
from gvae.layers.sparse import propagated_features


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


def features_of(kind: str, data: Data, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """Features, dense for the reference, and as the encoder gets them."""
    assert data.x is not None
    dense = torch.eye(len(data.x), dtype=dtype) if kind == "none" else data.x.to(dtype)
    if kind == "one-hot":
        dense = torch.eye(4, dtype=dtype)[torch.arange(len(data.x)) % 4]
    return dense, None if kind == "none" else dense if kind == "dense" else dense.to_sparse_csr()


@pytest.mark.parametrize("kind", ["dense", "sparse", "one-hot", "none"])
@pytest.mark.parametrize("heads", [("mu",), ("mu", "logstd")])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float, 1e-5), (torch.double, 1e-10)])
def test_values_and_gradients_equal_plain_gcnconv(
    random_graph: Callable[..., Data],
    kind: str,
    heads: tuple[str, ...],
    dtype: torch.dtype,
    tolerance: float,
) -> None:
    """One head is narrower than W0, two are not: the heads' product is on either side of the propagation."""
    data = random_graph()
    dense, x = features_of(kind, data, dtype)
    encoder = make_encoder(dense.size(1), heads=heads).to(dtype)
    plain = {
        "W0": GCNConv(dense.size(1), 5, bias=False),
        **{head: GCNConv(5, 3, bias=False) for head in heads},
    }
    weights = {name: f"{'' if name == 'W0' else 'heads.'}{name}.lin.weight" for name in plain}
    with torch.no_grad():
        for name, layer in plain.items():
            layer.to(dtype).lin.weight.copy_(encoder.get_parameter(weights[name]))

    found = encoder(x, data.edge_index)
    hidden = plain["W0"](dense, data.edge_index).relu()
    expected = tuple(plain[head](hidden, data.edge_index) for head in heads)
    assert len(found) == len(expected)
    for ours, reference in zip(found, expected, strict=True):
        assert torch.allclose(ours, reference, atol=tolerance)
    torch.cat(found).pow(3).sum().backward()  # type: ignore[no-untyped-call]
    torch.cat(expected).pow(3).sum().backward()  # type: ignore[no-untyped-call]
    for name, layer in plain.items():
        gradient = encoder.get_parameter(weights[name]).grad
        assert gradient is not None
        assert torch.allclose(gradient, layer.lin.weight.grad, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize(("kind", "made"), [("dense", True), ("one-hot", True), ("sparse", False)])
def test_features_are_propagated_beforehand_where_that_has_fewer_products(
    random_graph: Callable[..., Data], kind: str, made: bool
) -> None:
    data = random_graph()
    dense, x = features_of(kind, data, torch.float)
    assert x is not None
    adjacency = normalized_adjacency(data.edge_index, len(dense))
    propagated = propagated_features(x, adjacency)
    assert (propagated is not None) == made
    if propagated is not None:
        assert propagated.layout == x.layout
        assert torch.allclose(propagated.to_dense(), adjacency.to_dense() @ dense, atol=1e-6)
        assert propagated_features(x, adjacency) is propagated


@pytest.mark.parametrize("kind", ["dense", "sparse", "one-hot", "none"])
@pytest.mark.parametrize("heads", [("mu",), ("mu", "logstd")])
def test_gradients_are_right_where_the_adjacency_is_not_symmetric(
    random_graph: Callable[..., Data], kind: str, heads: tuple[str, ...]
) -> None:
    data = random_graph()
    dense, x = features_of(kind, data, torch.double)
    one_way = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    encoder = make_encoder(dense.size(1), heads=heads).double()

    def outputs(*weights: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip((name for name, _ in encoder.named_parameters()), weights, strict=True))
        found: tuple[Tensor, ...] = torch.func.functional_call(encoder, named, (x, one_way))
        return found

    assert torch.autograd.gradcheck(outputs, tuple(encoder.parameters()))


def test_features_that_are_learned_get_their_gradient(random_graph: Callable[..., Data]) -> None:
    """They go layer by layer, which gives the same."""
    data = random_graph()
    assert data.x is not None
    x = data.x.clone().requires_grad_()
    encoder = make_encoder(8)
    learned = encoder(x, data.edge_index)
    for ours, reference in zip(learned, encoder(data.x, data.edge_index), strict=True):
        assert torch.allclose(ours, reference, atol=1e-6)
    learned[0].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_there_is_no_second_derivative(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    encoder = make_encoder(8)
    mu = encoder(data.x, data.edge_index)[0]
    (gradient,) = torch.autograd.grad(mu.square().sum(), encoder.W0.lin.weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()  # type: ignore[no-untyped-call]


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
