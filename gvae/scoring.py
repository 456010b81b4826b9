"""A trained model's figures on one part of a split."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from gvae.calibration import Calibration, expected_calibration_error, fit_calibration
from gvae.data import LinkPart, LinkSplit, NegativeSampler, sample_negatives
from gvae.data.graph import num_non_edges
from gvae.errors import InputError, TrainingError
from gvae.metrics import Scores, figures, link_scores
from gvae.models import GraphModel
from gvae.models.weights import check_weights
from gvae.randomness import new_generator

MIN_CALIBRATION = 20
"""Held-out edges below which there is no calibration: two numbers fitted to fewer mean nothing."""

RATIOS = (10, 100)
"""Negatives for each positive beside the usual one: few of all pairs of a sparse graph are edges."""

CALIBRATION_NEGATIVES = 1 << 19
"""Non-edges that are drawn to calibrate with: many, for the best-scoring pairs are rare among them."""


class Scorer(Protocol):
    """What `evaluate` needs: a `GraphModel`, or a `gvae.models.Heuristic`."""

    def score(self, part: LinkPart, pairs: Tensor) -> Tensor:
        """Scores of pairs ``(2, P)``, shape ``(P,)``, with messages along ``part.edge_index``."""


def evaluate(model: Scorer, part: LinkPart, more: Tensor | None = None) -> Scores:
    """Score a part: its positives against its negatives, by logits from the posterior mean.

    Messages pass along ``part.edge_index``. Score the test part once, when all choices are made.

    Parameters
    ----------
    model
        On the same device as ``part``.
    part
        The val or test part of a `LinkSplit`.
    more
        Further uniform non-edges ``(2, Q)``, on any device, see `more_negatives`, for the figures with more
        negatives than positives.

    Returns
    -------
    Scores
        AUC, average precision, MRR and Hits@K as far as there are K negatives; fractions. Of a
        `GraphModel` with uniform negatives also ``"ece"``, the calibration error of sigmoid(logit). With
        ``more`` also ``"ap@1:10"``, ``"ap@1:100"`` and ``"precision@100"``.

    Raises
    ------
    InputError
        If the part has no positives or no negatives, as a training part has none; if the model's weights
        are not finite.
    TrainingError
        If the logits are not finite.
    """
    if isinstance(model, GraphModel):
        check_weights(model)
    positives, negatives = part_scores(model, part)
    scores = link_scores(positives, negatives)
    others = dict(scores.others)
    if negatives.ndim == 1 and isinstance(model, GraphModel):
        others["ece"] = _calibration_error(positives, negatives)
    if more is not None:
        (added,) = _scored(model, part, more.to(part.positives.device))
        others |= _with_more(positives, np.concatenate([negatives, added]))
    return replace(scores, others=others)


def figure(model: Scorer, part: LinkPart, name: str) -> float:
    """One of the figures of `evaluate`, by name, without the cost of the others.

    Raises
    ------
    InputError
        As `evaluate`; or if there is no such figure, or there are fewer than K negatives for ``"hits@K"``.
    TrainingError
        If the logits are not finite.
    """
    return figures(*part_scores(model, part), (name,))[name]


def part_scores(model: Scorer, part: LinkPart) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of a part's positives, ``(P,)``, and of its negatives, ``(Q,)`` or ``(P, K)``."""
    if not (part.positives.size(1) and part.negatives.numel()):
        raise InputError(
            f"the part must have positives and negatives to be scored, "
            f"got {part.positives.size(1)} and {part.negatives[0].numel()}"
        )
    positives, negatives = _scored(model, part, part.positives, part.negatives)
    return positives, negatives


def more_negatives(split: LinkSplit) -> Tensor | None:
    """Uniform non-edges that make the test part's negatives 100 for each positive.

    Returns
    -------
    Tensor or None
        Shape ``(2, 100 P - Q)``, on the CPU, none among the part's own; always the same for the same split.
        ``None`` if the part has candidates of each positive's own, or the graph lacks so many non-edges.
    """
    test = split.test
    if test.negatives.dim() == 3:
        return None
    known = torch.cat([*(part.positives for part in split.parts), test.negatives], dim=1).cpu()
    sampler = NegativeSampler(known, test.num_nodes)
    missing = RATIOS[-1] * test.positives.size(1) - test.negatives.size(1)
    if not 0 <= missing <= sampler.num_non_edges:
        return None
    return sampler.sample(missing, new_generator(0, "more negatives"))


@torch.no_grad()
def _scored(model: Scorer, part: LinkPart, *pairs: Tensor) -> list[NDArray[np.float64]]:
    """Scores of several sets of pairs (2, ...), each of shape (...)."""
    flat = torch.cat([some.flatten(1) for some in pairs], dim=1)
    scores = model.score(part, flat).double().cpu()
    if not scores.isfinite().all():
        raise TrainingError("the model's logits are not finite: training diverged; try a lower learning rate")
    parts = torch.split(scores, [some[0].numel() for some in pairs])
    return [found.view(some.shape[1:]).numpy() for found, some in zip(parts, pairs, strict=True)]


def _calibration_error(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    logits = torch.from_numpy(np.concatenate([positives, negatives]))
    return expected_calibration_error(logits.sigmoid(), torch.arange(len(logits)) < len(positives))


def _with_more(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> dict[str, float]:
    found = {}
    for ratio in RATIOS:
        drawn = negatives[: ratio * len(positives)]
        found[f"ap@1:{ratio}"] = figures(positives, drawn, ("ap",))["ap"]
    return found | figures(positives, negatives, ("precision@100",))


@torch.no_grad()
def calibrate(model: GraphModel, part: LinkPart, data: Data, *, seed: int = 0) -> Calibration | None:
    """Fit a calibration to held-out edges and 2^19 non-edges of the whole graph, or all.

    Parameters
    ----------
    model
        On the same device as ``part``.
    part
        Its positives are the edges, scored with messages along ``part.edge_index``.
    data
        The whole graph: non-edges are drawn against all of its edges.
    seed
        Of those draws.

    Returns
    -------
    Calibration or None
        ``None`` with fewer than 20 positives.
    """
    num_edges = part.positives.size(1)
    if num_edges < MIN_CALIBRATION:
        return None
    num_nodes = part.num_nodes
    count = min(CALIBRATION_NEGATIVES, num_non_edges(data))
    generator = new_generator(seed, "calibration")
    negatives = sample_negatives(data.edge_index, num_nodes, count, generator=generator)
    z = model.encode(part.x, part.edge_index, part.edge_weight).mean
    logits = [model.decode(z, pairs.to(z.device)).cpu() for pairs in (part.positives, negatives)]
    return fit_calibration(*logits)
