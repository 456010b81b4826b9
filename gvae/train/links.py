"""The task of graph autoencoders: learn a graph by rebuilding its links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from gvae.config import TrainConfig
from gvae.data import Development
from gvae.losses import RECONSTRUCTIONS, LossOutput, variational_loss
from gvae.models import GraphModel
from gvae.scoring import figure
from gvae.train.adam import adam_step


class LinkTask:
    """Train a graph model on the development part of a `LinkSplit`; a whole graph is one batch.

    Parameters
    ----------
    model
        A `GAE`, `VGAE` or another `GraphModel`, on the same device as the data.
    development
        ``split.development``; the test part is not reachable from here.
    metric
        The figure on the validation part that chooses the epoch, a name of `gvae.scoring.evaluate`'s figures.
    """

    def __init__(self, model: GraphModel, development: Development, metric: str = "auc") -> None:
        self.model = model
        self.development = development
        self.metric = metric

    def start(self, config: TrainConfig) -> None:
        """Build the objective and Adam."""
        train = self.development.train
        self._beta = config.beta
        reconstruction = RECONSTRUCTIONS[config.loss]
        self._reconstruction = reconstruction(train.edge_index, train.num_nodes, config.block)
        self._weights = [*self.model.parameters()]
        self._optimizer = torch.optim.Adam(self._weights, lr=config.lr, fused=True)

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Adam, alone."""
        return (self._optimizer,)

    def batches(self, generator: torch.Generator) -> Iterable[None]:
        """One batch: the whole graph."""
        return (None,)

    def step(self, batch: None, generator: torch.Generator, value: bool) -> LossOutput:
        """One step of Adam on the variational loss of a sampled z."""
        train = self.development.train
        posterior = self.model.encode(train.x, train.edge_index, train.edge_weight)
        z = posterior.sample(generator)
        recon = self._reconstruction(self.model.decoder, z, generator, value)
        loss = variational_loss(recon, posterior, self._beta)
        for weight in self._weights:
            weight.grad = None
        loss.total.backward()  # type: ignore[no-untyped-call]
        adam_step(self._optimizer)
        return loss

    def validate(self) -> float | None:
        """The metric, AUC by default, on the validation edges; None if the split has none."""
        val = self.development.val
        return figure(self.model, val, self.metric) if val.positives.size(1) else None
