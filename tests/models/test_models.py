from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gvae.datasets import load
from gvae.errors import InputError, UnknownNameError
from gvae.layers import GaussianPosterior, PointPosterior
from gvae.models import GAE, VGAE, build


class Identity(nn.Module):
    """An injected encoder whose answer is known: x itself, once or twice."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, ...]:
        return (x,) * self.heads


X = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
EDGES = torch.tensor([[0, 1], [1, 0]])


def test_gae_with_an_identity_encoder() -> None:
    model = GAE(Identity(1))
    posterior = model.encode(X, EDGES)
    assert isinstance(posterior, PointPosterior)
    assert torch.equal(posterior.mean, X)
    assert model.decode(posterior.mean, torch.tensor([[0], [1]])).tolist() == [1.0]


def test_vgae_with_an_identity_encoder() -> None:
    posterior = VGAE(Identity(2)).encode(X, EDGES)
    assert isinstance(posterior, GaussianPosterior)
    assert torch.equal(posterior.mean, X)
    assert torch.equal(posterior.logstd, X)


def test_the_encoder_may_give_one_tensor() -> None:
    class Same(nn.Module):
        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            return x

    assert torch.equal(GAE(Same()).encode(X, EDGES).mean, X)


def test_an_encoder_with_the_wrong_number_of_outputs_is_refused() -> None:
    with pytest.raises(InputError, match=r"must give \(z\), got 2 tensors"):
        GAE(Identity(2)).encode(X, EDGES)
    with pytest.raises(InputError, match=r"must give \(mu, logstd\), got 1 tensors"):
        VGAE(Identity(1)).encode(X, EDGES)


def test_the_decoder_is_injected() -> None:
    class Constant(nn.Module):
        def forward(self, z: Tensor, pairs: Tensor) -> Tensor:
            return torch.full((pairs.size(1),), 7.0)

        def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
            return torch.full((len(z[nodes]), len(z)), 7.0)

    model = GAE(Identity(1), Constant())
    assert model.decode(X, torch.tensor([[0], [1]])).tolist() == [7.0]


@pytest.mark.parametrize(("name", "heads"), [("gae", ["mu"]), ("vgae", ["mu", "logstd"])])
def test_build_fits_the_graph(name: str, heads: list[str], random_graph: Callable[..., Data]) -> None:
    data = random_graph(num_features=11)
    sizes = {key: tuple(p.shape) for key, p in build(name, data, hidden=6, latent=3).named_parameters()}
    head_sizes = {f"encoder.heads.{head}.lin.weight": (3, 6) for head in heads}
    assert sizes == {"encoder.W0.lin.weight": (6, 11)} | head_sizes


def test_a_featureless_graph_gets_a_row_of_w0_for_each_node() -> None:
    data = load("karate")
    model = build("vgae", data)
    assert tuple(model.get_parameter("encoder.W0.lin.weight").shape) == (32, 34)
    assert model.encode(None, data.edge_index).mean.shape == (34, 16)


def test_weights_depend_on_the_seed_alone(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    torch.manual_seed(1)
    first = build("vgae", data, seed=3).state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, other = (build("vgae", data, seed=seed).state_dict() for seed in (3, 4))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first)


def test_unknown_models_and_bad_sizes_are_refused(random_graph: Callable[..., Data]) -> None:
    with pytest.raises(UnknownNameError, match="unknown model 'vage'; did you mean"):
        build("vage", random_graph())
    with pytest.raises(InputError, match="out_channels must be an integer >= 1, got -2"):
        build("vgae", random_graph(), latent=-2)


def test_embed_is_the_mean_along_all_weighted_edges(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    data.edge_weight = torch.rand(data.num_edges)
    model = build("vgae", data)
    with torch.no_grad():
        plain = model.encode(data.x, data.edge_index).mean
        weighted = model.encode(data.x, data.edge_index, data.edge_weight).mean
        other = model.encode(2 * data.x, data.edge_index, data.edge_weight).mean
    assert not torch.allclose(plain, weighted)
    assert torch.equal(model.embed(data), weighted)
    assert torch.equal(model.embed(data, 2 * data.x), other)
    assert not model.embed(data).requires_grad


def test_encoders_that_take_no_weights_are_not_given_any() -> None:
    x = torch.eye(2)
    assert torch.equal(GAE(Identity(1)).encode(x, torch.zeros(2, 0)).mean, x)
    with pytest.raises(TypeError):
        GAE(Identity(1)).encode(x, torch.zeros(2, 0), torch.ones(0))
