"""Images that are unlike those a model has learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score, roc_curve
from torch import Tensor

from gvae.errors import InputError
from gvae.image.bounds import elbo_parts
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.passes import reconstructions, squared_errors
from gvae.image.vae import VAE


def anomaly_scores(model: ImageModel, x: Tensor, *, seed: int = 0, y: Tensor | None = None) -> Tensor:
    """How strange each image is to the model; the higher, the stranger.

    For a VAE the negative ELBO in nats, with one draw of z (An and Cho 2015); for others the squared error
    of the reconstruction, summed over the pixels.

    Parameters
    ----------
    model
        With an encoder.
    x
        Shape ``(n, C, H, W)``.
    seed
        Of the draws.
    y
        Classes, for a conditional model, shape ``(n,)``.

    Returns
    -------
    Tensor
        Shape ``(n,)``, on the model's device.

    Raises
    ------
    InputError
        If the model has no encoder, or the images are of another shape.
    """
    images = Images(x, y)
    if isinstance(model, VAE):
        return elbo_parts(model, images, seed).sum(dim=1)
    return squared_errors(reconstructions(model, images), x)


def anomaly_auc(scores: Tensor | ArrayLike, is_anomaly: Tensor | ArrayLike) -> float:
    """Area under the ROC curve of `roc`, from 0 to 1: 1/2 is chance."""
    truth, figures = _checked(scores, is_anomaly)
    return float(roc_auc_score(truth, figures))


def roc(
    scores: Tensor | ArrayLike, is_anomaly: Tensor | ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ROC curve of scikit-learn: false positive rates and true positive rates, from (0, 0) to (1, 1).

    Parameters
    ----------
    scores
        Of `anomaly_scores`, shape ``(n,)``.
    is_anomaly
        Which images are anomalies, shape ``(n,)``.

    Raises
    ------
    InputError
        If the shapes differ, a score is NaN or infinite, or there is no anomaly, or nothing else.
    """
    truth, figures = _checked(scores, is_anomaly)
    false_positives, true_positives, _ = roc_curve(truth, figures)
    return false_positives, true_positives


def _checked(scores: Any, is_anomaly: Any) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    figures, truth = (
        np.asarray(each.cpu() if isinstance(each, Tensor) else each) for each in (scores, is_anomaly)
    )
    if figures.ndim != 1 or figures.shape != truth.shape:
        raise InputError(
            f"scores and is_anomaly must have the same shape (n,), got {figures.shape} and {truth.shape}"
        )
    if not np.isfinite(figures).all():
        raise InputError("scores must be finite")
    if truth.all() or not truth.any():
        raise InputError(
            f"a ROC curve needs anomalies and other images, got {np.count_nonzero(truth)} anomalies "
            f"among {len(truth)} images"
        )
    return truth.astype(bool), figures
