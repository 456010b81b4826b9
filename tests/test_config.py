from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gvae.config import TrainConfig
from gvae.errors import GvaeError, InputError
from gvae.presets import PRESETS, Preset


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer >= 1, got 0"),
        ({"epochs": -5}, "epochs must be an integer >= 1, got -5"),
        ({"epochs": 2.5}, "epochs must be an integer >= 1, got 2.5"),
        ({"epochs": True}, "epochs must be an integer >= 1, got True"),
        ({"lr": -0.1}, "lr must be a positive number, got -0.1"),
        ({"lr": 0.0}, "lr must be a positive number, got 0.0"),
        ({"lr": float("nan")}, "lr must be a positive number, got nan"),
        ({"lr": float("inf")}, "lr must be a positive number, got inf"),
        ({"beta": -1.0}, "beta must be a number >= 0, got -1.0"),
        ({"loss": "ful"}, "unknown loss 'ful'; did you mean full?"),
        ({"select": "test"}, "unknown select 'test'"),
        ({"eval_every": 0}, "eval_every must be an integer >= 1"),
        ({"seed": -1}, "seed must be an integer >= 0"),
        ({"lr": "0.1"}, "lr must be a positive number, got '0.1'"),
        ({"patience": 0}, "patience must be an integer >= 1"),
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        TrainConfig(**settings)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, GvaeError)


def test_integers_of_numpy_are_welcome() -> None:
    config = TrainConfig(epochs=np.int64(3), lr=np.float64(0.1))  # type: ignore[arg-type]
    assert (type(config.epochs), config.epochs) == (int, 3)


def test_a_preset_leaves_selection_and_seed_to_others() -> None:
    for train in (TrainConfig(select="val"), TrainConfig(seed=1)):
        with pytest.raises(InputError, match="select to the protocol and seed to the run"):
            Preset(train=train)


def test_the_rate_falls_along_half_a_cosine_if_so_asked() -> None:
    constant, cosine = TrainConfig(epochs=4, lr=0.1), TrainConfig(epochs=4, lr=0.1, schedule="cosine")
    assert [constant.lr_at(epoch) for epoch in (1, 4)] == [0.1, 0.1]
    rates = [cosine.lr_at(epoch) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.1, 0.05 * (1 + 0.5**0.5), 0.05, 0.05 * (1 - 0.5**0.5)])


def test_a_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 3  # type: ignore[misc]


def test_presets_are_those_of_the_paper() -> None:
    for preset in PRESETS.values():
        assert (preset.hidden, preset.latent, preset.features) == (32, 16, True)
        train = preset.train
        assert (train.epochs, train.lr, train.beta, train.loss) == (200, 0.01, 1.0, "full")


def test_overrides_reach_sizes_and_training_and_none_keeps() -> None:
    preset = Preset().override(hidden=64, lr=0.1, latent=None, features=False)
    assert (preset.hidden, preset.latent, preset.features) == (64, 16, False)
    assert (preset.train.lr, preset.train.epochs) == (0.1, 200)
    assert Preset().override(hidden=None) == Preset()
    with pytest.raises(InputError, match="latent must be an integer >= 1, got 0"):
        Preset().override(latent=0)
