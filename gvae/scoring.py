"""A trained model's figures on one part of a split."""

from __future__ import annotations

import torch

from gvae.data import LinkPart
from gvae.errors import InputError, TrainingError
from gvae.metrics import Scores, link_scores
from gvae.models import GraphModel


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
