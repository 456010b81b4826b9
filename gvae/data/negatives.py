"""Node pairs that are not edges: uniform, without repeats, never a positive in either direction."""

from __future__ import annotations

import torch
from torch import Tensor

from gvae.data.graph import check_edge_index
from gvae.errors import InputError


class NegativeSampler:
    """Uniform draws, without replacement, from the unordered pairs {i, j}, i < j, that are not edges.

    The pairs are numbered ``j (j - 1) / 2 + i``. The r-th non-edge is found from r by a binary search
    among the sorted numbers of the edges, so no draw is ever rejected for being an edge, and a draw costs
    O(k log E) time and O(E + k) memory, however dense the graph.

    Parameters
    ----------
    edge_index
        Edges ``(2, E)``, in either or both directions; self-loops are ignored.
    num_nodes
        Number of nodes N.
    """

    def __init__(self, edge_index: Tensor, num_nodes: int) -> None:
        check_edge_index(edge_index, num_nodes)
        low, high = edge_index.min(0).values, edge_index.max(0).values
        codes = torch.unique(_encode(low, high)[low < high])
        self.num_non_edges = num_nodes * (num_nodes - 1) // 2 - codes.numel()
        # Before the e-th edge (number c) stand c - e non-edges: sorted, (E,).
        self._non_edges_before = codes - torch.arange(codes.numel(), device=codes.device)

    def sample(self, num_samples: int, generator: torch.Generator) -> Tensor:
        """Draw ``num_samples`` distinct non-edges.

        Returns
        -------
        Tensor
            Pairs with src < dst in random order, shape ``(2, num_samples)``.

        Raises
        ------
        InputError
            If there are fewer non-edges than asked for.
        """
        if not 0 <= num_samples <= self.num_non_edges:
            raise InputError(
                f"the graph has {self.num_non_edges} pairs that are not edges; {num_samples} were asked for"
            )
        ranks = distinct(self.num_non_edges, num_samples, generator)
        return _decode(ranks + torch.searchsorted(self._non_edges_before, ranks, right=True))


def sample_negatives(
    edge_index: Tensor, num_nodes: int, num_samples: int, *, generator: torch.Generator
) -> Tensor:
    """Draw distinct node pairs that are not edges, uniformly; see `NegativeSampler`.

    Returns
    -------
    Tensor
        Pairs with src < dst, shape ``(2, num_samples)``.
    """
    return NegativeSampler(edge_index, num_nodes).sample(num_samples, generator)


def _encode(low: Tensor, high: Tensor) -> Tensor:
    return high * (high - 1) // 2 + low


def _decode(codes: Tensor) -> Tensor:
    high = ((1 + (1 + 8 * codes.double()).sqrt()) / 2).long()
    # The square root is rounded: it may be one off where a row begins.
    high -= (high * (high - 1) // 2 > codes).long()
    high += (high * (high + 1) // 2 <= codes).long()
    return torch.stack([codes - high * (high - 1) // 2, high])


def distinct(population: int, size: int, generator: torch.Generator) -> Tensor:
    """``size`` distinct integers from [0, population), uniformly, in random order."""
    device = generator.device
    if size * 4 > population:
        return torch.randperm(population, generator=generator, device=device)[:size]
    # Draws in excess of `size` are thrown away at random, so every subset stays equally likely.
    drawn = torch.empty(0, dtype=torch.long, device=device)
    while drawn.numel() < size:
        more = torch.randint(population, (size + 16,), generator=generator, device=device)
        drawn = torch.unique(torch.cat([drawn, more]))
    return drawn[torch.randperm(drawn.numel(), generator=generator, device=device)[:size]]
