"""Options of ``gvae image``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from gvae.catalog import ACTIVATIONS, BINARIZATIONS, DEVICES, IMAGE_MODELS, LIKELIHOODS, SCHEDULES, check_name
from gvae.config import TrainConfig, require_int

from ._options import option

RUN = Annotated[str, typer.Argument(metavar="RUN", help="A folder that gvae image train wrote.")]
Picture = Annotated[str, typer.Option("--out", metavar="FILE", help="The picture: .png, .svg or .pdf.")]
DataDir = Annotated[
    str | None, option("Where the images are now.", "where they were in training", metavar="DIR")
]
Seed = Annotated[int, option("Of what is drawn.")]
Class = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="CLASS",
        help="Class to draw, by name or number, for models that know it.",
        show_default=False,
    ),
]
Number = Annotated[int | None, option("Test images, the first ones.", "10, or all", metavar="N")]
Limit = Annotated[float, option("Latent numbers run from minus this to this.")]


@dataclass(frozen=True)
class SourceOptions:
    """What images there are to learn from."""

    data_dir: Annotated[
        str | None,
        option("Folder of the IDX files of mnist or fashion-mnist.", "~/.cache/gvae", metavar="DIR"),
    ] = None
    download: Annotated[bool, typer.Option("--download", help="Fetch these files if they are missing.")] = (
        False
    )
    val: Annotated[
        int | None,
        option("Images kept from learning, to judge the epochs by; 0 for none.", "a tenth, of mnist 5000"),
    ] = None
    without_class: Annotated[
        str | None,
        option(
            "Learn nothing of this class (name or number), for gvae image anomaly.", "none", metavar="CLASS"
        ),
    ] = None
    labels_per_class: Annotated[
        int | None, option("Keep so many labels a class and hide the others, for m2.", "all", metavar="N")
    ] = None


@dataclass(frozen=True)
class ImageModelOptions:
    """What is trained, and how."""

    model: Annotated[str, option(f"{', '.join(IMAGE_MODELS)}; see gvae image models.", of=IMAGE_MODELS)] = (
        "vae"
    )
    latent: Annotated[int, option("Dimensions of z.")] = 20
    hidden: Annotated[int, option("Units of the hidden layer.")] = 400
    activation: Annotated[
        str,
        option(
            "relu, or silu for z of tens of numbers and long runs; convolutions have silu.", of=ACTIVATIONS
        ),
    ] = "relu"
    epochs: Annotated[int, option("Training epochs.")] = 20
    batch_size: Annotated[int | None, option("Images a batch.", "128, of few images fewer")] = None
    lr: Annotated[float, option("Learning rate of Adam.")] = 0.001
    schedule: Annotated[
        str, option("constant, or cosine: the rate falls to nearly 0 at the end.", of=SCHEDULES)
    ] = "cosine"
    beta: Annotated[float, option("Weight of the KL term; other than 1 it is the beta-VAE.")] = 1.0
    binarize: Annotated[
        str, option("Pixels as grey levels (none), drawn once or for each batch.", of=BINARIZATIONS)
    ] = "none"
    likelihood: Annotated[str, option("bernoulli, or gaussian for any values.", of=LIKELIHOODS)] = "bernoulli"
    samples: Annotated[int, option("Draws of z an image, of iwae.")] = 50
    components: Annotated[int, option("Pseudo-inputs of vamp and conv-vamp, codes of vq.")] = 500
    device: Annotated[str, option("auto, cpu or cuda.", of=DEVICES)] = "auto"

    def config(self, seed: int) -> TrainConfig:
        """How to train, checked as far as that needs no torch.

        Raises
        ------
        InputError
            If an option is out of its range.
        """
        check_name("image model", self.model, IMAGE_MODELS)
        check_name("binarize", self.binarize, BINARIZATIONS)
        check_name("likelihood", self.likelihood, LIKELIHOODS)
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("device", self.device, DEVICES)
        for name in ("latent", "hidden", "batch_size", "samples", "components"):
            if getattr(self, name) is not None:
                require_int(name.replace("_", "-"), getattr(self, name), at_least=1)
        schedule = check_name("schedule", self.schedule, SCHEDULES)
        return TrainConfig(
            epochs=self.epochs,
            lr=self.lr,
            schedule=schedule,  # type: ignore[arg-type]
            beta=self.beta,
            eval_every=1,
            seed=seed,
        )

    def sizes(self) -> dict[str, Any]:
        """The keywords of `gvae.image.Sizes` that do not come from the images."""
        names = ("latent", "hidden", "activation", "likelihood", "samples", "components")
        return {name: getattr(self, name) for name in names}
