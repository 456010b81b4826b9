from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gvae.errors import InputError
from gvae.image.arrays import read_array
from gvae.image.images import Images


def read(folder: Path, name: str = "a.npy", **arrays: Any) -> Images:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, arrays["x"])
    else:
        np.savez(path, **arrays)
    return read_array(path)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 4, 6), (5, 1, 4, 6)),
        ((5, 1, 4, 6), (5, 1, 4, 6)),
        ((5, 3, 4, 6), (5, 3, 4, 6)),
        ((5, 4, 6, 1), (5, 1, 4, 6)),
        ((5, 4, 6, 3), (5, 3, 4, 6)),
        ((5, 3, 8, 3), (5, 3, 8, 3)),
    ],
)
def test_shapes(shape: tuple[int, ...], expected: tuple[int, ...], tmp_path: Path) -> None:
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    found = read(tmp_path, x=values).x
    assert tuple(found.shape) == expected
    assert found.is_contiguous()
    last = len(shape) == 4 and shape != expected
    assert np.array_equal(
        found.numpy().reshape(values.shape) if not last else found.permute(0, 2, 3, 1), values
    )


def test_bytes_are_divided_and_floats_are_kept(tmp_path: Path) -> None:
    grey = np.array([[[0, 255, 51]]], dtype=np.uint8)
    assert torch.equal(read(tmp_path, x=grey).x.flatten(), torch.tensor([0, 1, 0.2]))
    for kind in (np.float16, np.float64, ">f4"):
        x = read(tmp_path, x=np.array([[[-2.5, 0.5, 7]]], dtype=kind)).x
        assert x.dtype == torch.float32
        assert x.flatten().tolist() == [-2.5, 0.5, 7]


def test_an_archive_has_x_or_one_array_and_perhaps_labels(tmp_path: Path) -> None:
    values, labels = np.zeros((3, 2, 2)), np.array([2, 0, 1], dtype=np.uint8)
    assert read(tmp_path, "a.npz", pictures=values).y is None
    for arrays in ({"x": values, "y": labels, "z": labels}, {"pictures": values, "y": labels}):
        found = read(tmp_path, "a.npz", **arrays)
        assert len(found) == 3
        assert found.y is not None
        assert found.y.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(2), "b": np.zeros(2)}, "expected an array x, or only one, got a, b"),
        ({}, "expected an array x, or only one, got none"),
        ({"x": np.zeros((3, 2, 2)), "y": np.zeros(3)}, "expected labels as integers .*, got float64"),
        (
            {"x": np.zeros((3, 2, 2)), "y": np.zeros((3, 1), int)},
            r"expected labels .*, got int64 of shape \(3, 1\)",
        ),
        ({"x": np.zeros((3, 2, 2)), "y": np.array([0, -1, 1])}, "expected labels from 0, got -1"),
        ({"x": np.zeros((3, 2, 2)), "y": np.zeros(2, int)}, "labels must be one an image, 3"),
        ({"x": np.array([None])}, "cannot be read as NumPy arrays .Object arrays cannot"),
    ],
)
def test_archives_that_are_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"a.npz: {message}"):
        read(tmp_path, "a.npz", **arrays)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 8)), r"expected the shape \(n, H, W\).*, got \(4, 8\)"),
        (np.zeros((4, 2, 8, 8)), r"expected the shape .* with C 1 or 3, got \(4, 2, 8, 8\)"),
        (np.zeros((0, 8, 8)), "images must have the shape"),
        (np.zeros((4, 8, 8), int), "expected uint8 from 0 to 255, or floats, got int64"),
        (np.zeros((4, 8, 8), complex), "expected uint8 .*, got complex128"),
        (np.full((4, 8, 8), np.nan), "images must be finite; image 0 is not"),
        (np.full((4, 8, 8), 1e300), "images must be finite"),
        (np.array([None]), "cannot be read as NumPy arrays .Object arrays cannot"),
    ],
)
def test_arrays_that_are_refused(values: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"a.npy: {message}"):
        read(tmp_path, x=values)


def test_files_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(InputError, match=r"a.npy: no such file"):
        read_array(path)
    path.write_text("1,2,3\n")
    with pytest.raises(InputError, match=r"a.npy: expected a .npy or .npz file, got something else"):
        read_array(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "no array")
    with pytest.raises(InputError, match=r"a.npy: expected NumPy arrays alone, got another file in it"):
        read_array(path)


@pytest.mark.parametrize("save", [np.save, np.savez], ids=["npy", "npz"])
def test_a_cut_file_is_refused_with_its_name(save: Callable[..., None], tmp_path: Path) -> None:
    whole = io.BytesIO()
    save(whole, np.zeros((2, 3, 3)))
    path = tmp_path / "cut.npy"
    for length in range(0, len(whole.getvalue()), 7):
        path.write_bytes(whole.getvalue()[:length])
        with pytest.raises(InputError, match=r"cut\.npy: "):
            read_array(path)
