"""The ones of A + I: sums over their inner products, with the gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from gvae.data.graph import check_edge_index, pair_codes
from gvae.errors import InputError
from gvae.layers.sparse import csr_matrix, multiply, with_values

PAIRS_AT_ONCE = 1 << 18
"""Pairs whose ends are gathered together: what bounds the memory."""

Elementwise = Callable[[Tensor], Tensor]


class Positives:
    """The ones of A + I: the edges in both directions, and the diagonal.

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
        check_edge_index(edge_index, num_nodes)
        self.s = edge_index.size(1)
        self.pairs = _with_diagonal(edge_index, num_nodes)  # (2, s + N)
        if not 0 < self.s < num_nodes**2 - num_nodes:
            raise InputError(
                f"the loss needs edges and non-edges, got {self.s} directed edges on {num_nodes} nodes"
            )

    def draw(self, at_most: int, generator: torch.Generator) -> tuple[Tensor, float]:
        """All pairs, or of more than ``at_most`` so many with replacement; and for how many each stands."""
        total = self.pairs.size(1)
        if total <= at_most:
            return self.pairs, 1.0
        index = torch.randint(total, (at_most,), generator=generator, device=self.pairs.device)
        return self.pairs.index_select(1, index), total / at_most


class SymmetricPairs:
    """Sums over the inner products of a symmetric pattern: each made once, for both of its directions.

    Parameters
    ----------
    pairs
        Both directions and the diagonal in the order of rows, shape ``(2, M)``.
    num_nodes
        Number of nodes N.
    """

    def __init__(self, pairs: Tensor, num_nodes: int) -> None:
        self._once = pairs[:, pairs[0] <= pairs[1]].contiguous()  # (2, P)
        self._counts = torch.where(self._once[0] == self._once[1], 1.0, 2.0)
        # Which of the P pairs stands at each of the M places.
        once, all_places = pair_codes(self._once, num_nodes), pair_codes(pairs, num_nodes)
        self._place = torch.searchsorted(once, all_places, out_int32=True)
        self._matrix = csr_matrix(pairs, torch.zeros_like(pairs[0], dtype=torch.float), num_nodes)

    def sum(self, z: Tensor, of: Elementwise, slope: Elementwise, value: bool) -> tuple[Tensor, Tensor]:
        """``sum of(z_i^T z_j)``, a scalar, or NaN if not needed, and its gradient ``2 G Z``, ``(N, D)``.

        G has the derivative, ``slope``, of each logit in its place.
        """
        logits = inner_products(z, self._once)
        total = (self._counts * of(logits)).sum() if value else logits.new_full((), torch.nan)
        slopes = slope(logits).index_select(0, self._place)
        return total, multiply(with_values(self._matrix, slopes), z).mul_(2)


def sum_over_pairs(
    z: Tensor, pairs: Tensor, of: Elementwise, slope: Elementwise, value: bool
) -> tuple[Tensor, Tensor]:
    """``sum of(z_i^T z_j)`` over any pairs ``(2, P)``, or NaN if not needed, and its gradient, ``(N, D)``."""
    logits = inner_products(z, pairs)
    total = of(logits).sum() if value else logits.new_full((), torch.nan)
    slopes = slope(logits).unsqueeze(1)
    other_ends = torch.cat([z.index_select(0, pairs[1]) * slopes, z.index_select(0, pairs[0]) * slopes])
    return total, scatter(other_ends, pairs.reshape(-1), dim=0, dim_size=z.size(0))


def inner_products(z: Tensor, pairs: Tensor) -> Tensor:
    """``z_i^T z_j`` of pairs ``(2, P)``, gathered in parts; shape ``(P,)``."""
    parts = [
        z.index_select(0, some[0]).mul_(z.index_select(0, some[1])).sum(dim=1)
        for some in torch.split(pairs, PAIRS_AT_ONCE, dim=1)
    ]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _with_diagonal(edge_index: Tensor, num_nodes: int) -> Tensor:
    """The ones of A + I in the order of rows, shape ``(2, s + N)``."""
    src, dst = edge_index
    codes, reverse = (src * num_nodes + dst).sort().values, (dst * num_nodes + src).sort().values
    once = bool((codes[1:] > codes[:-1]).all()) and not bool((src == dst).any())
    if not once or not torch.equal(codes, reverse):
        raise InputError("the loss needs each edge once in both directions, without self-loops")
    loops = torch.arange(num_nodes, device=codes.device) * (num_nodes + 1)
    codes = torch.cat([codes, loops]).sort().values
    return torch.stack([codes // num_nodes, codes % num_nodes])
