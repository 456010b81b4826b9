"""Likelihoods p(x | z): what the decoder's output says of an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from gvae.errors import InputError


class Likelihood(nn.Module):
    """``log p(x | z)`` of images given the decoder's output of the same shape."""

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """``log p(x | z)`` in nats, summed over the pixels, one value an image, shape ``(n,)``."""
        raise NotImplementedError

    def mean(self, output: Tensor) -> Tensor:
        """The mean image, in [0, 1], of the output's shape."""
        raise NotImplementedError

    def check(self, x: Tensor) -> None:
        """InputError for images that have no such likelihood."""


class Bernoulli(Likelihood):
    """Pixels that are 1 with probability ``sigmoid(output)``.

    For grey levels in [0, 1] this is the cross-entropy that most code trains by; a likelihood in the strict
    sense it is for binary images alone.
    """

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """``sum_pixels x log p + (1 - x) log(1 - p)``."""
        return -binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        """``sigmoid(output)``."""
        return output.sigmoid()

    def check(self, x: Tensor) -> None:
        """Refuse values outside [0, 1]."""
        low, high = float(x.min()), float(x.max())
        if low < 0 or high > 1:
            raise InputError(
                f"a Bernoulli likelihood needs values in [0, 1], got {low:g}..{high:g}; "
                "scale them, or take likelihood='gaussian'"
            )


class Gaussian(Likelihood):
    """Pixels that are normal around the output, with one variance for all of them, which is learned.

    (Rybkin, Daniilidis and Levine 2021, arXiv 2006.13202: sigma-VAE, shared variance.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.logstd = nn.Parameter(torch.zeros(()))

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """``-1/2 sum_pixels ((x - output) / sigma)^2 + log(2 pi sigma^2)``; log sigma is kept above -6."""
        logstd = self.logstd.clamp(min=-6)
        squares = ((x - output) * (-logstd).exp()).square().flatten(1)
        return -0.5 * squares.sum(1) - squares.size(1) * (logstd + 0.5 * math.log(2 * math.pi))

    def mean(self, output: Tensor) -> Tensor:
        """The output, cut off at 0 and 1."""
        return output.clamp(0, 1)


LIKELIHOODS: dict[str, type[Likelihood]] = {"bernoulli": Bernoulli, "gaussian": Gaussian}
