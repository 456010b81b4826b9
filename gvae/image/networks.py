"""Networks from images to the parameters of a posterior, and from z to the parameters of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]
"""``(C, H, W)`` of one image."""

Activation = type[nn.Module]

ACTIVATIONS: dict[str, Activation] = {"relu": nn.ReLU, "silu": nn.SiLU}
"""Between linear layers; for z of two numbers ReLU is better, for tens of them SiLU (`RECORDS.md`)."""


class Encoder(nn.Module):
    """A body shared by one linear head for each parameter of the posterior.

    Parameters
    ----------
    body
        From images ``(n, C, H, W)`` to ``(n, features)``.
    features
        Numbers that the body gives for an image.
    heads
        Outputs of each head by name, for instance ``{"mu": D, "logstd": D}``.
    """

    def __init__(self, body: nn.Module, features: int, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.body = body
        self.heads = nn.ModuleDict({name: nn.Linear(features, outputs) for name, outputs in heads.items()})

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images, or rows that `joined` made, to one ``(n, outputs)`` for each head, in their order."""
        hidden = self.body(x)
        return tuple(head(hidden) for head in self.heads.values())


class Decoder(nn.Module):
    """From codes to images.

    Parameters
    ----------
    body
        From codes ``(n, D)`` to as many numbers for each as an image has, in any shape.
    shape
        ``(C, H, W)`` of one image.
    """

    def __init__(self, body: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.body, self.shape = body, shape

    def forward(self, z: Tensor) -> Tensor:
        """Map codes ``(n, D)`` to logits or means, shape ``(n, C, H, W)``."""
        return self.body(z).view(-1, *self.shape)  # type: ignore[no-any-return]


def joined(rows: Tensor, condition: Tensor | None) -> Tensor:
    """Rows with those of ``condition`` appended, flattened, ``(n, numbers + classes)``; without it as is."""
    return rows if condition is None else torch.cat([rows.flatten(1), condition], dim=1)


def mlp(sizes: Sequence[int], activation: Activation = nn.ReLU) -> nn.Sequential:
    """Linear layers from ``sizes[0]`` to ``sizes[-1]``, ``activation`` between two; input is flattened."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def mlp_encoder(
    shape: Shape,
    hidden: int,
    heads: Mapping[str, int],
    classes: int = 0,
    activation: Activation = nn.ReLU,
) -> Encoder:
    """One hidden layer, ``x -> hidden -> heads`` (Kingma and Welling 2014, appendix C)."""
    body = nn.Sequential(mlp((math.prod(shape) + classes, hidden)), activation())
    return Encoder(body, hidden, heads)


def mlp_decoder(
    shape: Shape, hidden: int, latent: int, classes: int = 0, activation: Activation = nn.ReLU
) -> Decoder:
    """One hidden layer, ``z -> hidden -> image``."""
    return Decoder(mlp((latent + classes, hidden, math.prod(shape)), activation), shape)
