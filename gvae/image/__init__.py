"""The image module: VAE and its relatives on the parts of the graph side; no training loop of its own.

The names are imported at first use. Pictures are made by `gvae.image.pictures`, charts by
`gvae.image.charts`.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
    from gvae.image.evaluation import (
        Evaluation,
        active_units,
        evaluate_images,
        frechet_distance,
        linear_probe,
        log_likelihood,
        nearest_neighbours,
        negative_elbo,
    )
    from gvae.image.images import Images, ImageSplit
    from gvae.image.model import ImageModel
    from gvae.image.registry import Sizes, build_image_model, task_for
    from gvae.image.saving import SavedImageModel, load_image_model, save_image_model
    from gvae.image.semi_supervised import hide_labels
    from gvae.image.sources import load_images
    from gvae.image.task import ImageTask
    from gvae.image.tasks import (
        anomaly_auc,
        anomaly_scores,
        denoise,
        inpaint,
        interpolate,
        manifold,
        roc,
        super_resolve,
        transfer,
        traverse,
    )

_HOMES = {
    "gvae.image.evaluation": (
        *("Evaluation", "active_units", "evaluate_images", "frechet_distance", "linear_probe"),
        *("log_likelihood", "nearest_neighbours", "negative_elbo"),
    ),
    "gvae.image.images": ("ImageSplit", "Images"),
    "gvae.image.model": ("ImageModel",),
    "gvae.image.registry": ("Sizes", "build_image_model", "task_for"),
    "gvae.image.saving": ("SavedImageModel", "load_image_model", "save_image_model"),
    "gvae.image.semi_supervised": ("hide_labels",),
    "gvae.image.sources": ("load_images",),
    "gvae.image.task": ("ImageTask",),
    "gvae.image.tasks": (
        *("anomaly_auc", "anomaly_scores", "denoise", "inpaint", "interpolate", "manifold", "roc"),
        *("super_resolve", "transfer", "traverse"),
    ),
}

__all__ = [
    "Evaluation",
    "ImageModel",
    "ImageSplit",
    "ImageTask",
    "Images",
    "SavedImageModel",
    "Sizes",
    "active_units",
    "anomaly_auc",
    "anomaly_scores",
    "build_image_model",
    "denoise",
    "evaluate_images",
    "frechet_distance",
    "hide_labels",
    "inpaint",
    "interpolate",
    "linear_probe",
    "load_image_model",
    "load_images",
    "log_likelihood",
    "manifold",
    "nearest_neighbours",
    "negative_elbo",
    "roc",
    "save_image_model",
    "super_resolve",
    "task_for",
    "transfer",
    "traverse",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
