"""Preset: how a model is TRAINED (sizes and settings). How a figure is measured is a `Protocol`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from gvae.config import TrainConfig, require_int
from gvae.errors import InputError


@dataclass(frozen=True)
class Preset:
    """Sizes and training settings of a model; the defaults are those of Kipf and Welling (2016).

    Parameters
    ----------
    hidden
        Channels of the first layer, W0.
    latent
        Dimensions of z.
    features
        Whether the node features are used; without them X = I.
    train
        Settings of the training loop. Not among them: ``select``, which is the protocol's, and ``seed``,
        which is the run's.

    Raises
    ------
    InputError
        If a size is out of range, or ``train`` sets ``select`` or ``seed``.
    """

    hidden: int = 32
    latent: int = 16
    features: bool = True
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        for name in ("hidden", "latent"):
            object.__setattr__(self, name, require_int(name, getattr(self, name), at_least=1))
        if (self.train.select, self.train.seed) != (TrainConfig.select, TrainConfig.seed):
            raise InputError("a preset leaves select to the protocol and seed to the run")

    def override(self, **settings: Any) -> Preset:
        """Copy with some settings replaced, by name, whether of the sizes or of the training; None keeps one.

        Raises
        ------
        InputError
            If a value is out of its range.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        sizes = {name: given.pop(name) for name in _SIZES & given.keys()}
        return replace(self, **sizes, train=replace(self.train, **given))


_SIZES = {field.name for field in fields(Preset)} - {"train"}

PRESETS = {"gae": Preset(), "vgae": Preset()}
