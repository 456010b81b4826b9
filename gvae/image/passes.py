"""Passing many images through a model: without gradients, in evaluation mode, some at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gvae.allocator import keep_freed_memory
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.networks import Shape
from gvae.onednn import onednn_products

PIXELS_AT_ONCE = 2**20
"""Pixels that pass a model together; with 16 channels at half size that is 2^22 numbers, 16 MB, a layer."""


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device


def images_at_once(shape: Shape) -> int:
    """How many images of ``(C, H, W)`` pass a model together, at least one."""
    return max(1, PIXELS_AT_ONCE // math.prod(shape))


def slices(number: int, size: int) -> list[slice]:
    """Cut ``number`` things into parts of ``size``; the last may be smaller."""
    return [slice(first, min(first + size, number)) for first in range(0, number, size)]


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode, no gradients, oneDNN; gives the model's device, and the model its own mode back."""
    training = model.training
    keep_freed_memory()
    model.eval()
    try:
        with torch.no_grad(), onednn_products():
            yield device_of(model)
    finally:
        model.train(training)


def in_batches(model: ImageModel, images: Images, function: Callable[[Images], Tensor]) -> Tensor:
    """What a function of some images, on the model's device, gives for all of them, one after the other.

    Raises
    ------
    InputError
        If the images are of another shape, or values outside what the model can take.
    """
    model.check(images.x)
    with evaluation_mode(model) as device:
        parts = slices(len(images), images_at_once(model.shape))
        return torch.cat([function(images.take(part).to(device)) for part in parts])


def codes(model: ImageModel, images: Images) -> Tensor:
    """Means of the posteriors, shape ``(n, D)``; InputError for a model without an encoder."""
    return in_batches(model, images, lambda part: model.encode(part.x, part.y).mean)


def reconstructions(model: ImageModel, images: Images) -> Tensor:
    """Images decoded from `codes`, shape ``(n, C, H, W)``."""
    return in_batches(model, images, lambda part: model.reconstruct(part.x, part.y))


def squared_errors(images: Tensor, others: Tensor) -> Tensor:
    """How far images ``(n, C, H, W)`` are from others, summed over the pixels; shape ``(n,)``."""
    return (images - others.to(images.device)).square().flatten(1).sum(dim=1)


def decoded(model: ImageModel, z: Tensor, y: Tensor | None = None) -> Tensor:
    """Mean images of codes, shape ``(n, C, H, W)``.

    Parameters
    ----------
    z
        Shape ``(n, D)``.
    y
        Classes, for a conditional model, shape ``(n,)``.
    """
    device = device_of(model)
    return _in_parts(model, len(z), y, lambda part, labels: model.decode(z[part].to(device), labels))


def drawn(model: ImageModel, number: int, generator: torch.Generator, y: Tensor | None = None) -> Tensor:
    """So many images from the prior, shape ``(number, C, H, W)``; InputError for a model without one."""
    return _in_parts(
        model, number, y, lambda part, labels: model.sample(part.stop - part.start, generator, labels)
    )


def _in_parts(
    model: ImageModel, number: int, y: Tensor | None, function: Callable[[slice, Tensor | None], Tensor]
) -> Tensor:
    """What a function of some rows and their classes gives for ``number`` rows, one after the other."""
    with evaluation_mode(model) as device:
        parts = slices(number, images_at_once(model.shape))
        return torch.cat([function(part, None if y is None else y[part].to(device)) for part in parts])
