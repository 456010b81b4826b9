"""What the codes of images know: units in use, and how well classes can be read off them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gvae.config import require_int
from gvae.errors import InputError
from gvae.image.images import Images, ImageSplit
from gvae.image.model import ImageModel
from gvae.image.passes import codes
from gvae.randomness import new_generator

ACTIVE = 0.01
"""Variance over the images from which on a unit is active (Burda et al. 2016, section 5.1)."""

Rows = tuple[NDArray[Any], NDArray[np.int64]]
"""Numbers ``(n, D)`` and classes ``(n,)``."""


def active_units(model: ImageModel, images: Images) -> int:
    """Count the dimensions of z that tell images apart: ``Var_x(E_q(z | x) z) > 0.01``.

    (Burda et al. 2016, arXiv 1509.00519.) The others have collapsed to the prior.

    Raises
    ------
    InputError
        If the model has no encoder.
    """
    return int((codes(model, images).var(dim=0, correction=0) > ACTIVE).sum())


def linear_probe(model: ImageModel, train: Images, test: Images) -> float:
    """Accuracy on ``test`` of a logistic regression on the codes of ``train``.

    Codes are the posterior's means, standardised by those of ``train``; scikit-learn's
    `LogisticRegression` with its own settings (L2 with C = 1), at most 1,000 iterations.

    Parameters
    ----------
    model
        With an encoder that is not told the class.
    train, test
        With labels; images whose label is -1 are left out.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    InputError
        If the model has no encoder or one that is told the class, or there are no labels of two classes.
    """
    classifier = make_pipeline(StandardScaler(), _regression())
    return _accuracy(classifier, _coded(model, train), _coded(model, test))


def nearest_neighbours(model: ImageModel, train: Images, test: Images, k: int = 5) -> float:
    """Accuracy on ``test`` of the majority among the ``k`` nearest codes of ``train``, Euclidean distance.

    Parameters
    ----------
    model, train, test
        As in `linear_probe`; the codes are taken as they are.
    k
        Neighbours, at most as many as there are training images.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    InputError
        As `linear_probe`, and if k is out of range.
    """
    known = _coded(model, train)
    if require_int("k", k, at_least=1) > len(known[0]):
        raise InputError(f"k must be at most {len(known[0])}, the number of training images, got {k}")
    return _accuracy(KNeighborsClassifier(k), known, _coded(model, test))


def transfer(
    model: ImageModel, split: ImageSplit, labels_per_class: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Accuracies on the test images when few labels are known: from the codes, and from the pixels.

    A logistic regression on standardised codes, as in `linear_probe`, and one on the pixels as they are;
    both learn from the same few images of ``split.train``.

    Parameters
    ----------
    model
        With an encoder that is not told the class.
    split
        With labels.
    labels_per_class
        How many images of each class have their label known.
    seed
        Of the choice of these images.

    Raises
    ------
    InputError
        As `linear_probe`, and if a class has fewer images.
    """
    few = _some_of_each(labelled(split.train), labels_per_class, new_generator(seed, "transfer"))
    test = labelled(split.test)
    return linear_probe(model, few, test), _accuracy(_regression(), _pixels(few), _pixels(test))


def labelled(images: Images) -> Images:
    """The images whose class is known; InputError if there is none."""
    if images.y is None or not bool((images.y >= 0).any()):
        raise InputError("this needs labels, and these images have none")
    return images.take(images.y >= 0)


def _some_of_each(images: Images, number: int, generator: torch.Generator) -> Images:
    """So many images of each class, drawn without replacement."""
    require_int("labels_per_class", number, at_least=1)
    y = images.y.cpu() if images.y is not None else torch.empty(0)
    order = torch.randperm(len(y), generator=generator)
    chosen = []
    for label in range(images.classes):
        rows = order[y[order] == label]
        if 0 < len(rows) < number:
            raise InputError(
                f"labels_per_class is {number}, but class {images.class_names[label]} has {len(rows)} images"
            )
        chosen.append(rows[:number])
    return images.take(torch.cat(chosen))


def _regression() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


def _pixels(images: Images) -> Rows:
    return images.x.flatten(1).cpu().numpy(), np.asarray(images.y.cpu() if images.y is not None else [])


def _coded(model: ImageModel, images: Images) -> Rows:
    if model.classes:
        raise InputError("a conditional model is told the class: its codes cannot be probed for it")
    known = labelled(images)
    return codes(model, known).cpu().numpy(), _pixels(known)[1]


def _accuracy(classifier: Any, train: Rows, test: Rows) -> float:
    """Fit to the one, score on the other; what has not converged is used as it stands."""
    if len(np.unique(train[1])) < 2:
        raise InputError(f"a classifier needs at least two classes, got {len(np.unique(train[1]))}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(classifier.fit(*train).score(*test))
