"""From logits to probabilities: likelihood ratios, the prior of a sparse graph, and how well it came out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gvae.config import require_int
from gvae.errors import InputError

BINS, EDGES_PER_BIN = 15, 10
"""Bins of the fit, at most, and the edges that each holds at least."""


@dataclass(frozen=True)
class Calibration:
    """How much likelier a logit is for an edge than for a non-edge, a curve that never falls.

    Parameters
    ----------
    logits
        Where the curve is known, ascending; linear in between, level beyond both ends, so that no
        probability is higher than the held-out edges bear out.
    log_ratios
        ``log p(s | edge) - log p(s | non-edge)`` there.
    """

    logits: tuple[float, ...]
    log_ratios: tuple[float, ...]

    def probability(self, logits: Tensor, prior: float) -> Tensor:
        """``P(edge | s) = sigmoid(log ratio(s) + log(pi / (1 - pi)))``: Bayes' rule.

        Parameters
        ----------
        logits
            Any shape.
        prior
            pi, the share of edges among the pairs that are asked about; between 0 and 1.

        Returns
        -------
        Tensor
            float64, the shape of ``logits``.

        Raises
        ------
        InputError
            If ``prior`` is not between 0 and 1.
        """
        if not 0 < prior < 1:
            raise InputError(f"prior must be a share between 0 and 1, got {prior!r}")
        curve = np.interp(logits.double().cpu().numpy(), self.logits, self.log_ratios)
        log_odds = torch.from_numpy(np.asarray(curve)) + torch.tensor(prior, dtype=torch.double).logit()
        return log_odds.sigmoid().to(logits.device)


def fit_calibration(positives: Tensor, negatives: Tensor) -> Calibration:
    """Estimate the likelihood ratio from logits that no training has seen.

    Binning (Zadrozny and Elkan 2001) with as many edges in each bin, so that the bins lie where the edges
    are: the share of edges over the share of non-edges in a bin, half a pair added to each count, made
    ascending by isotonic regression (Zadrozny and Elkan 2002). A sigmoid (Platt 1999) is fitted to the
    bulk of the pairs and claims far too much of the few best.

    Parameters
    ----------
    positives, negatives
        Logits of validation edges and of non-edges drawn uniformly, shapes ``(P,)`` and ``(Q,)``; the more
        non-edges, the more is known of the rare ones that score high.

    Returns
    -------
    Calibration
        With one point for each bin, of 15 bins or one for 10 edges.

    Raises
    ------
    InputError
        If there are fewer than two of either, or a logit is not finite.
    """
    from sklearn.isotonic import isotonic_regression

    sizes = len(positives), len(negatives)
    if min(sizes) < 2:
        raise InputError(
            f"calibration needs 2 or more edges and non-edges each, got {sizes[0]} and {sizes[1]}"
        )
    p, q = (np.sort(logits.double().cpu().numpy()) for logits in (positives, negatives))
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise InputError("calibration needs finite logits, got NaN or infinite ones")
    bins = max(1, min(BINS, len(p) // EDGES_PER_BIN))
    inner = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))  # (bins - 1,)
    counts = [
        np.bincount(np.searchsorted(inner, logits, side="right"), minlength=len(inner) + 1)
        for logits in (p, q)
    ]
    shares = [(count + 0.5) / (count.sum() + 0.5 * len(count)) for count in counts]
    ratios = isotonic_regression(np.log(shares[0] / shares[1]), sample_weight=counts[0] + 0.5)
    parts = np.split(p, np.searchsorted(p, inner, side="left"))
    centers = [float(np.median(part)) if len(part) else float("nan") for part in parts]
    known = [i for i, center in enumerate(centers) if center == center]
    return Calibration(tuple(centers[i] for i in known), tuple(float(ratios[i]) for i in known))


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
