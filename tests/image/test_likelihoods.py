from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Normal

from gvae.errors import InputError
from gvae.image.likelihoods import LIKELIHOODS, Bernoulli, Gaussian


def test_bernoulli_equals_torch_distributions(generator: torch.Generator) -> None:
    output = torch.randn(6, 1, 3, 4, generator=generator, dtype=torch.double)
    x = torch.bernoulli(torch.full_like(output, 0.4), generator=generator)
    pixels = TorchBernoulli(logits=output).log_prob(x)  # type: ignore[no-untyped-call]
    assert torch.allclose(Bernoulli().log_prob(output, x), pixels.sum(dim=(1, 2, 3)))
    assert torch.equal(Bernoulli().mean(output), output.sigmoid())


def test_grey_levels_by_hand() -> None:
    """x = 0.25 under p = 1/2: log 1/2; under p = sigmoid(100): about -75."""
    output, x = torch.tensor([0.0, 100.0]).view(2, 1, 1, 1), torch.full((2, 1, 1, 1), 0.25)
    assert Bernoulli().log_prob(output, x).tolist() == pytest.approx([-0.693147, -75.0], abs=1e-5)


def test_gaussian_equals_torch_distributions(generator: torch.Generator) -> None:
    output, x = torch.randn(2, 6, 3, 2, 4, generator=generator)
    likelihood = Gaussian()
    likelihood.logstd.data.fill_(-0.7)
    pixels = Normal(output, torch.tensor(-0.7).exp()).log_prob(x)  # type: ignore[no-untyped-call]
    assert torch.allclose(likelihood.log_prob(output, x), pixels.sum(dim=(1, 2, 3)))


def test_the_best_variance_is_the_mean_squared_error(generator: torch.Generator) -> None:
    output, x = torch.rand(2, 50, 1, 2, 2, generator=generator, dtype=torch.double)
    likelihood = Gaussian().double()
    likelihood.logstd.data.copy_(0.5 * (output - x).square().mean().log())
    (gradient,) = torch.autograd.grad(likelihood.log_prob(output, x).mean(), [likelihood.logstd])
    assert gradient.item() == pytest.approx(0, abs=1e-10)


def test_a_perfect_reconstruction_stays_finite() -> None:
    likelihood, x = Gaussian(), torch.ones(1, 1, 2, 2)
    likelihood.logstd.data.fill_(-1000)
    assert likelihood.log_prob(x, x).item() == pytest.approx(4 * (6 - 0.918939), abs=1e-3)


def test_gaussian_means_are_cut_off() -> None:
    assert Gaussian().mean(torch.tensor([-0.1, 0.3, 1.2])).tolist() == pytest.approx([0, 0.3, 1])


def test_only_bernoulli_needs_the_unit_interval() -> None:
    x = torch.tensor([0.0, 16.0])
    expected = r"needs values in \[0, 1\], got 0\.\.16; scale them, or take likelihood='gaussian'"
    with pytest.raises(InputError, match=expected):
        Bernoulli().check(x)
    Gaussian().check(x)
    Bernoulli().check(x / 16)


def test_the_table() -> None:
    assert dict(LIKELIHOODS) == {"bernoulli": Bernoulli, "gaussian": Gaussian}
