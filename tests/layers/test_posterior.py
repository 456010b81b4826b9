from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from gvae.layers import GaussianPosterior, PointPosterior


@pytest.fixture
def posterior(generator: torch.Generator) -> GaussianPosterior:
    mean, logstd = torch.randn(2, 20, 6, generator=generator, dtype=torch.double)
    return GaussianPosterior(mean, logstd)


def test_kl_by_hand() -> None:
    """q = N((1, 0), (2^2, 1)): KL = 1/2 (1 + 4 - 1 - log 4)."""
    posterior = GaussianPosterior(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 1.0]]).log())
    assert posterior.kl().tolist() == pytest.approx([0.5 * (4 - torch.tensor(4.0).log().item())])


def test_kl_equals_torch_distributions(posterior: GaussianPosterior) -> None:
    q = Independent(Normal(posterior.mean, posterior.logstd.exp()), 1)
    p = Independent(Normal(torch.zeros_like(posterior.mean), torch.ones_like(posterior.mean)), 1)
    assert posterior.kl().shape == (20,)
    assert torch.allclose(posterior.kl(), kl_divergence(q, p))


def test_samples_have_the_posteriors_moments(generator: torch.Generator) -> None:
    mean, logstd = torch.full((200_000, 1), 3.0), torch.full((200_000, 1), -0.7)
    z = GaussianPosterior(mean, logstd).sample(generator)
    assert z.mean().item() == pytest.approx(3.0, abs=0.01)
    assert z.std().item() == pytest.approx(torch.tensor(-0.7).exp().item(), rel=0.01)  # logstd, not logvar


def test_sampling_is_reparameterised_and_reproducible(posterior: GaussianPosterior) -> None:
    mean = posterior.mean.clone().requires_grad_()
    logstd = posterior.logstd.clone().requires_grad_()
    draws = [GaussianPosterior(mean, logstd).sample(torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(draws[0], draws[1])
    by_mean, by_logstd = torch.autograd.grad(draws[0].sum(), (mean, logstd))
    assert torch.equal(by_mean, torch.ones_like(mean))
    assert torch.allclose(by_logstd, draws[0] - mean)


def test_extreme_logstd_stays_finite(generator: torch.Generator) -> None:
    posterior = GaussianPosterior(torch.zeros(2, 1), torch.tensor([[1e4], [-1e4]]))
    assert posterior.logstd.tolist() == [[10.0], [-10.0]]
    assert posterior.kl().isfinite().all()
    assert posterior.sample(generator).isfinite().all()


def test_a_point_has_no_spread_and_no_kl(generator: torch.Generator) -> None:
    mean = torch.randn(4, 2, generator=generator)
    state = generator.get_state()
    posterior = PointPosterior(mean)
    assert torch.equal(posterior.sample(generator), mean)
    assert posterior.kl().tolist() == [0, 0, 0, 0]
    assert torch.equal(state, generator.get_state())
