"""GCN encoders: a first layer W0 shared by one head a parameter of the posterior."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv
from torch_geometric.nn.dense.linear import Linear

from gvae.config import require_int
from gvae.data.graph import is_sparse
from gvae.errors import InputError
from gvae.layers.sparse import normalized_adjacency, sparse_matmul
from gvae.layers.two_layers import TwoLayers, graph_of


class FeatureLinear(Linear):  # type: ignore[misc]
    """``X W`` for dense X, sparse CSR X, or ``None``, which stands for X = I: the product is W itself."""

    def forward(self, x: Tensor | None) -> Tensor:
        """Map features ``(N, D)`` to ``(N, out_channels)``; ``None`` needs ``in_channels`` = N."""
        if x is None:
            return cast(Tensor, self.weight.t())
        if is_sparse(x):
            return sparse_matmul(x, self.weight.t())
        return cast(Tensor, super().forward(x))


class GCNLayer(GCNConv):  # type: ignore[misc]
    """``A~ X W``: PyTorch Geometric's `GCNConv` without bias, fed with A~ and with X sparse or absent.

    Parameters
    ----------
    in_channels, out_channels
        Shape of W.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, bias=False, normalize=False)
        self.lin = FeatureLinear(in_channels, out_channels, bias=False, weight_initializer="glorot")

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor) -> Tensor:
        """``A~ H`` as one sparse product, with a gradient that is one too."""
        return sparse_matmul(adj_t, x)


class GCNEncoder(nn.Module):
    """Two-layer GCN, ``A~ ReLU(A~ X W0) W`` for each head W (Kipf and Welling 2016, section 2).

    Glorot uniform weights, no bias, no dropout. `TwoLayers` computes it, with a gradient written by hand;
    features that are learned go layer by layer through ``W0`` and ``heads``, which gives the same.

    Parameters
    ----------
    in_channels
        Features D, or the number of nodes N for a featureless graph (X = I).
    hidden_channels
        Channels of W0.
    out_channels
        Dimensions of each head's output.
    heads
        Names of the heads: ``("mu", "logstd")`` for a Gaussian posterior, ``("mu",)`` for a point.
    generator
        Where the weights are drawn from; without one, from torch's global random state.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 32,
        out_channels: int = 16,
        heads: tuple[str, ...] = ("mu", "logstd"),
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = require_int("in_channels", in_channels, at_least=1)
        require_int("hidden_channels", hidden_channels, at_least=1)
        require_int("out_channels", out_channels, at_least=1)
        self.W0 = GCNLayer(in_channels, hidden_channels)
        self.heads = nn.ModuleDict({name: GCNLayer(hidden_channels, out_channels) for name in heads})
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, Glorot uniform."""
        for weight in self.parameters():
            nn.init.xavier_uniform_(weight, generator=generator)

    def forward(
        self, x: Tensor | None, edge_index: Tensor, edge_weight: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode a graph.

        Parameters
        ----------
        x
            Features ``(N, in_channels)``, dense or sparse CSR; ``None`` for X = I.
        edge_index
            Edges to pass messages along, both directions, shape ``(2, E)``.
        edge_weight
            Their weights, ``(E,)``; without them all are 1.

        Returns
        -------
        tuple of Tensor
            One ``(N, out_channels)`` for each head, in their order.

        Raises
        ------
        InputError
            If x does not have ``in_channels`` columns.
        """
        if x is not None and x.size(1) != self.in_channels:
            raise InputError(f"x must have {self.in_channels} columns, got {x.size(1)}")
        num_nodes = self.in_channels if x is None else x.size(0)
        first, heads = self.W0.lin.weight, [cast(GCNLayer, head) for head in self.heads.values()]
        if x is not None and x.requires_grad:
            adjacency = normalized_adjacency(edge_index, num_nodes, first.dtype, edge_weight)
            hidden = self.W0(x, adjacency).relu()
            return tuple(head(hidden, adjacency) for head in heads)
        graph = graph_of(edge_index, x, edge_weight, first.dtype, num_nodes)
        outputs: tuple[Tensor, ...] = TwoLayers.apply(graph, first, *(head.lin.weight for head in heads))  # type: ignore[no-untyped-call]
        return outputs
