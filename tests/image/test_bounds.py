"""Bounds of log p(x) against a model whose log p(x) is known: linear, with normal noise."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from gvae.errors import InputError
from gvae.image import passes
from gvae.image.bounds import elbo_parts, log_likelihood, negative_elbo
from gvae.image.images import Images
from gvae.image.likelihoods import Gaussian
from gvae.image.registry import Sizes, build_image_model
from gvae.image.vae import VAE

SHAPE = (1, 2, 2)
NOISE = 0.5
W = torch.tensor([[1.0, 0.5], [1.0, -0.5], [-1.0, 0.5], [-1.0, -0.5]])  # columns are orthogonal


class LinearEncoder(nn.Module):
    """The true posterior of ``x = W z + NOISE eps``, which is diagonal here; wider by ``exp(wider)``."""

    def __init__(self, wider: float = 0.0) -> None:
        super().__init__()
        self.precision = nn.Parameter(1 + W.square().sum(dim=0) / NOISE**2)  # (2,)
        self.wider = wider

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = x.flatten(1) @ W / NOISE**2 / self.precision
        return mean, (-0.5 * self.precision.log() + self.wider).expand_as(mean)


class LinearDecoder(nn.Module):
    """``W z`` as an image."""

    def forward(self, z: Tensor) -> Tensor:
        return (z @ W.t()).view(-1, *SHAPE)


def linear_vae(wider: float = 0.0) -> VAE:
    likelihood = Gaussian()
    nn.init.constant_(likelihood.logstd, math.log(NOISE))
    encoder, decoder = LinearEncoder(wider), LinearDecoder()
    return VAE(encoder, decoder, SHAPE, 2, likelihood=likelihood)  # type: ignore[arg-type]


@pytest.fixture
def images(generator: torch.Generator) -> Images:
    return Images(torch.randn(7, *SHAPE, generator=generator))


def exact(images: Images) -> Tensor:
    """``log N(x; 0, W W^T + NOISE^2 I)``."""
    covariance = (W @ W.t() + NOISE**2 * torch.eye(4)).double()
    normal = MultivariateNormal(torch.zeros(4).double(), covariance)
    return normal.log_prob(images.x.flatten(1))  # type: ignore[no-any-return,no-untyped-call]


@pytest.mark.parametrize("samples", [1, 3])
def test_the_true_posterior_gives_the_exact_log_likelihood(images: Images, samples: int) -> None:
    estimate = log_likelihood(linear_vae(), images, samples)
    assert estimate.dtype == torch.double
    torch.testing.assert_close(estimate, exact(images), rtol=1e-5, atol=1e-5)


def test_a_worse_posterior_gives_it_within_the_error_of_many_draws(images: Images) -> None:
    estimate = log_likelihood(linear_vae(wider=0.5), images, 5000)
    torch.testing.assert_close(estimate, exact(images), rtol=0, atol=0.1)
    few = log_likelihood(linear_vae(wider=0.5), images, 1)
    assert float(few.mean()) < float(exact(images).mean()) - 0.1  # a lower bound, and one draw is not enough


@pytest.mark.parametrize("pixels", [4 * 2, 4 * 60, 4 * 120])  # of 50 draws 2 at a time, one image's, two's
def test_blocks_change_the_draws_and_not_what_is_estimated(
    images: Images, monkeypatch: pytest.MonkeyPatch, pixels: int
) -> None:
    monkeypatch.setattr(passes, "PIXELS_AT_ONCE", pixels)
    exactly = log_likelihood(linear_vae(), images, 50)
    torch.testing.assert_close(exactly, exact(images), rtol=1e-5, atol=1e-5)
    nearly = log_likelihood(linear_vae(wider=0.2), images, 1000)
    torch.testing.assert_close(nearly, exact(images), rtol=0, atol=0.1)


def test_no_block_is_larger_than_it_may(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    vae, rows = linear_vae(), []
    vae.decoder.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    monkeypatch.setattr(passes, "PIXELS_AT_ONCE", 4 * 6)
    log_likelihood(vae, images, 5)
    log_likelihood(vae, images, 20)
    assert max(rows) <= 6
    assert sum(rows) == 7 * 25


def test_progress_tells_of_every_draw_and_changes_none(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "PIXELS_AT_ONCE", 4 * 6)
    draws: list[int] = []
    told = log_likelihood(linear_vae(wider=0.5), images, 3, on_draws=draws.append)
    assert draws == [6, 6, 6, 3]  # two images at a time, the last alone
    assert torch.equal(told, log_likelihood(linear_vae(wider=0.5), images, 3))


def test_the_negative_elbo_of_the_true_posterior_is_minus_log_p(images: Images) -> None:
    recon, kl = negative_elbo(linear_vae(), images)
    parts = elbo_parts(linear_vae(), images)
    assert parts.shape == (7, 2)
    assert (recon, kl) == pytest.approx(tuple(parts.mean(dim=0).tolist()), rel=1e-5)
    many = Images(images.x.repeat(2000, 1, 1, 1))
    assert sum(negative_elbo(linear_vae(), many)) == pytest.approx(-float(exact(images).mean()), abs=0.05)


def test_the_same_seed_gives_the_same_numbers(images: Images) -> None:
    vae = linear_vae(wider=0.5)
    assert torch.equal(log_likelihood(vae, images, 9, seed=1), log_likelihood(vae, images, 9, seed=1))
    assert not torch.equal(log_likelihood(vae, images, 9, seed=1), log_likelihood(vae, images, 9, seed=2))
    assert negative_elbo(vae, images, seed=1) == negative_elbo(vae, images, seed=1)


@pytest.mark.parametrize("name", ["full-covariance", "iwae", "vamp", "conv", "conv-vamp"])
def test_log_likelihood_is_above_the_elbo_for_every_vae(name: str, generator: torch.Generator) -> None:
    model = build_image_model(name, Sizes((1, 4, 4), hidden=8, latent=3, samples=2, components=5))
    images = Images(torch.rand(20, 1, 4, 4, generator=generator))
    assert float(log_likelihood(model, images, 100).mean()) > -sum(negative_elbo(model, images))


def test_a_conditional_model_is_given_the_labels(generator: torch.Generator) -> None:
    model = build_image_model("cvae", Sizes((1, 4, 4), hidden=8, latent=2, classes=3))
    x = torch.rand(6, 1, 4, 4, generator=generator)
    assert log_likelihood(model, Images(x, torch.arange(6) % 3), 4).shape == (6,)
    with pytest.raises(InputError, match="a model of 3 classes needs labels, got none"):
        log_likelihood(model, Images(x), 4)


def test_models_without_a_bound_and_no_draws_are_refused(images: Images) -> None:
    autoencoder = build_image_model("ae", Sizes(SHAPE, hidden=4, latent=2))
    with pytest.raises(InputError, match="needs a VAE, and this model is none: Autoencoder"):
        negative_elbo(autoencoder, images)
    with pytest.raises(InputError, match="needs a VAE"):
        log_likelihood(autoencoder, images, 5)
    with pytest.raises(InputError, match="samples must be an integer >= 1, got 0"):
        log_likelihood(linear_vae(), images, 0)
    with pytest.raises(InputError, match=r"\(1, 2, 2\), got \(1, 3, 3\)"):
        negative_elbo(linear_vae(), Images(torch.zeros(1, 1, 3, 3)))
