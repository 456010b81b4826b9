"""What every model of images offers: a loss to learn by, and images from z."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from gvae.errors import InputError
from gvae.layers import Posterior
from gvae.losses import LossOutput


class ImageModel(nn.Module, ABC):
    """A model of images ``x``, shape ``(n, C, H, W)``, values in [0, 1], with a code z of ``latent`` numbers.

    Parameters
    ----------
    shape
        ``(C, H, W)`` of one image.
    latent
        Dimensions D of z.
    classes
        Number of classes that encoder and decoder are told of; 0 for none. Then every method with ``y``
        needs the labels, shape ``(n,)``.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, classes: int = 0) -> None:
        super().__init__()
        self.shape, self.latent, self.classes = shape, latent, classes

    @abstractmethod
    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """What is minimised, the mean over the images of a batch, in nats; the KL is weighed by ``beta``."""

    @abstractmethod
    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """The posterior of z for each image, a row each."""

    @abstractmethod
    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Mean images of codes ``(n, D)``, shape ``(n, C, H, W)``, in [0, 1]."""

    def check(self, x: Tensor) -> None:
        """InputError for images that the model cannot learn from: those of another shape."""
        if x.shape[1:] != self.shape:
            raise InputError(f"the model is one of images {self.shape}, got {tuple(x.shape[1:])}")

    def prior_sample(self, number: int, generator: torch.Generator) -> Tensor:
        """Codes from the prior, the standard normal, shape ``(number, D)``."""
        return torch.randn(number, self.latent, generator=generator, device=generator.device)

    @torch.no_grad()
    def sample(self, number: int, generator: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Mean images of codes from the prior, shape ``(number, C, H, W)``."""
        return self.decode(self.prior_sample(number, generator), y)

    @torch.no_grad()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Images decoded from the posterior's mean, shape ``(n, C, H, W)``."""
        return self.decode(self.encode(x, y).mean, y)

    def one_hot(self, y: Tensor | None) -> Tensor | None:
        """Labels as rows of zeros and a one, ``(n, classes)``; None for a model without classes.

        Raises
        ------
        InputError
            If the model has classes and there are no labels, or one is none of them.
        """
        if not self.classes:
            return None
        if y is None:
            raise InputError(f"a model of {self.classes} classes needs labels, got none")
        if y.numel() and (int(y.min()) < 0 or int(y.max()) >= self.classes):
            raise InputError(f"labels must lie in 0..{self.classes - 1}, got {int(y.min())}..{int(y.max())}")
        return nn.functional.one_hot(y, self.classes).float()
