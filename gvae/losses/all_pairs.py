"""Sums over all N^2 pairs of nodes, with the gradient: exact, estimated, or of a quadratic in linear time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.utils.checkpoint import checkpoint

from gvae.layers import Decoder
from gvae.memory import level2_cache
from gvae.onednn import onednn_products

Kept = TypeVar("Kept")
ROWS = 64
"""Rows are padded to a multiple of this."""


def default_block(width: int, device: torch.device | str = "cpu") -> int:
    """Rows of logits to hold at a time, each of so many: a multiple of 64, at least 128.

    On the processor as many as fill six second-level caches in float32, on another device 128 MiB.
    """
    held = 6 * (level2_cache() or 1 << 20) if torch.device(device).type == "cpu" else 1 << 27
    return max(held // 4 // width // ROWS, 2) * ROWS


class Buffer:
    """Memory and views that are kept between calls: claimed anew, their pages would be cleared first."""

    def __init__(self) -> None:
        self._key: object = None
        self._kept: Any = None

    def get(self, make: Callable[[Tensor, int], Kept], z: Tensor, size: int) -> Kept:
        """What ``make(z, size)`` gives, made only for another maker, size, shape, type or device of z."""
        key = (make, size, z.shape, z.dtype, z.device)
        if key != self._key:
            with torch.inference_mode(False):  # what is claimed in that mode is of no use outside
                self._key, self._kept = key, make(z, size)
        kept: Kept = self._kept
        return kept


class _Triangle:
    """Where `all_pairs_softplus` works: z and its gradient, padded, and for each row block its views.

    A block has its rows of z, those from its first row to the end, transposed, its logits and its rows of
    the gradient; then, of the columns behind the block, the transposed logits and the gradient.
    """

    def __init__(self, z: Tensor, block: int) -> None:
        padded = z.size(0) + -z.size(0) % ROWS  # no odd rows: faster, and threads share them evenly
        self.z, self.gradient = z.new_zeros(padded, z.size(1)), z.new_empty(padded, z.size(1))
        memory = z.new_empty(min(block, padded) * padded)
        self.blocks = []
        for start in range(0, z.size(0), block):
            rest = self.z[start:]
            rows, gradient = rest[:block], self.gradient[start : start + block]
            logits = memory[: len(rows) * len(rest)].view(len(rows), len(rest))
            behind = logits[:, len(rows) :].t(), self.gradient[start + len(rows) :]
            self.blocks.append((rows, rest, rest.t(), logits, gradient, *behind))


def all_pairs_softplus(
    z: Tensor, block: int | None = None, value: bool = True, buffer: Buffer | None = None
) -> tuple[Tensor, Tensor]:
    """``sum_ij softplus(z_i^T z_j)`` and its gradient ``2 P Z``, with ``P = sigmoid(Z Z^T)``.

    One pass over row blocks of the upper triangle, in O(N block) memory.

    Parameters
    ----------
    z
        Embedding, shape ``(N, D)``.
    block
        Rows of logits held at a time; by default so many that they stay in the processor's cache.
    value
        Whether the value is needed, which takes as long again; else NaN comes.
    buffer
        Memory from an earlier call.

    Returns
    -------
    tuple of Tensor
        A scalar, and shape ``(N, D)``.
    """
    num_nodes, total = z.size(0), z.new_zeros((), dtype=torch.double)
    work = (buffer or Buffer()).get(_Triangle, z, block or default_block(num_nodes, z.device))
    work.z[:num_nodes] = z.detach()
    work.gradient.zero_()
    with onednn_products(num_nodes):
        for rows, rest, rest_t, logits, gradient, behind_t, behind in work.blocks:
            torch.mm(rows, rest_t, out=logits)
            if value:
                total += _upper_sum(logits, padding=len(work.z) - num_nodes)
            logits.sigmoid_()
            gradient.addmm_(logits, rest, alpha=2)
            behind.addmm_(behind_t, rows, alpha=2)
    total = total.to(z.dtype) if value else z.new_full((), torch.nan)
    return total, work.gradient[:num_nodes].clone()


def some_pairs_softplus(
    z: Tensor,
    nodes: Tensor,
    block: int | None = None,
    value: bool = True,
    buffer: Buffer | None = None,
) -> tuple[Tensor, Tensor]:
    """Estimate ``sum_ij softplus(z_i^T z_j)`` and its gradient from all pairs of all nodes and some.

    With m nodes drawn, ``N / m`` times the sum over their pairs is unbiased, and so is ``2 N / m P Z`` with
    their columns of P and rows of Z as its gradient; that of the estimate itself would move the nodes drawn
    and no others. The sum of ``s_ij / 2 + c s_ij^2``, which is much of softplus, is known exactly without any
    pair (`all_pairs_quadratic`), so that both are corrected by what the draw gets wrong of it: a control
    variate. Were the logits normal with mean 0, the best c would be half the mean slope of the sigmoid,
    ``1/8 (1 + pi v / 8)^(-1/2)`` for a variance v (MacKay 1992, eq. 7; Stein's lemma), and v, their mean
    square, is known as well: ``|Z^T Z|_F^2 / N^2``.

    Parameters
    ----------
    z
        Embedding, shape ``(N, D)``.
    nodes
        Drawn uniformly, without replacement, shape ``(m,)``; all nodes give the exact sum.
    block, value, buffer
        As in `all_pairs_softplus`.

    Returns
    -------
    tuple of Tensor
        A scalar, and shape ``(N, D)``.
    """
    each = z.size(0) / nodes.numel()
    drawn = z.index_select(0, nodes)  # (m, D)
    drawn_t = drawn.t().contiguous()
    gradient, total = torch.empty_like(z), z.new_zeros((), dtype=torch.double)
    block = min(block or default_block(nodes.numel(), z.device), z.size(0))
    memory = (buffer or Buffer()).get(_memory, drawn, block)  # (block, m)
    with onednn_products(z.size(0)):
        for rows, part in zip(torch.split(z, block), torch.split(gradient, block), strict=True):
            logits = torch.mm(rows, drawn_t, out=memory[: len(rows)])
            if value:
                total += each * softplus(logits).sum()
            torch.mm(logits.sigmoid_(), drawn, out=part)
    sums, squares = z.sum(dim=0), z.t() @ z  # (D,), (D, D)
    missed_sums, missed_squares = sums - each * drawn.sum(dim=0), squares - each * (drawn_t @ drawn)
    missed_squares *= 1 / 8 * (1 + math.pi / 8 * (squares / z.size(0)).square().sum()).rsqrt()  # c
    gradient.mul_(2 * each).addmm_(z, missed_squares, alpha=4).add_(missed_sums)
    if not value:
        return z.new_full((), torch.nan), gradient
    return total.to(z.dtype) + sums @ missed_sums / 2 + (squares * missed_squares).sum(), gradient


def all_pairs_quadratic(z: Tensor, constant: float, square: float) -> tuple[Tensor, Tensor]:
    """``sum_ij constant + s_ij / 2 + square s_ij^2`` and its gradient, in O(N D^2).

    No pair is looked at: ``sum_ij s_ij = |sum_i z_i|^2`` and ``sum_ij s_ij^2 = |Z^T Z|_F^2``.

    Returns
    -------
    tuple of Tensor
        A scalar, and shape ``(N, D)``.
    """
    sums, squares = z.sum(dim=0), z.t() @ z  # (D,), (D, D)
    total = constant * z.size(0) ** 2 + sums.square().sum() / 2 + square * squares.square().sum()
    return total, torch.addmm(sums, z, squares, alpha=4 * square)


def blockwise_softplus(decoder: Decoder, z: Tensor, block: int | None = None) -> Tensor:
    """``sum_ij softplus(s_ij)`` of any decoder through autograd, each block computed again backwards."""

    def block_sum(z: Tensor, start: int) -> Tensor:
        return softplus(decoder.rows(z, slice(start, start + rows))).sum()

    rows = block or default_block(z.size(0), z.device)
    sums = [checkpoint(block_sum, z, start, use_reentrant=False) for start in range(0, z.size(0), rows)]
    return torch.stack(sums).sum()


def _memory(drawn: Tensor, block: int) -> Tensor:
    return drawn.new_empty(block, len(drawn))


def _upper_sum(logits: Tensor, padding: int) -> Tensor:
    """``sum softplus`` of a row block of the upper triangle, what lies behind it twice, without padding."""
    size, real = logits.size(0), logits.size(1) - padding
    own, behind = logits[:real, :size], logits[:real, size:real]
    return softplus(own[:, :real]).sum().double() + 2 * softplus(behind).sum()
