"""Similarities as models to compare with: nothing is learned."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from torch import Tensor

from gvae.catalog import HEURISTICS
from gvae.data import LinkPart
from gvae.errors import UnknownNameError

if TYPE_CHECKING:
    from gvae.data.similarity import Similarity


class Heuristic:
    """A similarity of node pairs in the graph that messages pass along, see `gvae.data.similarity`.

    Parameters
    ----------
    name
        One of `gvae.catalog.HEURISTICS`.

    Raises
    ------
    UnknownNameError
        If there is no such heuristic.
    """

    def __init__(self, name: str) -> None:
        if name not in HEURISTICS:
            raise UnknownNameError.of("heuristic", name, HEURISTICS)
        self.name = name
        self._known: tuple[weakref.ref[LinkPart], Similarity] | None = None

    def score(self, part: LinkPart, pairs: Tensor) -> Tensor:
        """Scores of node pairs; the higher, the likelier an edge.

        Weights of edges are not used. What is built for a part is kept for the next call with the same part.

        Parameters
        ----------
        part
            Its ``edge_index``, ``num_nodes`` and, for ``"cosine"``, ``x``; on any device.
        pairs
            Shape ``(2, P)``, on any device.

        Returns
        -------
        Tensor
            Shape ``(P,)``, on the CPU.

        Raises
        ------
        InputError
            For ``"cosine"`` without features.
        """
        return self._similarity(part).pairs(pairs.cpu())

    def _similarity(self, part: LinkPart) -> Similarity:
        from gvae.data.similarity import make_similarity

        if self._known is None or self._known[0]() is not part:
            similarity = make_similarity(self.name, part.edge_index, part.num_nodes, part.x)
            self._known = (weakref.ref(part), similarity)
        return self._known[1]
