"""Protocol: how a figure is MEASURED. It never changes how a model is trained; that is a `Preset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Protocol:
    """Everything that decides what a link-prediction figure means.

    Parameters
    ----------
    val, test
        Shares of the edges held out for choosing and for the figure.
    order
        Held-out edges are drawn at ``"random"``, or are the latest in ``"time"``.
    negatives
        What they are told from: ``"uniform"`` non-edges, as many as positives; ``"heart"``: 500 hard
        candidates of each positive's own, see `gvae.data.hard_negatives`; ``"heart-filtered"``: the same
        without any pair that is an edge.
    isolated
        Whether nodes without an edge stay in the graph.
    val_edges_at_test
        Whether messages also pass along the validation edges when test is scored.
    select
        Which epoch is scored: the ``"last"``, or the best on ``"val"``, by the first of ``metrics``.
    metrics
        The figures that the table shows, the protocol's own first; the record has all.
    """

    val: float = 0.05
    test: float = 0.10
    order: Literal["random", "time"] = "random"
    negatives: Literal["uniform", "heart", "heart-filtered"] = "uniform"
    isolated: bool = True
    val_edges_at_test: bool = False
    select: Literal["last", "val"] = "last"
    metrics: tuple[str, ...] = ("auc", "ap")


_RANKS = ("mrr", "hits@1", "hits@10", "hits@100")

PROTOCOLS = {
    "kipf": Protocol(),
    "strict": Protocol(select="val"),
    "pyg": Protocol(val_edges_at_test=True),
    "hits": Protocol(val=0.10, test=0.20, select="val", metrics=("hits@100", "auc", "ap")),
    "heart": Protocol(negatives="heart", isolated=False, select="val", metrics=_RANKS),
    "heart-filtered": Protocol(negatives="heart-filtered", isolated=False, select="val", metrics=_RANKS),
    "temporal": Protocol(order="time", select="val"),
}
