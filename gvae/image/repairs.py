"""Images made whole by a model: without noise, without holes, at a higher resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from gvae.config import require_int
from gvae.errors import InputError
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.passes import device_of, in_batches, reconstructions


def denoise(
    model: ImageModel, x: Tensor, noise: float = 0.3, *, generator: torch.Generator, y: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Add normal noise to images, and reconstruct them.

    Parameters
    ----------
    model
        With an encoder.
    x
        Shape ``(n, C, H, W)``.
    noise
        Standard deviation of the noise; the noisy values are cut off at 0 and 1.
    generator
        Draws the noise, on its own device.
    y
        Classes, for a conditional model, shape ``(n,)``.

    Returns
    -------
    tuple of Tensor
        The noisy images and the restored ones, each of x's shape, on the model's device.

    Raises
    ------
    InputError
        If the model has no encoder, the images are of another shape, or ``noise`` is no number >= 0.
    """
    if not 0 <= noise < math.inf:
        raise InputError(f"noise must be a number >= 0, got {noise!r}")
    x = x.to(device_of(model))
    drawn = torch.randn(x.shape, generator=generator, device=generator.device).to(x.device)
    noisy = (x + noise * drawn).clamp(0, 1)
    return noisy, reconstructions(model, Images(noisy, y))


def inpaint(
    model: ImageModel, x: Tensor, mask: Tensor, *, steps: int = 20, y: Tensor | None = None
) -> Tensor:
    """Fill in unknown pixels: they start grey, and pass the model again and again, the known ones put back.

    The Markov chain of Rezende, Mohamed and Wierstra (2014, arXiv 1401.4082, appendix F), with means in the
    place of draws.

    Parameters
    ----------
    model
        With an encoder.
    x
        Shape ``(n, C, H, W)``; what stands in unknown pixels is not looked at.
    mask
        True where unknown, of all images and channels, bool, shape ``(H, W)``.
    steps
        Passes through the model, at least 1.
    y
        Classes, for a conditional model, shape ``(n,)``.

    Returns
    -------
    Tensor
        Of x's shape, on the model's device; known pixels are those of x.

    Raises
    ------
    InputError
        If the mask is not of this type and shape, ``steps`` is below 1, the model has no encoder, or the
        images are of another shape.
    """
    steps = require_int("steps", steps, at_least=1)
    if mask.shape != x.shape[-2:] or mask.dtype != torch.bool:
        raise InputError(
            f"mask must be bool of shape {tuple(x.shape[-2:])}, got {mask.dtype} of {tuple(mask.shape)}"
        )
    device = device_of(model)
    unknown = mask.to(device)
    grey = Images(torch.where(unknown, 0.5, x.to(device)), y)

    def fill(some: Images) -> Tensor:
        filled = some.x
        for _ in range(steps):
            filled = torch.where(unknown, model.reconstruct(filled, some.y), filled)
        return filled

    return in_batches(model, grey, fill)


def super_resolve(model: ImageModel, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Halve images, and give them their size back: bilinearly, then through the model, which sharpens them.

    Parameters
    ----------
    model
        With an encoder.
    x
        Shape ``(n, C, H, W)``, H and W even.
    y
        Classes, for a conditional model, shape ``(n,)``.

    Returns
    -------
    tuple of Tensor
        The means of 2 x 2 pixels, shape ``(n, C, H / 2, W / 2)``, and the restored images, of x's shape;
        both on the model's device.

    Raises
    ------
    InputError
        If H or W is odd, the model has no encoder, or the images are of another shape.
    """
    model.check(x)
    if x.size(2) % 2 or x.size(3) % 2:
        raise InputError(f"height and width must be even, to be halved, got {x.size(2)} x {x.size(3)}")
    small = avg_pool2d(x.to(device_of(model)), 2)
    large = interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    return small, reconstructions(model, Images(large, y))
