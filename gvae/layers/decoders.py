"""Decoders: from z to the logits of edges; no sigmoid here."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn


class Decoder(Protocol):
    """What losses and scoring need of a decoder: an ``nn.Module`` with ``forward(z, pairs)`` and ``rows``.

    Both give logits, any real numbers: no sigmoid, which losses and metrics apply or do without. ``rows`` is
    asked for by the full loss and the ranking alone.
    """

    def __call__(self, z: Tensor, pairs: Tensor) -> Tensor:
        """Logits of node pairs ``(2, P)`` from the embedding z ``(N, D)``, shape ``(P,)``."""

    def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
        """Logits of some nodes, a slice or indices ``(B,)``, with all nodes, shape ``(B, N)``."""


class InnerProductDecoder(nn.Module):
    """``logit_ij = z_i^T z_j`` (Kipf and Welling 2016, eq. 2, before the sigmoid)."""

    def forward(self, z: Tensor, pairs: Tensor) -> Tensor:
        """Logits of pairs.

        Parameters
        ----------
        z
            Embedding, shape ``(N, D)``.
        pairs
            Node indices, shape ``(2, P)``.

        Returns
        -------
        Tensor
            Shape ``(P,)``.
        """
        # index_select, not z[...]: the gradient of indexing adds atomically and varies from run to run.
        return (z.index_select(0, pairs[0]) * z.index_select(0, pairs[1])).sum(dim=1)

    def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
        """Logits of some nodes, a slice or indices ``(B,)``, with all nodes, shape ``(B, N)``."""
        rows = z[nodes] if isinstance(nodes, slice) else z.index_select(0, nodes)
        return rows @ z.t()

    def all_pairs(self, z: Tensor) -> Tensor:
        """Logits of all pairs, shape ``(N, N)``: for small graphs, and as the reference in tests."""
        return self.rows(z, slice(None))
