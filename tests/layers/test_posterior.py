from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from gvae.errors import InputError
from gvae.layers import CholeskyPosterior, GaussianPosterior, PointPosterior


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


@pytest.fixture
def full(generator: torch.Generator) -> CholeskyPosterior:
    mean, logstd = torch.randn(2, 20, 4, generator=generator, dtype=torch.double)
    return CholeskyPosterior(mean, logstd, torch.randn(20, 6, generator=generator, dtype=torch.double))


def reference(q: GaussianPosterior | CholeskyPosterior, row: int) -> MultivariateNormal:
    """One row's distribution, by PyTorch, from the parameters that were given."""
    scale = q.logstd[row].exp().diag()
    if isinstance(q, CholeskyPosterior):
        size = len(scale)
        below = [(i, j) for i in range(size) for j in range(i)]  # row by row
        for (i, j), value in zip(below, q.lower[row], strict=True):
            scale[i, j] = value
    return MultivariateNormal(q.mean[row], scale_tril=scale)


@pytest.mark.parametrize("kind", ["posterior", "full"])
def test_densities_equal_torch_distributions(
    kind: str, request: pytest.FixtureRequest, generator: torch.Generator
) -> None:
    q: GaussianPosterior | CholeskyPosterior = request.getfixturevalue(kind)
    z = torch.randn(q.mean.shape, generator=generator, dtype=torch.double)
    prior = MultivariateNormal(torch.zeros_like(z[0]), torch.eye(z.size(1), dtype=torch.double))
    rows = [reference(q, row) for row in range(20)]
    everywhere = torch.stack([p.log_prob(z) for p in rows], dim=1)  # type: ignore[no-untyped-call]
    assert torch.allclose(q.kl(), torch.stack([kl_divergence(p, prior) for p in rows]))
    assert torch.allclose(q.log_prob(z), everywhere.diagonal())
    assert torch.allclose(q.log_prob_of_all(z[:7]), everywhere[:7])  # (7, 20)


@pytest.mark.parametrize("kind", ["posterior", "full"])
def test_repeated_rows_come_one_after_the_other(kind: str, request: pytest.FixtureRequest) -> None:
    q: GaussianPosterior | CholeskyPosterior = request.getfixturevalue(kind)
    z = torch.ones_like(q.mean)
    assert torch.equal(q.repeat(3).mean, torch.cat([q.mean] * 3))
    assert torch.equal(q.repeat(3).log_prob(z.repeat(3, 1)), q.log_prob(z).repeat(3))


def test_full_covariance_samples_have_its_moments(generator: torch.Generator) -> None:
    """L = ((2, 0), (1, 0.5)): L L^T = ((4, 2), (2, 1.25))."""
    number = 100_000
    given = torch.tensor([[1.0, -1.0]]), torch.tensor([[2.0, 0.5]]).log(), torch.tensor([[1.0]])
    z = CholeskyPosterior(*given).repeat(number).sample(generator)
    expected = torch.tensor([[4.0, 2.0], [2.0, 1.25]])
    assert torch.allclose(z.mean(dim=0), torch.tensor([1.0, -1.0]), atol=0.03)
    assert torch.allclose(z.t().cov(), expected, atol=0.06)


def test_full_covariance_sampling_is_reparameterised() -> None:
    """z = mu + L eps: the gradient by mu is 1, by L's lower element eps_0."""
    parts = [torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 1)]
    mean, logstd, lower = (part.requires_grad_() for part in parts)
    z = CholeskyPosterior(mean, logstd, lower).sample(torch.Generator().manual_seed(1))
    by_mean, by_lower = torch.autograd.grad(z[0, 1], (mean, lower))
    assert by_mean.tolist() == [[0, 1]]
    assert by_lower.item() == z[0, 0].item()


def test_the_heads_fit_the_parameters(generator: torch.Generator) -> None:
    def outputs(heads: dict[str, int]) -> list[Tensor]:
        return [torch.randn(3, size, generator=generator) for size in heads.values()]

    assert GaussianPosterior(*outputs(GaussianPosterior.heads(5))).sample(generator).shape == (3, 5)
    assert CholeskyPosterior(*outputs(CholeskyPosterior.heads(5))).sample(generator).shape == (3, 5)
    with pytest.raises(InputError, match="full covariance needs a latent of at least 2, got 1"):
        CholeskyPosterior.heads(1)
