"""From logits to probabilities: Platt's scaling, the prior of a sparse graph, and how well it came out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gvae.config import require_int
from gvae.errors import InputError


@dataclass(frozen=True)
class Calibration:
    """``P(edge | logit s) = sigmoid(slope s + intercept)`` where edges and non-edges are equally many.

    Parameters
    ----------
    slope
        At least 0, so that the order of the logits is kept.
    intercept
        Log-odds at s = 0.
    """

    slope: float
    intercept: float

    def probability(self, logits: Tensor, density: float) -> Tensor:
        """Probability of an edge where a share of ``density`` of the pairs are edges.

        ``sigmoid(slope s + intercept + log(pi / (1 - pi)))``: from 1:1 the log-odds move by those of the new
        prior pi (Saerens et al. 2002, eq. 4; King and Zeng 2001, section 4.1).

        Parameters
        ----------
        logits
            Any shape.
        density
            pi, the share of edges among the pairs that are asked about; between 0 and 1.

        Returns
        -------
        Tensor
            The same shape, float64.

        Raises
        ------
        InputError
            If ``density`` is not between 0 and 1.
        """
        if not 0 < density < 1:
            raise InputError(f"density must be a share between 0 and 1, got {density}")
        return (self.slope * logits.double() + self.intercept + math.log(density / (1 - density))).sigmoid()


def fit_calibration(positives: Tensor, negatives: Tensor) -> Calibration:
    """Fit Platt's sigmoid to logits that no training has seen, edges and non-edges weighing alike in sum.

    Targets are Platt's (1999, section 2.2): ``(P + 1) / (P + 2)`` for P edges, ``1 / (Q + 2)`` for Q
    non-edges instead of 1 and 0, a light regularisation by which the slope stays finite where no edge is
    below a non-edge. A slope that would be negative, of logits that rank non-edges first, is given as 0 with
    intercept 0: they say nothing that could be used, and every probability is the density.

    Parameters
    ----------
    positives, negatives
        Logits of validation edges and of non-edges, shapes ``(P,)`` and ``(Q,)``; of Q far above P the
        intercept is the more certain.

    Returns
    -------
    Calibration
        For edges and non-edges 1:1; `Calibration.probability` takes the density.

    Raises
    ------
    InputError
        If there are fewer than two of either, or a logit is not finite.
    """
    sizes = len(positives), len(negatives)
    if min(sizes) < 2:
        raise InputError(
            f"calibration needs 2 or more edges and non-edges each, got {sizes[0]} and {sizes[1]}"
        )
    logits = torch.cat([positives, negatives]).double().cpu().numpy()  # (P + Q,)
    if not np.isfinite(logits).all():
        raise InputError("calibration needs finite logits, got NaN or infinite ones")
    target = np.repeat([(sizes[0] + 1) / (sizes[0] + 2), 1 / (sizes[1] + 2)], sizes)
    share = np.repeat([0.5 / sizes[0], 0.5 / sizes[1]], sizes)
    slope, intercept = _logistic_fit(logits, target, share)
    return Calibration(slope, intercept) if slope > 0 else Calibration(0.0, 0.0)


def expected_calibration_error(probability: Tensor, outcome: Tensor, bins: int = 15) -> float:
    """Mean distance of probability and frequency: ``sum_b n_b / n |mean(outcome_b) - mean(probability_b)|``.

    Naeini et al. (2015), but with bins of equal mass, parted at quantiles of the probabilities: at 1:100
    nearly all pairs would share the first of their bins of equal width. Equal probabilities share a bin.

    Parameters
    ----------
    probability
        Shape ``(P,)``.
    outcome
        1 for an edge, 0 for none, shape ``(P,)``.
    bins
        Number of bins; fewer are filled where probabilities are equal.

    Returns
    -------
    float
        From 0, calibrated, to 1.

    Raises
    ------
    InputError
        If the shapes differ, there are no pairs, or ``bins`` is below 1.
    """
    if probability.shape != outcome.shape or probability.dim() != 1 or not len(probability):
        raise InputError(
            f"probability and outcome must have one shape (P,), P > 0, "
            f"got {tuple(probability.shape)} and {tuple(outcome.shape)}"
        )
    bins = require_int("bins", bins, at_least=1)
    p, y = (tensor.double().cpu().numpy() for tensor in (probability, outcome))
    inner = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])  # (bins - 1,)
    gap = np.bincount(np.searchsorted(inner, p), weights=y - p)
    return float(np.abs(gap).sum() / len(p))


def _logistic_fit(
    logits: NDArray[np.float64], target: NDArray[np.float64], share: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope and intercept of least cross-entropy; a soft target counts as a 1 and a 0, each in part."""
    center, scale = logits.mean(), logits.std() or 1.0
    x = np.tile((logits - center) / scale, 2)[:, None]  # (2 (P + Q), 1)
    y = np.repeat([1, 0], len(logits))
    weight = np.concatenate([target * share, (1 - target) * share])
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(x, y, sample_weight=weight)
    slope = float(model.coef_.item() / scale)
    return slope, float(model.intercept_.item() - slope * center)
