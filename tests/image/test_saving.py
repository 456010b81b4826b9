"""Image models as folders: what is read draws the same images as what was written."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from gvae.bundle import _sealed, read_bundle
from gvae.catalog import IMAGE_MODELS
from gvae.errors import InputError
from gvae.estimator import GraphAutoencoder
from gvae.image.images import Images, ImageSplit
from gvae.image.registry import Sizes, build_image_model, task_for
from gvae.image.saving import images_hash, load_image_model, save_image_model
from gvae.randomness import new_generator
from gvae.train import TrainConfig, fit

SOURCE, TRAINING = {"source": "digits", "seed": 0}, {"batch_size": 64}
CONFIG = TrainConfig(epochs=2, lr=0.001, eval_every=1)


def save(folder: Path, digits: ImageSplit, name: str = "vae") -> None:
    sizes = Sizes(digits.train.shape, hidden=12, latent=2, classes=10, components=7)
    model = build_image_model(name, sizes)
    history = fit(task_for(model, digits.train.take(slice(200)), digits.val, batch_size=64), CONFIG)
    save_image_model(
        *(folder, model),
        name=name,
        sizes=sizes,
        source=SOURCE,
        config=CONFIG,
        history=history,
        training=TRAINING,
    )
    again = load_image_model(folder)
    assert (again.name, again.sizes, again.model.training) == (name, sizes, False)
    for key, value in model.state_dict().items():
        assert torch.equal(again.model.state_dict()[key], value)


@pytest.mark.parametrize("name", list(IMAGE_MODELS))
def test_every_model_comes_back_with_its_weights(name: str, digits: ImageSplit, tmp_path: Path) -> None:
    save(tmp_path / "run", digits, name)


@pytest.fixture
def run(digits: ImageSplit, tmp_path: Path) -> Path:
    save(tmp_path / "run", digits)
    return tmp_path / "run"


def test_the_folder_has_no_graph(run: Path) -> None:
    names = ["config.json", "history.jsonl", "manifest.json", "model.safetensors"]
    assert sorted(os.listdir(run)) == names
    bundle = read_bundle(run, kind="image")
    assert bundle.graph is None
    assert bundle.embedding is None
    assert [record["epoch"] for record in bundle.history] == [1, 2]
    assert bundle.manifest["kind"] == "image"
    assert bundle.manifest["val"] == bundle.history[-1]["val"]


def test_the_settings_come_back(run: Path) -> None:
    settings = load_image_model(run).settings
    assert (settings["source"], settings["training"]) == (SOURCE, TRAINING)
    assert settings["config"] == asdict(CONFIG)
    assert (settings["history"]["epochs"], settings["history"]["epoch"]) == (2, 2)


def test_the_same_draws_after_a_move(run: Path) -> None:
    before = load_image_model(run).model.sample(3, new_generator(0, "test"))
    moved = run.rename(run.with_name("moved"))
    assert torch.equal(load_image_model(moved).model.sample(3, new_generator(0, "test")), before)


def test_nothing_is_overwritten(run: Path, digits: ImageSplit) -> None:
    with pytest.raises(InputError, match="run: already exists"):
        save(run, digits)


def test_each_kind_is_refused_where_the_other_is_expected(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run: holds a model of images .*, expected one of a graph"):
        GraphAutoencoder.load(run)
    GraphAutoencoder(epochs=1, val=0).fit(_edges(tmp_path)).save(tmp_path / "graph")
    with pytest.raises(InputError, match=r"graph: holds a model of a graph .*, expected one of images"):
        load_image_model(tmp_path / "graph")


def _edges(folder: Path) -> Path:
    (folder / "edges.csv").write_text("a,b\nb,c\nc,a\nc,d\n")
    return folder / "edges.csv"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "vea"},
        {"sizes": {"latent": 3}},
        {"sizes": None},
        {"sizes": {"colour": 1, "shape": [1, 8, 8]}},
    ],
)
def test_a_sound_bundle_of_something_else_is_refused(change: dict[str, object], run: Path) -> None:
    rewrite(run, json.loads((run / "config.json").read_text()) | change)
    with pytest.raises(InputError, match="run: does not hold a model of images"):
        load_image_model(run)


def test_weights_of_another_network_are_refused_in_one_line(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    rewrite(run, config | {"sizes": config["sizes"] | {"latent": 3}})
    with pytest.raises(InputError, match=r"^[^\n]*run: its weights do not fit vae as this version[^\n]*$"):
        load_image_model(run)


def test_a_run_from_before_there_was_a_choice_of_activation_has_relu(run: Path) -> None:
    before = load_image_model(run)
    config = json.loads((run / "config.json").read_text())
    assert config["sizes"].pop("activation") == "relu"
    rewrite(run, config)
    after = load_image_model(run)
    assert after.sizes == before.sizes
    z = torch.randn(5, 2, generator=new_generator(0, "test"))
    assert torch.equal(after.model.decode(z), before.model.decode(z))


def rewrite(run: Path, config: dict[str, object]) -> None:
    """Another ``config.json``, with a manifest that knows of it."""
    (run / "config.json").write_text(json.dumps(config))
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["files"]["config.json"] = sha256((run / "config.json").read_bytes()).hexdigest()
    (run / "manifest.json").write_bytes(_sealed(manifest))


def test_the_hash_of_images_is_that_of_their_content() -> None:
    x, y = torch.rand(3, 1, 2, 2, generator=new_generator(0, "test")), torch.tensor([0, 1, 1])
    known = images_hash(Images(x, y))
    assert images_hash(Images(x.clone(), y.clone())) == known
    others = [Images(x), Images(x, y.flip(0)), Images(x.flip(0), y), Images(x.view(3, 1, 1, 4), y)]
    assert len({known, *map(images_hash, others)}) == 5
