"""``gvae image``: models of images."""

from __future__ import annotations

import typer

from gvae.catalog import IMAGE_MODELS

from . import image_pictures, image_repairs, image_scores, image_train
from ._console import print_table

app = typer.Typer(
    no_args_is_help=True, help="Models of images: VAE and its relatives.", rich_markup_mode="rich"
)


@app.command("models")
def models() -> None:
    """List the models of images."""
    rows = [(name, info.summary, info.paper) for name, info in IMAGE_MODELS.items()]
    print_table("Models of images", ("name", "what it is", "paper"), rows)


app.command("train")(image_train.command)
app.command("sample")(image_pictures.sample)
app.command("reconstruct")(image_repairs.reconstruct)
app.command("interpolate")(image_pictures.interpolate)
app.command("manifold")(image_pictures.manifold)
app.command("traverse")(image_pictures.traverse)
app.command("denoise")(image_repairs.denoise)
app.command("inpaint")(image_repairs.inpaint)
app.command("super-resolve")(image_repairs.super_resolve)
app.command("anomaly")(image_scores.anomaly)
app.command("transfer")(image_scores.transfer)
app.command("evaluate")(image_scores.evaluate)
