"""Figures of merit: arrays in, numbers out."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score


@dataclass(frozen=True)
class Scores:
    """Link-prediction figures, fractions in [0, 1]."""

    auc: float
    ap: float

    def to_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


def link_scores(positives: NDArray[np.floating], negatives: NDArray[np.floating]) -> Scores:
    """Rank edges against non-edges.

    Parameters
    ----------
    positives, negatives
        Logits, shapes ``(P,)`` and ``(Q,)``. Not probabilities: a float32 sigmoid makes ties at the top.

    Returns
    -------
    Scores
        Area under the ROC curve and average precision, as scikit-learn computes them (ties share
        their rank).
    """
    labels = np.concatenate([np.ones(len(positives)), np.zeros(len(negatives))])
    logits = np.concatenate([positives, negatives])
    return Scores(auc=float(roc_auc_score(labels, logits)), ap=float(average_precision_score(labels, logits)))
