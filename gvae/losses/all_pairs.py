"""Sums over all N^2 pairs of nodes, with the gradient: exact, estimated, or of a quadratic in linear time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad, softplus
from torch.utils.checkpoint import checkpoint

from gvae.layers import Decoder
from gvae.memory import level2_cache

ROWS = 64
"""Rows are padded to a multiple of this, and a block has at least so many."""

SQUARE = 1 / 16
"""Of s^2 in the control variate: the tangent's 1/8 is better for small logits, worse for those of a model."""


def default_block(width: int) -> int:
    """Rows of logits to hold at a time, each of so many: as many as fill two second-level caches, in float32.

    A multiple of 64, at least 64: below, products of matrices are slow.
    """
    cache = level2_cache() or 1 << 20
    return max(2 * cache // 4 // width // ROWS, 1) * ROWS


class Buffer:
    """Memory for blocks of logits, kept between calls: claimed anew, its pages would be cleared first."""

    def __init__(self) -> None:
        self._kept: Tensor | None = None

    def take(self, like: Tensor, rows: int, columns: int) -> Tensor:
        """A matrix ``(rows, columns)`` of any content, of the type and on the device of ``like``."""
        kept, needed = self._kept, rows * columns
        if kept is None or kept.numel() < needed or (kept.dtype, kept.device) != (like.dtype, like.device):
            kept = self._kept = like.new_empty(needed)
        return kept[:needed].view(rows, columns)


def all_pairs_softplus(
    z: Tensor, block: int, value: bool = True, buffer: Buffer | None = None
) -> tuple[Tensor, Tensor]:
    """``sum_ij softplus(z_i^T z_j)`` and its gradient ``2 P Z``, with ``P = sigmoid(Z Z^T)``.

    One pass over row blocks of the upper triangle, in O(N block) memory.

    Parameters
    ----------
    z
        Embedding, shape ``(N, D)``.
    block
        Rows of logits held at a time.
    value
        Whether the value is needed, which takes as long again; else NaN comes.
    buffer
        Memory from an earlier call.

    Returns
    -------
    tuple of Tensor
        A scalar, and shape ``(N, D)``.
    """
    num_nodes, z = z.size(0), _padded(z)
    gradient = torch.zeros_like(z)
    total, buffer = _Total(z, value), buffer or Buffer()
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
    z: Tensor, nodes: Tensor, block: int, value: bool = True, buffer: Buffer | None = None
) -> tuple[Tensor, Tensor]:
    """Estimate ``sum_ij softplus(z_i^T z_j)`` and its gradient from all pairs of all nodes and some.

    With m nodes drawn, ``N / m`` times the sum over their pairs is unbiased, and so is ``2 N / m P Z`` with
    their columns of P and rows of Z as its gradient; that of the estimate itself would move the nodes drawn
    and no others. The sum of ``s_ij / 2 + s_ij^2 / 16``, which is much of softplus, is known exactly without
    any pair (`all_pairs_quadratic`), so that both are corrected by what the draw gets wrong of it: a control
    variate, which leaves a fifth of the error.

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
    for rows, part in zip(torch.split(z, block), torch.split(gradient, block), strict=True):
        logits = torch.mm(rows, drawn_t, out=buffer.take(z, rows.size(0), nodes.numel()))  # (B, m)
        total.add(logits, times=each)
        torch.mm(logits.sigmoid_(), drawn, out=part)
    sums, squares = z.sum(dim=0), z.t() @ z  # (D,), (D, D)
    missed_sums, missed_squares = sums - each * drawn.sum(dim=0), squares - each * (drawn_t @ drawn)
    missed = sums @ missed_sums / 2 + SQUARE * (squares * missed_squares).sum()
    gradient.mul_(2 * each).addmm_(z, missed_squares, alpha=4 * SQUARE).add_(missed_sums)
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


def blockwise_softplus(decoder: Decoder, z: Tensor, block: int) -> Tensor:
    """``sum_ij softplus(s_ij)`` of any decoder through autograd, each block computed again backwards."""

    def block_sum(z: Tensor, start: int) -> Tensor:
        return softplus(decoder.rows(z, slice(start, start + block))).sum()

    sums = [checkpoint(block_sum, z, start, use_reentrant=False) for start in range(0, z.size(0), block)]
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


def _padded(z: Tensor) -> Tensor:
    """Z with rows of zeros up to a whole 64: products are faster, and threads share them evenly."""
    return pad(z, (0, 0, 0, -z.size(0) % ROWS))
