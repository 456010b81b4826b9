"""Reconstruction losses: how well the logits ``s_ij`` rebuild A + I.

All are called as ``loss(decoder, z, generator, value)`` and weigh two sums alike, over A + I (the diagonal
counts as positive) and over the rest,

    1/2 [ 1/s  sum_{A+I} phi(-s_ij)  +  1/(N^2 - s)  sum_{rest} phi(s_ij) ],    s = 2 |E_train|.

With ``phi = softplus`` that is Kipf and Welling's weighted cross-entropy written out: with
``pos_weight = (N^2 - s) / s`` and ``norm = N^2 / (2 (N^2 - s))`` it equals
``norm * mean_ij BCE-with-logits(s_ij, (A+I)_ij, pos_weight)``. Every phi here has ``phi(-s) = phi(s) - s``,
so that a sum over all pairs and one over A + I are enough. For the inner product value and gradient are
written by hand; any other decoder goes through autograd.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gvae.config import require_int
from gvae.errors import InputError
from gvae.layers import Decoder, InnerProductDecoder
from gvae.losses.all_pairs import (
    Buffer,
    all_pairs_quadratic,
    all_pairs_softplus,
    blockwise_softplus,
    some_pairs_softplus,
)
from gvae.losses.positives import Positives, SymmetricPairs, sum_over_pairs


class Reconstruction(ABC):
    """A reconstruction loss for one graph, see the module.

    Parameters
    ----------
    edge_index
        Training edges in both directions, shape ``(2, s)``.
    num_nodes
        Number of nodes N.
    block
        Rows of logits held at a time; by default as many as stay in the cache, at least 128.

    Raises
    ------
    InputError
        If an edge is missing in one direction or repeated, if there are no edges or nothing else, or if
        ``block`` is below 1.
    """

    most_positives: int | None = None
    """Of more ones in A + I than this, as many are drawn at each call."""

    def __init__(self, edge_index: Tensor, num_nodes: int, block: int | None = None) -> None:
        self.block = block if block is None else require_int("block", block, at_least=1)
        self.buffer = Buffer()
        self.num_nodes = num_nodes
        self.positives = Positives(edge_index, num_nodes)
        self.rest = num_nodes**2 - self.positives.s
        self._at_most = self.most_positives or self.positives.pairs.size(1)
        self._all_positives: SymmetricPairs | None = None

    def __call__(self, decoder: Decoder, z: Tensor, generator: torch.Generator, value: bool = True) -> Tensor:
        """Scalar loss of the embedding z, shape ``(N, D)``; what is drawn is drawn from ``generator``.

        With ``value=False`` only its gradient is needed, and the value may be NaN where that is cheaper.
        """
        if type(decoder) is InnerProductDecoder:  # a subclass may score otherwise
            loss: Tensor = _WithGradient.apply(z, self, generator, value)  # type: ignore[no-untyped-call]
            return loss
        pairs, each = self.positives.draw(self._at_most, generator)
        positives = each * self.of_positives(decoder(z, pairs)).sum()
        return 0.5 * (self.all_pairs_of(decoder, z, generator) / self.rest + positives)

    def with_gradient(self, z: Tensor, generator: torch.Generator, value: bool) -> tuple[Tensor, Tensor]:
        """The loss of the inner product, or NaN, and its gradient, shape ``(N, D)``."""
        everywhere, gradient = self.all_pairs(z, generator, value)
        functions = self.of_positives, self.slope_of_positives
        if self.positives.pairs.size(1) > self._at_most:
            pairs, each = self.positives.draw(self._at_most, generator)
            positives, more = sum_over_pairs(z, pairs, *functions, value)
        else:
            self._all_positives = self._all_positives or SymmetricPairs(self.positives.pairs, self.num_nodes)
            (positives, more), each = self._all_positives.sum(z, *functions, value), 1.0
        loss = 0.5 * (everywhere / self.rest + each * positives)
        return loss, gradient.mul_(0.5 / self.rest).add_(more, alpha=0.5 * each)

    def of_positives(self, logits: Tensor) -> Tensor:
        """What ones of A + I add to all pairs: ``phi(-s_ij) / s`` in place of ``phi(s_ij) / (N^2 - s)``."""
        weight = 1 / self.positives.s
        return (weight - 1 / self.rest) * self.phi(logits) - weight * logits

    def slope_of_positives(self, logits: Tensor) -> Tensor:
        """The derivative of `of_positives`."""
        weight = 1 / self.positives.s
        return self.slope(logits).mul_(weight - 1 / self.rest).sub_(weight)

    def phi(self, logits: Tensor) -> Tensor:
        """The loss of logits that should be negative, elementwise: ``softplus(s) = log(1 + exp(s))``."""
        return softplus(logits)

    def slope(self, logits: Tensor) -> Tensor:
        """The derivative of `phi`: ``sigmoid(s)``."""
        return (1 + (-logits).exp_()).reciprocal_()  # of which every bit is the same on one thread and two

    @abstractmethod
    def all_pairs(self, z: Tensor, generator: torch.Generator, value: bool) -> tuple[Tensor, Tensor]:
        """``sum_ij phi(z_i^T z_j)`` over all N^2 pairs, or its estimate, and the gradient, ``(N, D)``."""

    @abstractmethod
    def all_pairs_of(self, decoder: Decoder, z: Tensor, generator: torch.Generator) -> Tensor:
        """The sum for any decoder, or its estimate, for autograd."""


class FullReconstruction(Reconstruction):
    """Kipf and Welling's weighted cross-entropy over all N^2 pairs, exactly, in O(N block) memory.

    Of a decoder that is no inner product, each block is computed again for its gradient.
    """

    def all_pairs(self, z: Tensor, generator: torch.Generator, value: bool) -> tuple[Tensor, Tensor]:
        """The sum itself, see `all_pairs_softplus`."""
        return all_pairs_softplus(z, self.block, value, self.buffer)

    def all_pairs_of(self, decoder: Decoder, z: Tensor, generator: torch.Generator) -> Tensor:
        """The sum itself; InputError if the decoder has no ``rows``."""
        if not hasattr(decoder, "rows"):
            raise InputError(
                f"{type(decoder).__name__} has no rows(z, nodes), which the full loss needs; "
                f"loss='sampled' does without"
            )
        return blockwise_softplus(decoder, z, self.block)


class SampledReconstruction(Reconstruction):
    """The same loss with the sum over all pairs estimated: all nodes against some, drawn anew at each call.

    Of more ones in A + I than 2^18, as many are drawn, too. The expectation of value and gradient is exactly
    `FullReconstruction`'s; time and memory are linear in nodes and edges. For another decoder than the inner
    product the sum is estimated from as many pairs as A + I has ones, at most 2^18.
    """

    most_positives = 1 << 18
    width = 128
    """Nodes drawn."""

    def all_pairs(self, z: Tensor, generator: torch.Generator, value: bool) -> tuple[Tensor, Tensor]:
        """The estimate, see `some_pairs_softplus`."""
        nodes = torch.randperm(self.num_nodes, generator=generator, device=generator.device)[: self.width]
        return some_pairs_softplus(z, nodes, self.block, value, self.buffer)

    def all_pairs_of(self, decoder: Decoder, z: Tensor, generator: torch.Generator) -> Tensor:
        """An estimate from pairs."""
        num_pairs = min(self.positives.pairs.size(1), self.most_positives)
        shape = (2, num_pairs)
        pairs = torch.randint(self.num_nodes, shape, generator=generator, device=generator.device)
        return softplus(decoder(z, pairs)).sum() * (self.num_nodes**2 / num_pairs)


class QuadraticReconstruction(Reconstruction):
    """The full loss with softplus replaced by its expansion to second order around 0, in linear time.

    ``phi(s) = log 2 + s / 2 + s^2 / 8``, which up to a constant is the squared error of the logits against
    +2 for the ones of A + I and -2 for the rest. Its sum over all pairs needs no pair, see
    `all_pairs_quadratic`, so that value and gradient are exact in O(N D^2 + s D). What it gives up: a logit
    beyond +-2 is punished for being right, so that the model cannot grow sure of anything.
    """

    constant, square = math.log(2), 1 / 8

    def phi(self, logits: Tensor) -> Tensor:
        """``constant + s / 2 + square s^2``."""
        return self.constant + logits / 2 + self.square * logits.square()

    def slope(self, logits: Tensor) -> Tensor:
        """``1 / 2 + 2 square s``."""
        return 2 * self.square * logits + 0.5

    def all_pairs(self, z: Tensor, generator: torch.Generator, value: bool) -> tuple[Tensor, Tensor]:
        """The sum itself."""
        return all_pairs_quadratic(z, self.constant, self.square)

    def all_pairs_of(self, decoder: Decoder, z: Tensor, generator: torch.Generator) -> Tensor:
        """There is none: InputError."""
        raise InputError(
            f"the quadratic losses need the inner product, got {type(decoder).__name__}; "
            f"loss='sampled' takes any decoder"
        )


class SquaredReconstruction(QuadraticReconstruction):
    """The squared error of the logits against +1 for the ones of A + I and -1 for the rest, a quarter of it.

    ``phi(s) = (s + 1)^2 / 4``; all else is as in `QuadraticReconstruction`.
    """

    constant, square = 1 / 4, 1 / 4


RECONSTRUCTIONS: dict[str, type[Reconstruction]] = {
    "full": FullReconstruction,
    "sampled": SampledReconstruction,
    "quadratic": QuadraticReconstruction,
    "squared": SquaredReconstruction,
}


class _WithGradient(torch.autograd.Function):
    """The loss of the inner product, whose gradient is computed along with it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, loss: Reconstruction, generator: torch.Generator, value: bool) -> Tensor:
        total, gradient = loss.with_gradient(z, generator, value)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        if torch.is_grad_enabled():  # create_graph=True: what is saved is a number, not a function of z
            raise RuntimeError("the reconstruction loss has no second derivative")
        (gradient,) = ctx.saved_tensors
        return grads[0] * gradient, None, None, None
