"""Time the same VAE trained on MNIST by gvae and by plain PyTorch scripts; write a table and ``images.json``.

python -m benchmarks.images --data-dir FOLDER [--epochs 10] [--repetitions 3] [--out FILE.json]

Needs the four IDX files of MNIST; see ``benchmarks/README.md`` for what is compared.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from benchmarks import plain_vae
from benchmarks.plain_vae import BATCH, HIDDEN, LATENT, LR, Pictures, PlainVAE
from benchmarks.speed.summary import Spread
from gvae import TrainConfig, fit
from gvae.config import require_int
from gvae.environment import environment
from gvae.errors import GvaeError, InputError
from gvae.files import check_target, write_file
from gvae.image import ImageModel, Images, ImageTask, Sizes, build_image_model, load_images, negative_elbo

OUT = Path(__file__).parent / "results" / "images.json"
FIRST_SEED = 1000

GVAE, BEST = "gvae", "script at its best"
DATASETS: dict[str, Callable[[Images], Any]] = {
    GVAE: lambda images: images,
    "script, TensorDataset": lambda images: TensorDataset(images.x),
    BEST: lambda images: images.x,
    "script, picture by picture": lambda images: Pictures(images.x),
}
"""Who takes part, and the form in which each has the images; making that is not timed."""


@dataclass(frozen=True)
class Run:
    """One contender, trained once.

    Parameters
    ----------
    contender
        One of `DATASETS`.
    seed
        Of weights, order and noise.
    seconds
        From the images in memory to the trained model.
    negative_elbo
        Of the test images, nats an image; one draw of z each, the same draws for all contenders.
    """

    contender: str
    seed: int
    seconds: float
    negative_elbo: float


def train(
    contender: str, dataset: Any, shape: tuple[int, int, int], epochs: int, seed: int
) -> PlainVAE | ImageModel:
    """Train a contender on what `DATASETS` made of the images."""
    if contender != GVAE:
        return plain_vae.train(dataset, math.prod(shape), epochs, seed, with_logits=contender == BEST)
    model = build(shape, seed)
    fit(ImageTask(model, dataset, batch_size=BATCH), TrainConfig(epochs=epochs, lr=LR, seed=seed))
    return model


def build(shape: tuple[int, int, int], seed: int = 0) -> ImageModel:
    """The same sizes as `PlainVAE`."""
    return build_image_model("vae", Sizes(shape, hidden=HIDDEN, latent=LATENT), seed=seed)


def as_gvae(script: PlainVAE, shape: tuple[int, int, int]) -> ImageModel:
    """Give a model of gvae a script's weights."""
    model = build(shape)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    for layer, of_script in zip(layers, script.children(), strict=True):
        layer.load_state_dict(of_script.state_dict())
    with torch.no_grad():
        for weight in layers[2].parameters():
            weight.mul_(0.5)  # log sigma from log sigma^2
    return model


def run_once(contender: str, learn: Images, test: Images, epochs: int, seed: int) -> Run:
    """Train a contender and score the test images."""
    dataset = DATASETS[contender](learn)
    gc.collect()
    started = time.perf_counter()
    model = train(contender, dataset, learn.shape, epochs, seed)
    seconds = time.perf_counter() - started
    judged = as_gvae(model, learn.shape) if isinstance(model, PlainVAE) else model
    return Run(contender, seed, seconds, sum(negative_elbo(judged, test)))


def taking_turns(learn: Images, test: Images, epochs: int, repetitions: int) -> Iterator[Run]:
    """Run all contenders, repetition after repetition; each begins with the next one of them."""
    names = list(DATASETS)
    for repetition in range(repetitions):
        first = repetition % len(names)
        for contender in names[first:] + names[:first]:
            yield run_once(contender, learn, test, epochs, FIRST_SEED + repetition)


def summary(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Of each contender: seconds, how many times as long as gvae within a repetition, mean negative ELBO."""
    ours = {run.seed: run.seconds for run in runs if run.contender == GVAE}
    found = {}
    for name in DATASETS:
        its = [run for run in runs if run.contender == name]
        found[name] = {
            "seconds": Spread.of([run.seconds for run in its]).to_dict(),
            "times_as_long": Spread.of([run.seconds / ours[run.seed] for run in its]).to_dict(),
            "negative_elbo": fmean(run.negative_elbo for run in its),
        }
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown; medians, in brackets the lowest and the highest."""
    lines = ["| contender | seconds | times as long as gvae | negative ELBO, nats |", "|---|---|---|---|"]
    for name, of in found.items():
        seconds, times = (
            f"{of[key]['median']:.2f} [{of[key]['least']:.2f}, {of[key]['most']:.2f}]"
            for key in ("seconds", "times_as_long")
        )
        lines.append(f"| {name} | {seconds} | {times} | {of['negative_elbo']:.2f} |")
    return "\n".join(lines)


def read(folder: Path) -> tuple[Images, Images]:
    """All training images of MNIST and its test images, without labels."""
    split = load_images("mnist", data_dir=folder, val=0)
    return Images(split.train.x), Images(split.test.x)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Raises
    ------
    InputError
        If a number is too small or the results cannot be written.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.images", description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of MNIST's IDX files")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT, help="the JSON file")
    chosen = parser.parse_args(words)
    require_int("--epochs", chosen.epochs, at_least=1)
    require_int("--repetitions", chosen.repetitions, at_least=1)
    check_target(chosen.out, "--out")
    return chosen


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Everything that is written."""
    learn, test = read(chosen.data_dir)
    for contender in DATASETS:  # so that nothing is loaded for the first time while it is timed
        run_once(contender, learn.take(slice(5 * BATCH)), test.take(slice(BATCH)), 1, FIRST_SEED)
    runs = []
    for run in taking_turns(learn, test, chosen.epochs, chosen.repetitions):
        _tell(f"seed {run.seed}, {run.contender}: {run.seconds:.2f} s, {run.negative_elbo:.2f} nats")
        runs.append(run)
    sizes = {"hidden": HIDDEN, "latent": LATENT, "batch_size": BATCH, "lr": LR, "images": len(learn)}
    return {
        "settings": {"epochs": chosen.epochs, "repetitions": chosen.repetitions, **sizes},
        "environment": environment(),
        "runs": [asdict(run) for run in runs],
        "contenders": summary(runs),
    }


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write; the exit code."""
    try:
        chosen = parse(words)
        record = measure(chosen)
        write_file(chosen.out, json.dumps(record, indent=1) + "\n")
        print(table(record["contenders"]))
    except KeyboardInterrupt:
        _tell("interrupted: nothing is written")
        return 130
    except GvaeError as error:
        _tell(f"error: {error}")
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
