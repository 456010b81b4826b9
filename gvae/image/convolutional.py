"""Convolutional networks for images of any height and width."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from torch import nn

from gvae.image.networks import Decoder, Encoder, Shape

CHANNELS = 16
"""Channels at half size; below there are twice as many."""

SMALLEST = 4
"""Images are halved, once at least, until neither side is longer."""


def conv_encoder(shape: Shape, hidden: int, heads: Mapping[str, int]) -> Encoder:
    """Convolutions that halve the image, then one hidden layer: ``x -> ... -> hidden -> heads``.

    MNIST is halved three times, to 16, 32 and 32 channels (Salimans et al. 2015, arXiv 1410.6460), by strides
    instead of pooling (Radford et al. 2016, arXiv 1511.06434). The stride 2 divides the filters' 4, so that
    each pixel is drawn as often as its neighbours (Odena et al. 2016, doi 10.23915/distill.00003). SiLU, no
    normalisation.

    Parameters
    ----------
    shape
        ``(C, H, W)`` of one image.
    hidden
        Units of the layer between the convolutions and the heads.
    heads
        As in `Encoder`.
    """
    sizes = _sizes(shape)
    layers: list[nn.Module] = []
    for large, small in pairwise(sizes):
        layers += [*_even(large), nn.Conv2d(large[0], small[0], 4, stride=2, padding=1), nn.SiLU()]
    layers += [nn.Flatten(), nn.Linear(math.prod(sizes[-1]), hidden), nn.SiLU()]
    return Encoder(nn.Sequential(*layers), hidden, heads)


def conv_decoder(shape: Shape, hidden: int, latent: int) -> Decoder:
    """`conv_encoder` the other way round, by transposed convolutions: ``z -> hidden -> ... -> image``."""
    sizes = _sizes(shape)
    layers: list[nn.Module] = [nn.Linear(latent, hidden), nn.SiLU()]
    layers += [nn.Linear(hidden, math.prod(sizes[-1])), nn.Unflatten(1, sizes[-1])]
    for small, large in pairwise(reversed(sizes)):
        doubled = nn.ConvTranspose2d(small[0], large[0], 4, stride=2, padding=1)
        layers += [nn.SiLU(), doubled, *_even(large, sign=-1)]
    return Decoder(nn.Sequential(*layers), shape)


def _sizes(shape: Shape) -> list[Shape]:
    """The image's shape, and ``(channels, H, W)`` after each halving; odd sides are rounded up."""
    sizes = [shape]
    while len(sizes) == 1 or max(sizes[-1][1:]) > SMALLEST:
        _, height, width = sizes[-1]
        sizes.append((CHANNELS * min(len(sizes), 2), (height + 1) // 2, (width + 1) // 2))
    return sizes


def _even(shape: Shape, sign: int = 1) -> list[nn.Module]:
    """A row more if the height is odd, and a column if the width is; with ``sign=-1`` the same less."""
    _, height, width = shape
    odd = (0, sign * (width % 2), 0, sign * (height % 2))
    return [nn.ZeroPad2d(odd)] if any(odd) else []
