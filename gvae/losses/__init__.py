"""Objectives: the parts of a loss have names, and their weights stand in one place."""

from gvae.losses.objective import LossOutput, variational_loss
from gvae.losses.reconstruction import (
    RECONSTRUCTIONS,
    FullReconstruction,
    QuadraticReconstruction,
    Reconstruction,
    SampledReconstruction,
    SquaredReconstruction,
)

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
