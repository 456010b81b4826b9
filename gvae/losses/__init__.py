"""Objectives: the parts of a loss have names, and their weights stand in one place.

The names are imported at first use.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
    from gvae.losses.objective import LossOutput, variational_loss
    from gvae.losses.reconstruction import (
        RECONSTRUCTIONS,
        FullReconstruction,
        QuadraticReconstruction,
        Reconstruction,
        SampledReconstruction,
        SquaredReconstruction,
    )

_HOMES = {
    "gvae.losses.objective": (
        "LossOutput",
        "variational_loss",
    ),
    "gvae.losses.reconstruction": (
        "RECONSTRUCTIONS",
        "FullReconstruction",
        "QuadraticReconstruction",
        "Reconstruction",
        "SampledReconstruction",
        "SquaredReconstruction",
    ),
}

__all__ = [
    "RECONSTRUCTIONS",
    "FullReconstruction",
    "LossOutput",
    "QuadraticReconstruction",
    "Reconstruction",
    "SampledReconstruction",
    "SquaredReconstruction",
    "variational_loss",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
