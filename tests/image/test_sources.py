from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor

from gvae.errors import DownloadError, InputError, UnknownNameError
from gvae.image.download import DOWNLOADS, FILES
from gvae.image.images import ImageSplit
from gvae.image.sources import load_images


def sizes(split: ImageSplit) -> tuple[int, int, int]:
    return len(split.train), 0 if split.val is None else len(split.val), len(split.test)


def rows(split: ImageSplit) -> set[tuple[float, ...]]:
    """All images, each as its pixels."""
    parts = [part.x.flatten(1).tolist() for part in split.parts]
    return {tuple(pixels) for part in parts for pixels in part}


def labels(split: ImageSplit) -> list[Tensor]:
    found = [part.y for part in split.parts]
    return [y for y in found if y is not None]


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """Twelve images to learn from and four of the test, each with its number as grey level."""
    for file, first, number in zip(FILES, (0, 0, 100, 100), (12, 12, 4, 4), strict=True):
        values = np.arange(first, first + number, dtype=np.uint8)
        if "images" in file:
            header = struct.pack(">4I", 0x803, number, 2, 3)
            content = values.repeat(6).tobytes()
        else:
            header, content = struct.pack(">2I", 0x801, number), (values % 10).tobytes()
        (tmp_path / file).write_bytes(header + content)
    return tmp_path


