"""A trained model's figures on one part of a split."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from gvae.calibration import Calibration, fit_calibration
from gvae.data import LinkPart, sample_negatives
from gvae.data.graph import num_non_edges
from gvae.errors import InputError, TrainingError
from gvae.metrics import Scores, link_scores
from gvae.models import GraphModel
from gvae.randomness import new_generator

MIN_CALIBRATION = 20
"""Held-out edges below which there is no calibration: two numbers fitted to fewer mean nothing."""

CALIBRATION_NEGATIVES = 1 << 19
"""Non-edges that are drawn to calibrate with: many, for the best-scoring pairs are rare among them."""


@torch.no_grad()
def evaluate(model: GraphModel, part: LinkPart) -> Scores:
    """Score a part: logits of its positives against those of its negatives, from the posterior mean.

    Messages pass along ``part.edge_index``. Score the test part once, when all choices are made.

    Parameters
    ----------
    model
        On the same device as ``part``.
    part
        The val or test part of a `LinkSplit`.

    Returns
    -------
    Scores
        AUC and average precision, fractions.

    Raises
    ------
    InputError
        If the part has no positives or no negatives, as a training part has none.
    TrainingError
        If the logits are not finite.
    """
    if not (part.positives.size(1) and part.negatives.size(1)):
        raise InputError(
            f"the part must have positives and negatives to be scored, "
            f"got {part.positives.size(1)} and {part.negatives.size(1)}"
        )
    training = model.training
    model.eval()
    try:
        z = model.encode(part.x, part.edge_index, part.edge_weight).mean
        logits = [model.decode(z, pairs).double() for pairs in (part.positives, part.negatives)]
    finally:
        model.train(training)
    if not all(scores.isfinite().all() for scores in logits):
        raise TrainingError("the model's logits are not finite: training diverged; try a lower learning rate")
    positives, negatives = (scores.cpu().numpy() for scores in logits)
    return link_scores(positives, negatives)


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
