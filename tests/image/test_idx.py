from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gvae.errors import InputError
from gvae.image.idx import read_idx, read_labelled

IMAGES = struct.pack(">4I", 0x803, 3, 2, 4) + bytes(range(24))
LABELS = struct.pack(">2I", 0x801, 3) + bytes([0, 2, 1])


def write(folder: Path, images: bytes = IMAGES, labels: bytes = LABELS) -> tuple[Path, Path]:
    (folder / "images").write_bytes(images)
    (folder / "labels").write_bytes(labels)
    return folder / "images", folder / "labels"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_images_and_labels(pack: type[bytes], tmp_path: Path) -> None:
    found = read_labelled(*write(tmp_path, pack(IMAGES), pack(LABELS)))
    assert found.x.shape == (3, 1, 2, 4)
    assert np.allclose(found.x.flatten() * 255, np.arange(24), atol=1e-4)
    assert found.y is not None
    assert found.y.tolist() == [0, 2, 1]


def test_the_header_is_big_endian(tmp_path: Path) -> None:
    images, _ = write(tmp_path)
    assert read_idx(images, 3)[2, 1].tolist() == [20, 21, 22, 23]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LABELS, "expected an IDX file with the magic number 0x00000803, got 0x00000801"),
        (b"\x89PNG", "expected an IDX file with the magic number 0x00000803, got 0x89504e47"),
        (gzip.compress(b""), "expected an IDX file with the magic number 0x00000803, got no byte"),
        (b"", "the file is empty"),
        (IMAGES[:9], "expected a header of 16 bytes, got 9"),
        (IMAGES[:-5], "expected 3 x 2 x 4 bytes after the header, got 5 too few"),
        (IMAGES + b"12", "expected 3 x 2 x 4 bytes after the header, got 2 too many"),
        (struct.pack(">4I", 0x803, 0, 28, 28), "expected at least one value, got 0 x 28 x 28"),
        (gzip.compress(IMAGES)[:-9], "damaged or truncated gzip"),
    ],
)
def test_what_is_no_file_of_images(content: bytes, message: str, tmp_path: Path) -> None:
    images, labels = write(tmp_path, images=content)
    with pytest.raises(InputError, match=f"^{images}: {message}"):
        read_labelled(images, labels)


def test_labels_must_be_one_an_image(tmp_path: Path) -> None:
    images, labels = write(tmp_path, labels=struct.pack(">2I", 0x801, 2) + bytes(2))
    with pytest.raises(InputError, match=f"^{labels}: expected 3 labels, one an image of {images}, got 2$"):
        read_labelled(images, labels)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing: no such file"):
        read_idx(tmp_path / "nothing", 3)


@pytest.mark.parametrize("content", [IMAGES, gzip.compress(IMAGES)], ids=["plain", "gzip"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_anywhere_it_is_refused_with_its_name(
    content: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "cut-images"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(InputError, match=f"^{path}: ") as error:
        read_idx(path, 3)
    assert "\n" not in str(error.value)