def numbered(folder: Path, number: int, classes: int = 0) -> str:
    """A file of images that differ; each label for a stretch of them."""
    x = np.arange(number, dtype=np.float32)[:, None, None].repeat(4, axis=1)
    if classes:
        np.savez(folder / "a.npz", x=x, y=np.arange(number) * classes // number)
    else:
        np.savez(folder / "a.npz", x=x)
    return str(folder / "a.npz")


def test_digits_are_those_of_scikit_learn_each_once() -> None:
    split = load_images("digits")
    assert split.name == "digits"
    assert sizes(split) == (1257, 180, 360)
    assert split.train.shape == (1, 8, 8)
    assert rows(split) == {tuple(pixels) for pixels in (load_digits().data / 16).tolist()}
    assert len(rows(split)) == 1797


def test_without_a_validation_part_all_is_learned_from() -> None:
    with_val, without = load_images("digits"), load_images("digits", val=0)
    assert without.val is None
    assert len(without.train) == 1257 + 180
    assert torch.equal(without.test.x, with_val.test.x)
    assert without.without_class(3).val is None


def test_digits_have_equal_shares_and_one_split() -> None:
    split, other = load_images("digits"), load_images("digits", seed=5, val=100)
    shares = [y.bincount() / len(y) for y in labels(split)]
    assert all((share - shares[0]).abs().max() < 0.005 for share in shares)
    assert sizes(other) == (1337, 100, 360)
    assert torch.equal(split.test.x, other.test.x)


def test_mnist_keeps_its_own_split(mnist: Path) -> None:
    split = load_images("mnist", data_dir=mnist, val=5, seed=3)
    found = [(part.x[:, 0, 1, 2] * 255).round().int().tolist() for part in split.parts]
    assert found == [[*range(7)], [*range(7, 12)], [*range(100, 104)]]
    assert [y.tolist() for y in labels(split)] == [[*range(7)], [7, 8, 9, 0, 1], [0, 1, 2, 3]]


def test_mnist_lies_in_the_cache(mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "gvae" / "images"
    with pytest.raises(
        InputError, match=f"^fashion-mnist: expected {FILES[0]}, .* in {folder / 'fashion-mnist'};"
    ):
        load_images("fashion-mnist")
    folder.mkdir(parents=True)
    (folder / "fashion-mnist").symlink_to(mnist)
    assert sizes(load_images("fashion-mnist", val=1)) == (11, 1, 4)


def test_what_was_given_for_a_download_elsewhere_is_refused(tmp_path: Path) -> None:
    for more in ({"data_dir": tmp_path}, {"download": True}):
        with pytest.raises(InputError, match="are for mnist, fashion-mnist, got source 'digits'"):
            load_images("digits", **more)


def test_images_of_train_and_test_must_have_one_size(mnist: Path) -> None:
    (mnist / FILES[2]).write_bytes(struct.pack(">4I", 0x803, 4, 3, 2) + bytes(24))
    with pytest.raises(
        InputError, match=rf"{FILES[2]}: expected images of \(1, 2, 3\) as .*, got \(1, 3, 2\)"
    ):
        load_images("mnist", data_dir=mnist, val=1)


@pytest.mark.parametrize(
    ("number", "val", "expected"),
    [(40, None, (32, 4, 4)), (39, None, (33, 3, 3)), (3, None, (1, 1, 1)), (40, 10, (26, 10, 4))],
)
def test_an_array_is_parted(
    number: int, val: int | None, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    source = numbered(tmp_path, number)
    split = load_images(source, val=val)
    assert sizes(split) == expected
    assert len(rows(split)) == number
    assert split.name == source
    assert labels(split) == []


def test_the_seed_shuffles_an_array(tmp_path: Path) -> None:
    source = numbered(tmp_path, 100)
    first, again, other = (load_images(source, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.test.x, again.test.x)
    assert torch.equal(first.train.x, again.train.x)
    assert not torch.equal(first.test.x, other.test.x)


@pytest.mark.parametrize("seed", range(5))
def test_labelled_images_keep_their_shares(seed: int, tmp_path: Path) -> None:
    train, val, test = labels(load_images(numbered(tmp_path, 100, classes=5), seed=seed))
    assert [y.bincount().tolist() for y in (train, val, test)] == [[16] * 5, [2] * 5, [2] * 5]
    train, val, test = labels(load_images(numbered(tmp_path, 60, classes=20), seed=seed))
    assert {*train.tolist()} == {*range(20)}
    assert {*test.tolist()} != {*range(6)}  # chosen at random


def test_a_folder(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for value in range(10):
            Image.new("L", (3, 2), value).save(tmp_path / label / f"{value}.png")
    split = load_images(str(tmp_path))
    assert sizes(split) == (16, 2, 2)
    assert split.test.shape == (1, 2, 3)
    assert [sorted(y.tolist()) for y in labels(split)[1:]] == [[0, 1], [0, 1]]
    assert split.train.class_names == split.test.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("number", "val", "message"),
    [
        (2, None, "a.npz: expected at least 3 images, for three parts, got 2"),
        (20, 18, "a.npz: val must be at most 17, to leave some to learn from, got 18"),
        (20, -1, "val must be an integer >= 0, got -1"),
    ],
)
def test_too_few_images(number: int, val: int | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_images(numbered(tmp_path, number), val=val)


def test_other_sources(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        InputError, match=r"notes.txt: expected a folder of pictures, an .npy or an .npz file"
    ):
        load_images(str(tmp_path / "notes.txt"))
    with pytest.raises(UnknownNameError, match="unknown images 'mnits'; did you mean mnist"):
        load_images("mnits")
    for source in ("", "zzz", "a\0b", "z" * 5000):
        with pytest.raises(
            UnknownNameError, match="known: digits, mnist, fashion-mnist, a folder of pictures"
        ):
            load_images(source)
    with pytest.raises(InputError, match=r"gone.npy: no such file"):
        load_images(str(tmp_path / "gone.npy"))


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    closed = replace(DOWNLOADS["fashion-mnist"], url="http://127.0.0.1:9/")
    monkeypatch.setitem(DOWNLOADS, "fashion-mnist", closed)
    message = (
        f"{FILES[0]}.gz: cannot be fetched .*refused.*; put the file at {tmp_path / FILES[0]}.gz by hand"
    )
    with pytest.raises(DownloadError, match=message):
        load_images("fashion-mnist", data_dir=tmp_path, download=True)


def test_the_real_mnist(raw_mnist: Path) -> None:
    split = load_images("mnist", data_dir=raw_mnist)
    assert sizes(split) == (55000, 5000, 10000)
    assert split.train.shape == (1, 28, 28)
    assert float(split.train.x.mean()) == pytest.approx(0.1307, abs=0.001)
    raw = gzip.decompress((raw_mnist / f"{FILES[1]}.gz").read_bytes())[8:]
    assert torch.cat(labels(split)[:2]).tolist() == [*raw]
    assert split.train.y is not None
    assert split.train.y[:5].tolist() == [5, 0, 4, 1, 9]
