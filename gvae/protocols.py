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
    val_edges_at_test
        Whether messages also pass along the validation edges when test is scored.
    select
        Which epoch is scored: the ``"last"``, or the best on ``"val"``.
    """

    val: float = 0.05
    test: float = 0.10
    val_edges_at_test: bool = False
    select: Literal["last", "val"] = "last"


PROTOCOLS = {
    "kipf": Protocol(),
    "strict": Protocol(select="val"),
    "pyg": Protocol(val_edges_at_test=True),
}
