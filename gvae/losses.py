"""Objectives: the parts of a loss have names, and their weights stand in one place.

Both reconstruction losses are called as ``loss(decoder, z, generator, value)`` and weigh two sums alike, over
A + I (the diagonal counts as positive) and over the rest,

    1/2 [ 1/s  sum_{A+I} softplus(-s_ij)  +  1/(N^2 - s)  sum_{rest} softplus(s_ij) ],    s = 2 |E_train|,

which is Kipf and Welling's weighted cross-entropy written out: with ``pos_weight = (N^2 - s) / s`` and
``norm = N^2 / (2 (N^2 - s))`` it equals ``norm * mean_ij BCE-with-logits(s_ij, (A+I)_ij, pos_weight)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.utils.checkpoint import checkpoint
from torch_geometric.utils import is_undirected

from gvae.config import require_int
from gvae.data.graph import unique_edges
from gvae.data.negatives import NegativeSampler
from gvae.errors import InputError
from gvae.layers import Decoder, InnerProductDecoder, Posterior

BLOCK_LOGITS, MIN_BLOCK = 1 << 18, 64
"""Rows are taken so many that a block has 2^18 logits (1 MiB in float32, for the cache), but at least 64."""


@dataclass(frozen=True)
class LossOutput:
    """A loss and its parts, scalars; ``total`` is what is minimised, the parts come without weights."""

    total: Tensor
    recon: Tensor
    kl: Tensor


def variational_loss(recon: Tensor, posterior: Posterior, beta: float = 1.0) -> LossOutput:
    """``total = recon + (beta / N) mean_i KL_i``: the objective of a graph model.

    ``KL_i`` is node i's KL to the standard normal, summed over the latent dimensions. The summed KL is so
    weighed by 1/N^2, like the mean over N^2 pairs in ``recon``; beta = 1 is the objective of Kipf's code
    (and of PyTorch Geometric's example). With an unweighted ``recon`` that would be the negative ELBO over
    N^2; as ``pos_weight`` lifts ``recon``, beta = 1 weighs the KL less than the ELBO does.

    Parameters
    ----------
    recon
        Reconstruction loss, a mean over pairs, scalar.
    posterior
        Gives ``kl()``, nats a node, shape ``(N,)``; reported as their mean.
    beta
        Weight of the KL term (Higgins et al. 2017).

    Returns
    -------
    LossOutput
        The total, ``recon`` as given, and the mean KL.
    """
    kl = posterior.kl()
    mean = kl.mean()
    return LossOutput(total=recon + beta / kl.numel() * mean, recon=recon, kl=mean)


class Reconstruction(Protocol):
    """A reconstruction loss for one graph."""

    def __call__(self, decoder: Decoder, z: Tensor, generator: torch.Generator, value: bool = True) -> Tensor:
        """Scalar loss of the embedding z, shape ``(N, D)``.

        With ``value=False`` only its gradient is needed, and the value may be NaN where that is cheaper.
        """


class FullReconstruction:
    """Kipf and Welling's weighted cross-entropy over all N^2 pairs, exactly, in O(N block) memory.

    For the inner product the gradient is written by hand: with ``P = sigmoid(Z Z^T)`` the all-pairs
    term's is ``2 P Z``, so one pass over row blocks of the upper triangle gives value and gradient.
    Any other decoder goes block by block through autograd, each block computed again for its gradient.

    Parameters
    ----------
    edge_index
        Training edges in both directions, shape ``(2, s)``.
    num_nodes
        Number of nodes N.
    block
        Rows held at a time; by default as many as make a block of 2^18 logits, at least 64.

    Raises
    ------
    InputError
        If an edge is missing in one direction or repeated, if there are no edges or nothing else, or if
        ``block`` is below 1.
    """

    def __init__(self, edge_index: Tensor, num_nodes: int, block: int | None = None) -> None:
        self.positives, self.s = _with_diagonal(edge_index, num_nodes)
        self.num_nodes = num_nodes
        default = max(MIN_BLOCK, BLOCK_LOGITS // num_nodes)
        self.block = default if block is None else require_int("block", block, at_least=1)

    def __call__(self, decoder: Decoder, z: Tensor, generator: torch.Generator, value: bool = True) -> Tensor:
        """Scalar loss of the embedding z, shape ``(N, D)``; ``generator`` is not used.

        With ``value=False`` the inner product's comes as NaN, with the right gradient, in half the time.
        """
        if type(decoder) is InnerProductDecoder:  # a subclass may score otherwise
            everywhere: Tensor = _AllPairsSoftplus.apply(z, self.block, value)  # type: ignore[no-untyped-call]
        else:
            everywhere = self._blockwise(decoder, z)
        logits = decoder(z, self.positives)
        negatives = everywhere - softplus(logits).sum()
        return _balanced(softplus(-logits).sum(), negatives, self.s, self.num_nodes)

    def _blockwise(self, decoder: Decoder, z: Tensor) -> Tensor:
        if not hasattr(decoder, "rows"):
            raise InputError(
                f"{type(decoder).__name__} has no rows(z, nodes), which the full loss needs; "
                f"loss='sampled' does without"
            )

        def block_sum(z: Tensor, start: int) -> Tensor:
            return softplus(decoder.rows(z, slice(start, start + self.block))).sum()

        starts = range(0, self.num_nodes, self.block)
        sums = [checkpoint(block_sum, z, start, use_reentrant=False) for start in starts]
        return torch.stack(sums).sum()


MAX_SAMPLE = 1 << 18
"""Positives and non-edges that one call of the sampled loss looks at, each at most."""


class SampledReconstruction:
    """The same loss with the mean over the rest estimated from non-edges drawn anew at each call.

    As many are drawn as there are edges, but at most 2^18; of more positives than that, as many are drawn.
    Its expectation is exactly `FullReconstruction`; time and memory are linear in the edges.

    Parameters
    ----------
    edge_index
        Training edges in both directions, shape ``(2, s)``.
    num_nodes
        Number of nodes N.

    Raises
    ------
    InputError
        If an edge is missing in one direction or repeated, or if there are no edges or nothing else.
    """

    def __init__(self, edge_index: Tensor, num_nodes: int) -> None:
        self.positives, self.s = _with_diagonal(edge_index, num_nodes)
        self.num_nodes = num_nodes
        self.sampler = NegativeSampler(edge_index, num_nodes)
        self.num_samples = min(self.s // 2, self.sampler.num_non_edges, MAX_SAMPLE)

    def __call__(self, decoder: Decoder, z: Tensor, generator: torch.Generator, value: bool = True) -> Tensor:
        """Scalar loss of the embedding z, shape ``(N, D)``; non-edges are drawn from ``generator``."""
        pairs = self.sampler.sample(self.num_samples, generator)
        scale = 2 * self.sampler.num_non_edges / max(self.num_samples, 1)
        negatives = scale * softplus(decoder(z, pairs)).sum()
        drawn, share = self._draw_positives(generator)
        positives = softplus(-decoder(z, drawn)).sum() / share
        return _balanced(positives, negatives, self.s, self.num_nodes)

    def _draw_positives(self, generator: torch.Generator) -> tuple[Tensor, float]:
        """Positives for one call, with replacement, and which share of all they are."""
        total = self.positives.size(1)
        if total <= MAX_SAMPLE:
            return self.positives, 1.0
        index = torch.randint(total, (MAX_SAMPLE,), generator=generator, device=self.positives.device)
        return self.positives[:, index], MAX_SAMPLE / total


RECONSTRUCTIONS = {"full": FullReconstruction, "sampled": SampledReconstruction}


def _with_diagonal(edge_index: Tensor, num_nodes: int) -> tuple[Tensor, int]:
    """The positives, A + I, shape ``(2, s + N)``, and s, the ones in A."""
    s = edge_index.size(1)
    if s != 2 * unique_edges(edge_index, num_nodes).size(1) or not is_undirected(edge_index):
        raise InputError("the loss needs each edge once in both directions, without self-loops")
    if not 0 < s < num_nodes**2 - num_nodes:
        raise InputError(f"the loss needs edges and non-edges, got {s} directed edges on {num_nodes} nodes")
    loops = torch.arange(num_nodes, device=edge_index.device).expand(2, -1)
    return torch.cat([edge_index, loops], dim=1), s


def _balanced(positives: Tensor, negatives: Tensor, s: int, num_nodes: int) -> Tensor:
    """The module's formula from the two sums."""
    return 0.5 * (positives / s + negatives / (num_nodes**2 - s))


class _AllPairsSoftplus(torch.autograd.Function):
    """``sum_ij softplus(z_i^T z_j)``, gradient and, if asked, value in one pass over the upper triangle."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, block: int, value: bool) -> Tensor:
        num_nodes = z.size(0)
        z_t = z.t().contiguous()  # (D, N)
        grad = torch.zeros_like(z)  # sigmoid(Z Z^T) Z
        total = torch.full((), 0 if value else torch.nan, dtype=torch.double, device=z.device)
        buffers = z.new_empty(2 if value else 1, block * num_nodes)
        for start in range(0, num_nodes, block):
            rows = z[start : start + block]
            size, width = rows.size(0), num_nodes - start
            views = buffers[:, : size * width].view(-1, size, width)  # with columns start:N
            logits, p = views[0], views[-1]  # one and the same where the logits are not needed again
            torch.mm(rows, z_t[:, start:], out=logits)
            torch.sigmoid(logits, out=p)
            grad[start : start + size].addmm_(p, z[start:])
            grad[start + size :].addmm_(p[:, size:].t(), rows)
            if value:
                torch.ops.aten.softplus.out(logits, out=logits)
                total += logits[:, :size].sum() + 2 * logits[:, size:].sum()
        ctx.save_for_backward(grad)
        return total.to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():  # create_graph=True: what is saved is a number, not a function of z
            raise RuntimeError("the full reconstruction loss has no second derivative")
        (grad,) = ctx.saved_tensors
        return 2 * grads[0] * grad, None, None
