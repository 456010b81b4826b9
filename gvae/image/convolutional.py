"""Convolutional networks for images of any height and width."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor, nn

from gvae.image.networks import Decoder, Encoder, Shape

CHANNELS = 32
"""Channels at half size; below there are twice as many."""

BLOCKS = 1
"""Residual blocks at each size."""

SMALLEST = 7
"""Images are halved, once at least, until neither side is longer."""


class ResidualBlock(nn.Module):
    """``x + conv(elu(conv(elu(x))))`` with 3 x 3 filters; shape stays (He et al. 2016, arXiv 1603.05027)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.body = nn.Sequential(nn.ELU(), first, nn.ELU(), second)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, H, W)`` to the same shape."""
        return x + self.body(x)  # type: ignore[no-any-return]


class Doubling(nn.Module):
    """Sub-pixel convolution: four channels become four neighbours (Shi et al. 2016, arXiv 1609.05158).

    Parameters
    ----------
    channels
        Of the input.
    shape
        ``(C, H, W)`` of the output; the input is half as high and wide, rounded up.
    """

    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.body = nn.Sequential(nn.Conv2d(channels, 4 * shape[0], 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, H / 2, W / 2)`` to ``(n, C, H, W)``."""
        _, height, width = self.shape
        return self.body(x)[..., :height, :width]  # type: ignore[no-any-return]


def conv_encoder(shape: Shape, hidden: int, heads: Mapping[str, int]) -> Encoder:
    """Strided convolutions with residual blocks, then one hidden layer: ``x -> ... -> hidden -> heads``.

    The network of Kingma et al. (2016, arXiv 1606.04934, appendix A) in kind: 3 x 3 filters, ELU, stride 2
    instead of pooling, no normalisation.

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
    for (before, *_), (after, *_) in pairwise(sizes):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), *_blocks(after), nn.ELU()]
    layers += [nn.Flatten(), nn.Linear(math.prod(sizes[-1]), hidden), nn.ELU()]
    return Encoder(nn.Sequential(*layers), hidden, heads)


def conv_decoder(shape: Shape, hidden: int, latent: int) -> Decoder:
    """`conv_encoder` the other way round, by `Doubling`: ``z -> hidden -> ... -> image``."""
    sizes = _sizes(shape)
    layers: list[nn.Module] = [nn.Linear(latent, hidden), nn.ELU()]
    layers += [nn.Linear(hidden, math.prod(sizes[-1])), nn.Unflatten(1, sizes[-1])]
    for small, large in pairwise(reversed(sizes)):
        layers += [*_blocks(small[0]), nn.ELU(), Doubling(small[0], large)]
    return Decoder(nn.Sequential(*layers), shape)


def _sizes(shape: Shape) -> list[Shape]:
    """The image's shape, and ``(channels, H, W)`` after each halving; odd sides are rounded up."""
    sizes = [shape]
    while len(sizes) == 1 or max(sizes[-1][1:]) > SMALLEST:
        _, height, width = sizes[-1]
        sizes.append((CHANNELS * min(len(sizes), 2), (height + 1) // 2, (width + 1) // 2))
    return sizes


def _blocks(channels: int) -> list[nn.Module]:
    return [ResidualBlock(channels) for _ in range(BLOCKS)]
