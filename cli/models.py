"""``gvae models``: what can be trained by name, and the heuristics beside it."""

from __future__ import annotations

from gvae.catalog import HEURISTICS, MODELS
from gvae.presets import PRESETS

from ._console import print_table


def command() -> None:
    """List the models, each with the settings of its own preset, and the heuristics of gvae bench."""
    rows = []
    for name, info in MODELS.items():
        preset = PRESETS[name]
        train = preset.train
        sizes = f"hidden {preset.hidden}, latent {preset.latent}"
        settings = f"{sizes}, lr {train.lr}, {train.epochs} epochs, {train.loss} loss"
        rows.append((name, info.summary, settings, info.paper))
    print_table("Models", ("name", "what it is", "preset", "paper"), rows)
    beside = [(name, info.summary, info.paper) for name, info in HEURISTICS.items()]
    print_table(
        "\nHeuristics (gvae bench alone: nothing is trained)", ("name", "what it is", "paper"), beside
    )
