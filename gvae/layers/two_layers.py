"""The two layers of a GCN as one function of their weights, with its gradient written by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gvae.layers.sparse import Remembered, multiply, normalized_adjacency, operator, propagated_features


class Operator(NamedTuple):
    """A constant matrix M and its transpose, each in the form in which it is multiplied; None for M = I."""

    matrix: Tensor | None
    transpose: Tensor | None

    @classmethod
    def of(cls, matrix: Tensor | None) -> Operator:
        """From M, dense or sparse CSR."""
        if matrix is None:
            return cls(None, None)
        if matrix.layout != torch.sparse_csr:
            return cls(matrix, matrix.t())
        return cls(operator(matrix, transposed=False), operator(matrix, transposed=True))

    def times(self, dense: Tensor) -> Tensor:
        """``M B``."""
        return _product(self.matrix, dense)

    def transpose_times(self, dense: Tensor) -> Tensor:
        """``M^T B``."""
        return _product(self.transpose, dense)


def _product(matrix: Tensor | None, dense: Tensor) -> Tensor:
    if matrix is None:
        return dense
    return multiply(matrix, dense) if matrix.layout == torch.sparse_csr else matrix @ dense


class Graph(NamedTuple):
    """What a GCN multiplies its weights by, made once: A~, and X or, where that is cheaper, ``A~ X``."""

    adjacency: Operator
    features: Operator
    propagated: bool

    def first(self, weight: Tensor) -> Tensor:
        """``A~ X W``."""
        product = self.features.times(weight)
        return product if self.propagated else self.adjacency.times(product)

    def first_transposed(self, grad: Tensor) -> Tensor:
        """``(A~ X)^T G``."""
        return self.features.transpose_times(
            grad if self.propagated else self.adjacency.transpose_times(grad)
        )


@Remembered
def graph_of(
    edge_index: Tensor, x: Tensor | None, edge_weight: Tensor | None, dtype: torch.dtype, num_nodes: int
) -> Graph:
    """The operators of a graph; parameters as in `gvae.layers.normalized_adjacency`."""
    adjacency = normalized_adjacency(edge_index, num_nodes, dtype, edge_weight)
    propagated = None if x is None else propagated_features(x, adjacency)
    features = Operator.of(x if propagated is None else propagated)
    return Graph(Operator.of(adjacency), features, propagated is not None)


class TwoLayers(torch.autograd.Function):
    """``A~ H W`` for each head W, where ``H = ReLU(A~ X W0)``; called with a `Graph`, W0 and the heads.

    Weights are ``(outputs, inputs)``, as `torch.nn.Linear` has them. All heads share one sparse product, on
    whichever side of it is the narrower. With ``G_k`` the gradient of head k's output,

        dW_k = G_k^T A~ H,    dH = A~^T sum_k G_k W_k,    dW0 = (dH * [H > 0])^T A~ X.
    """

    @staticmethod
    def forward(ctx: Any, graph: Graph, first: Tensor, *heads: Tensor) -> tuple[Tensor, ...]:
        """The output of each head, ``(N, outputs)``."""
        hidden = graph.first(first.t()).relu_()
        ctx.wide = sum(weight.size(0) for weight in heads) >= hidden.size(1)
        ctx.graph = graph
        if ctx.wide:
            inputs = graph.adjacency.times(hidden)  # A~ H
            ctx.save_for_backward(hidden, inputs, *heads)
            return tuple(inputs @ weight.t() for weight in heads)
        ctx.save_for_backward(hidden, hidden, *heads)
        outputs = graph.adjacency.times(hidden @ torch.cat(heads).t())
        return torch.split(outputs, [weight.size(0) for weight in heads], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of W0 and of the heads."""
        hidden, inputs, *heads = ctx.saved_tensors
        graph: Graph = ctx.graph
        if not ctx.wide:
            widths = [weight.size(0) for weight in heads]
            grads = torch.split(graph.adjacency.transpose_times(torch.cat(grads, dim=1)), widths, dim=1)
        of_heads = [(inputs.t() @ grad).t() for grad in grads]
        of_hidden = sum(grad @ weight for grad, weight in zip(grads, heads, strict=True))
        if ctx.wide:
            of_hidden = graph.adjacency.transpose_times(of_hidden)
        of_hidden *= hidden > 0
        return None, graph.first_transposed(of_hidden).t(), *of_heads
