"""``gvae models``: what can be trained by name."""

from __future__ import annotations

from gvae.catalog import MODELS
from gvae.presets import PRESETS

from ._console import print_table


def command() -> None:
    """List the models, each with the settings of its own preset."""
    rows = []
    for name, info in MODELS.items():
        preset = PRESETS[name]
        train = preset.train
        sizes = f"hidden {preset.hidden}, latent {preset.latent}"
        settings = f"{sizes}, lr {train.lr}, {train.epochs} epochs, {train.loss} loss"
        rows.append((name, info.summary, settings, info.paper))
    print_table("Models", ("name", "what it is", "preset", "paper"), rows)
