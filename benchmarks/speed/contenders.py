"""Who takes part: a way to train, the features it is given, and the graphs that are too large for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.speed.graphs import CITATIONS
from benchmarks.speed.peers import OnEpoch, Score, dense, features, pyg, spectral
from gvae.catalog import LOSSES
from gvae.config import TrainConfig
from gvae.data import LinkSplit
from gvae.models import build
from gvae.train import LinkTask, fit

SMALL = "GAE is compared on Cora and CiteSeer"


@dataclass(frozen=True)
class Contender:
    """One way to embed a graph.

    Parameters
    ----------
    train
        Called as the peers are, see `benchmarks.speed.peers`; what is timed.
    prepare
        Brings the split's features into the form that it takes; not timed.
    most_nodes, reason
        The largest graph that it is run on, and why not on larger ones.
    citations_only
        Whether it takes part on the citation graphs alone.
    """

    train: Callable[[LinkSplit, int, int, OnEpoch], Score]
    prepare: Callable[[LinkSplit], LinkSplit] = lambda split: split
    most_nodes: int = 2_000_000
    reason: str = ""
    citations_only: bool = False

    def absent(self, graph: str, num_nodes: int) -> str | None:
        """Why it does not take part on a graph; None if it does."""
        if self.citations_only and graph not in CITATIONS:
            return "on the citation graphs alone"
        return self.reason if num_nodes > self.most_nodes else None


def train_gvae(
    split: LinkSplit, epochs: int, seed: int, on_epoch: OnEpoch, *, model: str, loss: str
) -> Score:
    """Train a model of gvae's; its loss and validation edges are looked at once, after the last epoch."""
    network = build(model, split.development.train, seed=seed)
    config = TrainConfig(epochs=epochs, loss=loss, eval_every=epochs, seed=seed)
    fit(LinkTask(network, split.development), config, on_epoch=lambda epoch, record: on_epoch())
    return lambda pairs: network.score(split.test, pairs)


def dense_features(split: LinkSplit) -> LinkSplit:
    """X dense, as PyTorch Geometric's Planetoid graphs have it."""
    return split.with_features(features(split).to_dense())


def normalised_features(split: LinkSplit) -> LinkSplit:
    """X dense, each row divided by its sum, as PyTorch Geometric's ``NormalizeFeatures`` does."""
    x = features(split).to_dense()
    return split.with_features(x / x.sum(1, keepdim=True).clamp(min=1))


CONTENDERS = {
    **{f"gvae {loss}": Contender(partial(train_gvae, model="vgae", loss=loss)) for loss in LOSSES},
    "gvae full": Contender(
        partial(train_gvae, model="vgae", loss="full"),
        most_nodes=30_000,
        reason="all N^2 pairs: seconds for each epoch",
    ),
    "gvae full, GAE": Contender(
        partial(train_gvae, model="gae", loss="full"), most_nodes=6_000, reason=SMALL, citations_only=True
    ),
    "pyg raw": Contender(pyg, dense_features, most_nodes=200_000, reason="over ten seconds for each epoch"),
    "pyg normalised": Contender(pyg, normalised_features, citations_only=True),
    "pyg raw, GAE": Contender(
        partial(pyg, variational=False), dense_features, most_nodes=6_000, reason=SMALL, citations_only=True
    ),
    "dense torch": Contender(dense, most_nodes=6_000, reason="several N x N matrices: gigabytes"),
    "spectral": Contender(spectral, most_nodes=30_000, reason="64 eigenvectors: minutes"),
}
"""VGAE, unless the name says GAE; ``gvae LOSS`` for each loss that gvae has."""
