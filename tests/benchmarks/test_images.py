"""The contenders of the images' benchmark do the same work, and what is written says so."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmarks.images import DATASETS, GVAE, Run, as_gvae, main, run_once, summary, table, train
from benchmarks.plain_vae import BATCH, Pictures, PlainVAE, loss_of
from gvae.image import Images, load_images, negative_elbo
from gvae.image.download import FILES


@pytest.fixture(scope="module")
def learn() -> Images:
    """300 digits: two batches and a rest."""
    return Images(load_images("digits").train.x[:300])


@pytest.mark.parametrize("contender", DATASETS)
def test_every_contender_takes_the_same_steps_on_as_many_images(contender: str, learn: Images) -> None:
    optimizers, images = [], []

    def count(layer: nn.Module, inputs: Any) -> None:
        if isinstance(layer, nn.Linear) and layer.in_features == 64:  # the first one
            images.append(len(inputs[0]))

    hooks = [
        register_optimizer_step_post_hook(lambda optimizer, *_: optimizers.append(optimizer)),
        register_module_forward_pre_hook(count),
    ]
    try:
        train(contender, DATASETS[contender](learn), learn.shape, 2, seed=0)
    finally:
        for hook in hooks:
            hook.remove()
    assert {*map(id, optimizers)} == {id(optimizers[0])}
    assert {int(state["step"]) for state in optimizers[0].state.values()} == {6}
    assert images == [BATCH, BATCH, 300 - 2 * BATCH] * 2


@pytest.mark.parametrize("with_logits", [False, True])
def test_with_the_same_weights_and_noise_the_first_loss_is_the_same(with_logits: bool, learn: Images) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        script, x = PlainVAE(64), learn.x[:BATCH]
        torch.manual_seed(1)
        theirs = loss_of(script, x, with_logits).item() / BATCH
    generator = torch.Generator().manual_seed(1)
    ours = as_gvae(script, learn.shape).loss(x, None, 1.0, generator)
    assert ours.total.item() == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("contender", DATASETS)
def test_every_contender_learns(contender: str, learn: Images) -> None:
    untrained = sum(negative_elbo(as_gvae(PlainVAE(64), learn.shape), learn))
    found = run_once(contender, learn, learn, 10, seed=0)
    assert found.contender == contender
    assert found.seconds > 0
    assert found.negative_elbo < 0.8 * untrained


def test_a_picture_has_the_bytes_of_its_image() -> None:
    x = torch.arange(24).view(2, 1, 3, 4) / 255
    pictures = Pictures(x)
    assert torch.equal(torch.stack([pictures[i] for i in range(len(pictures))]), x)


def test_ratios_are_within_a_repetition() -> None:
    seconds = {0: 2.0, 1: 1.0, 2: 4.0}  # of gvae, by seed
    runs = [Run(GVAE, seed, value, 100.0) for seed, value in seconds.items()]
    for name in (name for name in DATASETS if name != GVAE):
        runs += [Run(name, seed, (3 + seed) * value, 101.0 + seed) for seed, value in seconds.items()]
    found = summary(runs)
    assert found[GVAE]["times_as_long"]["median"] == 1
    peer = found["script, TensorDataset"]
    assert [peer["times_as_long"][key] for key in ("least", "median", "most")] == [3, 4, 5]
    assert "| script, TensorDataset | 6.00 [4.00, 20.00] | 4.00 [3.00, 5.00] | 102.00 |" in table(found)


@pytest.fixture
def idx_files(tmp_path: Path) -> Path:
    """Forty random images of 6 x 5 to learn from, and eight of the test."""
    rng = np.random.default_rng(0)
    for file, number in zip(FILES, (40, 40, 8, 8), strict=True):
        images = "images" in file
        header = struct.pack(">4I", 0x803, number, 6, 5) if images else struct.pack(">2I", 0x801, number)
        content = rng.integers(0, 256, number * 30, np.uint8) if images else np.arange(number) % 10
        (tmp_path / file).write_bytes(header + content.astype(np.uint8).tobytes())
    return tmp_path


def test_the_whole_writes_json_and_a_table(idx_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = idx_files / "images.json"
    words = ["--epochs", "1", "--repetitions", "2", "--out", str(out)]
    assert main(["--data-dir", str(idx_files), *words]) == 0
    record, names = json.loads(out.read_text()), list(DATASETS)
    assert [run["contender"] for run in record["runs"]] == [*names, *names[1:], names[0]]
    assert [run["seed"] for run in record["runs"]] == [1000] * 4 + [1001] * 4
    assert record["settings"]["images"] == 40
    assert list(record["contenders"]) == names
    assert "| gvae | " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "0"], "--epochs must be an integer >= 1, got 0"),
        (["--repetitions", "0"], "--repetitions must be an integer >= 1, got 0"),
        (["--out", "nowhere/images.json"], "the folder nowhere does not exist"),
        ([], "train-images"),
    ],
)
def test_bad_input_is_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not words:
        words = ["--out", str(tmp_path / "images.json")]
    assert main(["--data-dir", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err
