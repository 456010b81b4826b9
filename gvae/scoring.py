"""A trained model's figures on one part of a split."""

from __future__ import annotations

import torch

from gvae.data import LinkPart
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
    """
    training = model.training
    model.eval()
    z = model.encode(part.x, part.edge_index).mean
    positives, negatives = (
        model.decode(z, pairs).double().cpu().numpy() for pairs in (part.positives, part.negatives)
    )
    model.train(training)
    return link_scores(positives, negatives)
