"""Posteriors q(z | X, A): what an encoder gives back."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import hardtanh

LOGSTD_BOUND = 10.0
"""logstd is kept in [-10, 10], sigma in [5e-5, 2e4], so that sums of squared logits stay within float32.

Beyond the bound the clamp has no gradient; a logstd of this size belongs to a run that has diverged.
"""


class Posterior(Protocol):
    """What models, losses and scoring need to know of a posterior, one row a node."""

    @property
    def mean(self) -> Tensor:
        """Mean of z, shape ``(N, D)``."""

    def sample(self, generator: torch.Generator) -> Tensor:
        """One differentiable draw of z, shape ``(N, D)``."""

    def kl(self) -> Tensor:
        """KL divergence to the prior in nats, one value a node, shape ``(N,)``."""


class GaussianPosterior:
    """Diagonal Gaussian, ``q(z_i) = N(mu_i, diag(sigma_i^2))`` (Kingma and Welling 2014).

    Parameters
    ----------
    mean
        mu, shape ``(N, D)``.
    logstd
        log sigma (not log sigma^2), shape ``(N, D)``; clamped to [-10, 10].
    """

    def __init__(self, mean: Tensor, logstd: Tensor) -> None:
        self.mean = mean
        self.logstd = hardtanh(logstd, -LOGSTD_BOUND, LOGSTD_BOUND)  # clamp with the cheaper gradient
        self.std = self.logstd.exp()

    def sample(self, generator: torch.Generator) -> Tensor:
        """``z = mu + sigma * eps``, eps standard normal from ``generator``; shape ``(N, D)``."""
        eps = torch.randn(
            self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype
        )
        return torch.addcmul(self.mean, self.std, eps)

    def kl(self) -> Tensor:
        """``KL(q || N(0, I)) = 1/2 sum_d (mu_d^2 + sigma_d^2 - 1 - 2 log sigma_d)``, nats, shape ``(N,)``."""
        twice = self.mean.square() + self.std.square() - 2 * self.logstd
        return 0.5 * (twice.sum(dim=1) - self.mean.size(1))


class PointPosterior:
    """All mass on one point: the deterministic encoder's answer, so that GAE and VGAE train alike.

    Parameters
    ----------
    mean
        The point, shape ``(N, D)``.
    """

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean

    def sample(self, generator: torch.Generator) -> Tensor:
        """The point itself, shape ``(N, D)``; draws nothing from ``generator``."""
        return self.mean

    def kl(self) -> Tensor:
        """Zeros, shape ``(N,)``: a plain autoencoder has no prior to diverge from."""
        return self.mean.new_zeros(self.mean.size(0))
