"""What a training run holds in memory, estimated from sizes alone, before anything is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

from torch_geometric.data import Data

from gvae.catalog import LOSSES, MODELS, check_name
from gvae.data import LinkPart
from gvae.data.graph import is_sparse
from gvae.losses import SampledReconstruction
from gvae.losses.all_pairs import default_block
from gvae.losses.positives import PAIRS_AT_ONCE
from gvae.models.autoencoder import PAIRS_AT_ONCE as SCORED_AT_ONCE

HEADS = {"gae": 1, "vgae": 2}
"""Heads of each model's encoder, the parameters of its posterior."""

FLOAT, INDEX = 4, 4
"""Bytes of a number, and of an index into a sparse matrix."""

WEIGHT_COPIES, CHECKPOINT_COPIES = 6, 8
"""The weights, their gradient, Adam's two moments, the best epoch's and its successor while it is copied.

A checkpoint copies the weights, both moments and the best epoch, and then again, as the bytes of a file.
"""

HIDDEN_COPIES, LATENT_COPIES = 4, 12
"""Matrices ``(N, hidden)`` and ``(N, latent)`` that a step holds at its height, values and gradients."""

PAIR_COPIES, PAIR_GRADIENTS = 3, 2
"""Rows of z for each pair that is decoded: both ends and their product; and, through autograd, gradients."""

EDGE_BYTES, SETUP_BYTES, LOGIT_BYTES = 64, 200, 24
"""For an edge in one direction: what stays (A~, the ones of the loss, the split), what building that takes,
and its logit with all that is derived from it in a step."""

PAIR_BYTES = 150
"""For a pair that is scored once trained: its ends, its logit, and what sorts and ranks them."""

RUNTIME = 24 << 20
"""What torch claims at its first use."""


@dataclass(frozen=True)
class GraphSize:
    """Sizes of a graph.

    Parameters
    ----------
    nodes
        N.
    edges
        In both directions.
    features
        Columns of X; 0 without features, X = I.
    nonzeros
        Of X, where it is sparse; ``None`` for a dense one.
    """

    nodes: int
    edges: int
    features: int = 0
    nonzeros: int | None = None

    @classmethod
    def of(cls, graph: Data | LinkPart) -> Self:
        """The sizes of a graph, or of a part of a split."""
        nodes, edges, x = int(graph.num_nodes or 0), graph.edge_index.size(1), graph.x
        if x is None:
            return cls(nodes, edges)
        return cls(nodes, edges, x.size(1), x.values().numel() if is_sparse(x) else None)

    @property
    def layout(self) -> str:
        """Of the features: ``"none"``, ``"dense"`` or ``"sparse"``."""
        if not self.features:
            return "none"
        return "dense" if self.nonzeros is None else "sparse"


@dataclass(frozen=True)
class Memory:
    """Bytes that a run needs besides the graph as it was read.

    Three parts are there all the time; of the three others, which follow one another, the largest counts.

    Parameters
    ----------
    weights
        With their gradients, Adam's moments and the copies that keep the best epoch.
    features
        What is derived from X: the transpose of a sparse X, A~ X of a dense one.
    edges
        A~, the ones of the loss, the split.
    setup
        What building those takes.
    step
        Activations, their gradients and the logits of the loss.
    scoring
        Of pairs, once trained.
    """

    weights: int
    features: int
    edges: int
    setup: int
    step: int
    scoring: int

    @property
    def total(self) -> int:
        """At its height."""
        return RUNTIME + sum(self.at_height().values())

    def at_height(self) -> dict[str, int]:
        """What is there at the same time, by name: three parts, and the largest of the others."""
        parts = asdict(self)
        largest = max("setup", "step", "scoring", key=parts.__getitem__)
        return {name: parts[name] for name in ("weights", "features", "edges", largest)}


@dataclass(frozen=True)
class Workload:
    """One training run.

    Parameters
    ----------
    graph
        Its sizes.
    model
        A name of ``gvae models``.
    hidden, latent
        Channels of the first layer, dimensions of z.
    block
        Rows of logits at a time; ``None`` leaves that to the loss.
    scored
        Pairs that are scored once trained.
    checkpoint
        Whether the state of training is kept in a file.
    copied
        Whether the graph is copied to a device of its own.
    """

    graph: GraphSize
    model: str = "vgae"
    hidden: int = 32
    latent: int = 16
    block: int | None = None
    scored: int = 0
    checkpoint: bool = False
    copied: bool = False

    def __post_init__(self) -> None:
        check_name("model", self.model, MODELS)

    def memory(self, loss: str) -> Memory:
        """What the run needs with a loss of `gvae.catalog.LOSSES`, bytes; estimated, rather too much."""
        check_name("loss", loss, LOSSES)
        copies = WEIGHT_COPIES + CHECKPOINT_COPIES * self.checkpoint
        ones = self.graph.edges + self.graph.nodes
        together = min(self.scored, SCORED_AT_ONCE)
        return Memory(
            weights=copies * self._num_weights * FLOAT,
            features=self._features(),
            edges=ones * EDGE_BYTES,
            setup=ones * SETUP_BYTES,
            step=self._activations() + self._loss(loss, ones),
            scoring=self.scored * PAIR_BYTES + together * PAIR_COPIES * self.latent * FLOAT,
        )

    @property
    def _num_weights(self) -> int:
        in_channels = self.graph.features or self.graph.nodes
        return in_channels * self.hidden + HEADS[self.model] * self.hidden * self.latent

    def _features(self) -> int:
        graph = self.graph
        if graph.nonzeros is None:  # A~ X
            derived = graph.nodes * graph.features * FLOAT
        else:  # X with narrow indices, and its transpose
            derived = 2 * (graph.nonzeros * (FLOAT + INDEX) + max(graph.nodes, graph.features) * INDEX)
        return derived * (2 if self.copied else 1)

    def _activations(self) -> int:
        return self.graph.nodes * FLOAT * (HIDDEN_COPIES * self.hidden + LATENT_COPIES * self.latent)

    def _loss(self, loss: str, ones: int) -> int:
        most = SampledReconstruction.most_positives or ones
        pairs = min(ones, most) if loss == "sampled" else ones
        copies = PAIR_COPIES + (PAIR_GRADIENTS if pairs < ones else 0)
        gathered = min(pairs, PAIRS_AT_ONCE) * copies * self.latent * FLOAT
        return gathered + pairs * LOGIT_BYTES + self._logits(loss)

    def _logits(self, loss: str) -> int:
        """A block of logits and its softplus, z turned over, and the gradient."""
        nodes = self.graph.nodes
        widths = {"full": nodes, "sampled": min(SampledReconstruction.width or nodes, nodes)}
        if loss not in widths:
            return 0
        rows = self.block or default_block(max(widths[loss], 1), "cuda" if self.copied else "cpu")
        return (2 * min(rows, nodes) * widths[loss] + 2 * nodes * self.latent) * FLOAT
