"""Sums over all N^2 pairs of nodes, with the gradient: exact, estimated, or of a quadratic in linear time."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad, softplus
from torch.utils.checkpoint import checkpoint

from gvae.layers import Decoder
from gvae.memory import level2_cache
from gvae.onednn import onednn_products

ROWS = 64
"""Rows are padded to a multiple of this."""


def default_block(width: int, device: torch.device | str = "cpu") -> int:
    """Rows of logits to hold at a time, each of so many: a multiple of 64, at least 128.

    On the processor as many as fill six second-level caches in float32, on another device 128 MiB.
    """
    held = 6 * (level2_cache() or 1 << 20) if torch.device(device).type == "cpu" else 1 << 27
    return max(held // 4 // width // ROWS, 2) * ROWS


class Buffer:
    """Memory for blocks of logits, kept between calls: claimed anew, its pages would be cleared first."""

    def __init__(self) -> None:
        self._kept: Tensor | None = None

    def take(self, like: Tensor, rows: int, columns: int) -> Tensor:
        """A matrix ``(rows, columns)`` of any content, of the type and on the device of ``like``."""
        kept, needed = self._kept, rows * columns
        if kept is None or kept.numel() < needed or (kept.dtype, kept.device) != (like.dtype, like.device):
            with torch.inference_mode(False):  # what is claimed in that mode is of no use outside
                kept = self._kept = like.new_empty(needed)
        return kept[:needed].view(rows, columns)


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
    num_nodes, buffer = z.size(0), buffer or Buffer()
    block = block or default_block(num_nodes, z.device)
    z = pad(z, (0, 0, 0, -num_nodes % ROWS))  # no odd rows: faster, and threads share them evenly
    gradient = torch.zeros_like(z)
    total = _Total(z, value)
    with onednn_products():
        for start in range(0, num_nodes, block):
            rows = z[start : start + block]
            size, width = rows.size(0), z.size(0) - start  # with columns start:N
            logits = torch.mm(rows, z[start:].t(), out=buffer.take(z, size, width))
            real = logits[: num_nodes - start, : num_nodes - start]
            total.add(real[:, :size])
            total.add(real[:, size:], times=2)
            p = logits.sigmoid_()
            gradient[start : start + size].addmm_(p, z[start:], alpha=2)
            gradient[start + size :].addmm_(p[:, size:].t(), rows, alpha=2)
    return total(), gradient[:num_nodes]


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
    gradient = torch.empty_like(z)
    total, buffer = _Total(z, value), buffer or Buffer()
    block = block or default_block(nodes.numel(), z.device)
    with onednn_products():
        for rows, part in zip(torch.split(z, block), torch.split(gradient, block), strict=True):
            logits = torch.mm(rows, drawn_t, out=buffer.take(z, rows.size(0), nodes.numel()))  # (B, m)
            total.add(logits, times=each)
            torch.mm(logits.sigmoid_(), drawn, out=part)
    sums, squares = z.sum(dim=0), z.t() @ z  # (D,), (D, D)
    missed_sums, missed_squares = sums - each * drawn.sum(dim=0), squares - each * (drawn_t @ drawn)
    missed_squares *= 1 / 8 * (1 + math.pi / 8 * (squares / z.size(0)).square().sum()).rsqrt()  # c
    missed = sums @ missed_sums / 2 + (squares * missed_squares).sum()
    gradient.mul_(2 * each).addmm_(z, missed_squares, alpha=4).add_(missed_sums)
    return total() + missed, gradient


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


class _Total:
    """``sum softplus(logits)``, summed in float64; NaN if it is not needed."""

    def __init__(self, z: Tensor, wanted: bool) -> None:
        self._wanted, self._kind = wanted, z.dtype
        self._sum = z.new_full((), 0 if wanted else torch.nan, dtype=torch.double)

    def add(self, logits: Tensor, times: float = 1) -> None:
        if self._wanted:
            self._sum += times * softplus(logits).sum()

    def __call__(self) -> Tensor:
        return self._sum.to(self._kind)
