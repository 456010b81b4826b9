"""Posteriors q(z | X, A): what an encoder gives back."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import hardtanh

from gvae.errors import InputError

LOGSTD_BOUND = 10.0
"""logstd is kept in [-10, 10], sigma in [5e-5, 2e4], so that sums of squared logits stay within float32.

Beyond the bound the clamp has no gradient; a logstd of this size belongs to a run that has diverged.
"""


LOG_2PI = math.log(2 * math.pi)


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
        return self.at(self.noise(generator))

    def noise(self, generator: torch.Generator) -> Tensor:
        """Standard normal eps of one draw for each row, shape ``(N, D)``."""
        return _noise(self.mean, generator)

    def at(self, eps: Tensor) -> Tensor:
        """The draws z of noise eps, ``mu + sigma * eps``, shape ``(N, D)``."""
        return torch.addcmul(self.mean, self.std, eps)

    def kl(self) -> Tensor:
        """``KL(q || N(0, I)) = 1/2 sum_d (mu_d^2 + sigma_d^2 - 1 - 2 log sigma_d)``, nats, shape ``(N,)``."""
        twice = self.mean.square() + self.std.square() - 2 * self.logstd
        return 0.5 * (twice.sum(dim=1) - self.mean.size(1))

    def log_prob(self, z: Tensor) -> Tensor:
        """``log q(z)`` of one code for each row, in nats, shape ``(N,)``."""
        return _normal_log_prob((z - self.mean) / self.std, self.logstd)

    def log_prob_of_all(self, z: Tensor) -> Tensor:
        """``log q_k(z_i)`` of codes ``(n, D)`` under every row's posterior, shape ``(n, N)``."""
        weights = (-2 * self.logstd).exp()  # 1 / sigma^2
        squares = z.square() @ weights.t() - 2 * z @ (self.mean * weights).t()
        constant = (self.mean.square() * weights + 2 * self.logstd + LOG_2PI).sum(dim=1)
        return -0.5 * (squares + constant)

    def repeat(self, times: int) -> GaussianPosterior:
        """All rows, so many times one after the other."""
        return GaussianPosterior(self.mean.repeat(times, 1), self.logstd.repeat(times, 1))

    @staticmethod
    def heads(latent: int) -> dict[str, int]:
        """Names and outputs of the heads that the encoder needs, in the order of the parameters."""
        return {"mu": latent, "logstd": latent}


class CholeskyPosterior:
    """Gaussian with full covariance, ``q(z_i) = N(mu_i, L_i L_i^T)`` (Kingma and Welling 2019, eq. 2.27).

    Parameters
    ----------
    mean
        mu, shape ``(N, D)``.
    logstd
        log of L's diagonal, shape ``(N, D)``; clamped to [-10, 10].
    lower
        The elements below the diagonal, row by row, shape ``(N, D (D - 1) / 2)``.
    """

    def __init__(self, mean: Tensor, logstd: Tensor, lower: Tensor) -> None:
        self.mean = mean
        self.logstd = hardtanh(logstd, -LOGSTD_BOUND, LOGSTD_BOUND)
        self.lower = lower
        rows, columns = torch.tril_indices(mean.size(1), mean.size(1), offset=-1, device=mean.device)
        below = mean.new_zeros(*mean.shape, mean.size(1))  # (N, D, D)
        below[:, rows, columns] = lower
        self.scale = below + torch.diag_embed(self.logstd.exp())

    def sample(self, generator: torch.Generator) -> Tensor:
        """``z = mu + L eps``, eps standard normal from ``generator``; shape ``(N, D)``."""
        return self.at(self.noise(generator))

    def noise(self, generator: torch.Generator) -> Tensor:
        """Standard normal eps of one draw for each row, shape ``(N, D)``."""
        return _noise(self.mean, generator)

    def at(self, eps: Tensor) -> Tensor:
        """The draws z of noise eps, ``mu + L eps``, shape ``(N, D)``."""
        return self.mean + (self.scale @ eps.unsqueeze(2)).squeeze(2)

    def kl(self) -> Tensor:
        """``1/2 (|mu|^2 + |L|_F^2 - D - 2 sum_d log L_dd)``, nats, shape ``(N,)``."""
        twice = self.mean.square().sum(1) + self.scale.square().sum((1, 2)) - 2 * self.logstd.sum(1)
        return 0.5 * (twice - self.mean.size(1))

    def log_prob(self, z: Tensor) -> Tensor:
        """``log q(z)`` of one code for each row, in nats, shape ``(N,)``."""
        difference = (z - self.mean).unsqueeze(2)
        eps: Tensor = torch.linalg.solve_triangular(self.scale, difference, upper=False)
        return _normal_log_prob(eps.squeeze(2), self.logstd)

    def log_prob_of_all(self, z: Tensor) -> Tensor:
        """``log q_k(z_i)`` of codes ``(n, D)`` under every row's posterior, shape ``(n, N)``."""
        difference = (z - self.mean.unsqueeze(1)).transpose(1, 2)  # (N, D, n)
        eps: Tensor = torch.linalg.solve_triangular(self.scale, difference, upper=False)
        constant = (2 * self.logstd + LOG_2PI).sum(dim=1)
        return -0.5 * (eps.square().sum(dim=1) + constant.unsqueeze(1)).t()

    def repeat(self, times: int) -> CholeskyPosterior:
        """All rows, so many times one after the other."""
        return CholeskyPosterior(*(part.repeat(times, 1) for part in (self.mean, self.logstd, self.lower)))

    @staticmethod
    def heads(latent: int) -> dict[str, int]:
        """Names and outputs of the heads that the encoder needs, in the order of the parameters.

        InputError for one dimension, which has no covariance.
        """
        if latent < 2:
            raise InputError(f"a full covariance needs a latent of at least 2, got {latent}")
        return {"mu": latent, "logstd": latent, "lower": latent * (latent - 1) // 2}


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


def _noise(mean: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)


def _normal_log_prob(eps: Tensor, logstd: Tensor) -> Tensor:
    """``log q(z)`` from the standardised z and the log-determinant's terms, both ``(N, D)``; ``(N,)``."""
    return -0.5 * (eps.square() + 2 * logstd + LOG_2PI).sum(dim=1)
