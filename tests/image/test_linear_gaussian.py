"""A VAE whose likelihood is known: linear, Gaussian, its networks set by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from gvae.image.likelihoods import Gaussian
from gvae.image.networks import Decoder, Encoder
from gvae.image.vae import VAE
from gvae.layers import CholeskyPosterior


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def set_head(encoder: Encoder, name: str, bias: Tensor, weight: Tensor | None = None) -> None:
    head = encoder.heads[name]
    assert isinstance(head, nn.Linear)
    head.weight.data.zero_() if weight is None else head.weight.data.copy_(weight)
    head.bias.data.copy_(bias)


class LinearGaussian:
    """``p(z) = N(0, I)``, ``p(x | z) = N(W z, s^2 I)``: posterior and likelihood have closed forms.

    The encoder gives the true posterior, its mean times ``shrink`` and its Cholesky factor times ``widen``.
    """

    shape, latent, s = (1, 2, 2), 2, 0.5

    def __init__(self, shrink: float = 1, widen: float = 1) -> None:
        W = torch.randn(4, self.latent, generator=seeded(), dtype=torch.double)
        eye = torch.eye(self.latent, dtype=torch.double)
        covariance = torch.linalg.inv(eye + W.t() @ W / self.s**2)
        scale = torch.linalg.cholesky(covariance) * widen
        encoder = Encoder(nn.Flatten(), 4, CholeskyPosterior.heads(self.latent)).double()
        set_head(encoder, "mu", torch.zeros(2), shrink * covariance @ W.t() / self.s**2)
        set_head(encoder, "logstd", scale.diagonal().log())
        set_head(encoder, "lower", scale[1, :1])
        decoder, likelihood = nn.Linear(2, 4, bias=False).double(), Gaussian().double()
        decoder.weight.data.copy_(W)
        likelihood.logstd.data.fill_(math.log(self.s))
        self.model = VAE(
            *(encoder, Decoder(decoder, self.shape), self.shape, self.latent),
            posterior=CholeskyPosterior,
            likelihood=likelihood,
        )
        total = W @ W.t() + self.s**2 * torch.eye(4, dtype=torch.double)
        distribution = MultivariateNormal(torch.zeros(4, dtype=torch.double), total)
        self.x = torch.randn(10, *self.shape, generator=seeded(1), dtype=torch.double)
        self.log_likelihood: Tensor = distribution.log_prob(self.x.flatten(1))  # type: ignore[no-untyped-call]

    def estimate(self, samples: int) -> Tensor:
        with torch.no_grad():
            weights = self.model.log_weights(self.x, None, samples, seeded())
        assert weights.shape == (samples, 10)
        return weights.logsumexp(dim=0) - math.log(samples)


@pytest.mark.parametrize("samples", [1, 2, 30])
def test_under_the_true_posterior_every_weight_is_the_likelihood(samples: int) -> None:
    case = LinearGaussian()
    assert torch.allclose(case.estimate(samples), case.log_likelihood)


def test_under_a_worse_posterior_the_estimate_tends_to_the_likelihood() -> None:
    case = LinearGaussian(shrink=0.8, widen=1.5)
    assert torch.allclose(case.estimate(5000), case.log_likelihood, atol=0.05)
    assert (case.log_likelihood - case.estimate(1)).mean() > 0.2


def test_the_elbo_of_the_true_posterior_is_the_likelihood() -> None:
    """With the KL in closed form it is so in the mean over draws of z."""
    case = LinearGaussian()
    with torch.no_grad():
        x = case.x.repeat(5000, 1, 1, 1)
        bound = -case.model.loss(x, None, 1.0, seeded()).total
    assert bound.item() == pytest.approx(case.log_likelihood.mean().item(), abs=0.03)
