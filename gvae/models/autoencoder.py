"""GAE and VGAE (Kipf and Welling 2016, arXiv 1611.07308): an encoder and a decoder, both injected."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gvae.data import LinkPart
from gvae.errors import InputError
from gvae.layers import Decoder, GaussianPosterior, InnerProductDecoder, PointPosterior, Posterior

PAIRS_AT_ONCE = 1 << 20
"""Pairs that are decoded together when many are scored: what bounds the memory."""


class GraphModel(nn.Module, ABC):
    """An encoder with the posterior it parametrises, and a decoder.

    Parameters
    ----------
    encoder
        Called with ``(x, edge_index)``, and a third, ``edge_weight``, when the graph has weights; gives the
        posterior's parameters, each of shape ``(N, D)``. x comes as the graph has it: dense, sparse CSR when
        mostly zero, ``None`` without features. PyTorch Geometric's own layers need
        ``data.x = data.x.to_dense()`` before the split.
    decoder
        Gives logits of pairs, see `gvae.layers.Decoder`; the inner product by default.
    """

    decoder: Decoder

    def __init__(self, encoder: nn.Module, decoder: Decoder | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder if decoder is not None else InnerProductDecoder()

    @abstractmethod
    def encode(self, x: Tensor | None, edge_index: Tensor, edge_weight: Tensor | None = None) -> Posterior:
        """Posterior of z for each node.

        Parameters
        ----------
        x
            Features ``(N, D)``, dense or sparse CSR; ``None`` for X = I.
        edge_index
            Edges to pass messages along, both directions, shape ``(2, E)``.
        edge_weight
            Their weights, ``(E,)``; without them all are 1.
        """

    @torch.no_grad()
    def embed(self, data: Data, x: Tensor | None = None) -> Tensor:
        """The posterior's mean for a graph, with messages along all of its edges.

        Parameters
        ----------
        data
            The graph, on any device.
        x
            Features to use instead of the graph's own.

        Returns
        -------
        Tensor
            Shape ``(N, D)``, on the CPU.
        """
        device = next(self.parameters()).device

        def moved(tensor: Tensor | None) -> Tensor | None:
            return tensor if tensor is None else tensor.to(device)

        x, weight = moved(data.x if x is None else x), moved(data.get("edge_weight"))
        return self.encode(x, data.edge_index.to(device), weight).mean.cpu()

    def _encoded(
        self, names: tuple[str, ...], x: Tensor | None, edge_index: Tensor, edge_weight: Tensor | None
    ) -> tuple[Tensor, ...]:
        """The encoder's output as a tuple with one tensor for each name."""
        weight = () if edge_weight is None else (edge_weight,)  # not every encoder takes weights
        output = self.encoder(x, edge_index, *weight)
        found = output if isinstance(output, tuple) else (output,)
        if len(found) != len(names):
            raise InputError(f"the encoder must give ({', '.join(names)}), got {len(found)} tensors")
        return found

    def decode(self, z: Tensor, pairs: Tensor) -> Tensor:
        """Logits of node pairs ``(2, P)`` from the embedding z ``(N, D)``; shape ``(P,)``."""
        return self.decoder(z, pairs)

    @torch.no_grad()
    def score(self, part: LinkPart, pairs: Tensor) -> Tensor:
        """Logits of pairs ``(2, P)`` from the posterior's mean, shape ``(P,)``; nothing is learned here.

        Messages pass along ``part.edge_index``. The model, on the same device, is not in training meanwhile.
        """
        training = self.training
        self.eval()
        try:
            z = self.encode(part.x, part.edge_index, part.edge_weight).mean
            logits = [self.decode(z, some) for some in torch.split(pairs, PAIRS_AT_ONCE, dim=1)]
        finally:
            self.train(training)
        return torch.cat(logits) if logits else z.new_zeros(0)


class GAE(GraphModel):
    """Graph autoencoder: the encoder gives z itself, as one tensor or a tuple of one; see `GraphModel`."""

    def encode(
        self, x: Tensor | None, edge_index: Tensor, edge_weight: Tensor | None = None
    ) -> PointPosterior:
        """Posterior with all mass on the encoder's output; InputError if that is more than one tensor."""
        (z,) = self._encoded(("z",), x, edge_index, edge_weight)
        return PointPosterior(z)


class VGAE(GraphModel):
    """Variational graph autoencoder: the encoder gives ``(mu, logstd)``; see `GraphModel`."""

    def encode(
        self, x: Tensor | None, edge_index: Tensor, edge_weight: Tensor | None = None
    ) -> GaussianPosterior:
        """Gaussian posterior ``N(mu, diag(exp(logstd)^2))``; InputError if the encoder does not give both."""
        mu, logstd = self._encoded(("mu", "logstd"), x, edge_index, edge_weight)
        return GaussianPosterior(mu, logstd)
