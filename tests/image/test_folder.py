from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.errors import InputError
from gvae.image.folder import read_folder

GREY = Image.fromarray(np.array([[0, 51], [102, 255], [0, 204]], dtype=np.uint8))
COLOUR = Image.merge("RGB", [GREY, GREY.point(lambda value: 255 - value), Image.new("L", GREY.size, 51)])


def grey(value: int) -> Image.Image:
    return Image.new("L", (4, 4), value)


def test_pictures_in_the_order_of_their_names_without_labels(tmp_path: Path) -> None:
    for name, value in (("b.png", 102), ("c.BMP", 153), ("a.png", 51)):
        grey(value).save(tmp_path / name)
    (tmp_path / "README.txt").write_text("no picture")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "._a.png").write_bytes(b"\0")
    found = read_folder(tmp_path)
    assert found.x.shape == (3, 1, 4, 4)
    assert torch.allclose(found.x[:, 0, 0, 0], torch.tensor([0.2, 0.4, 0.6]))
    assert found.y is None
    assert found.names == ()


def test_folders_are_classes(tmp_path: Path) -> None:
    for folder, values in (("cats", (1, 2)), ("ants", (3,)), ("dogs", (4,))):
        (tmp_path / folder).mkdir()
        for value in values:
            grey(value).save(tmp_path / folder / f"{value}.png")
    found = read_folder(tmp_path)
    assert (found.x[:, 0, 0, 0] * 255).round().tolist() == [3, 1, 2, 4]
    assert found.y is not None
    assert found.y.tolist() == [0, 1, 1, 2]
    assert found.names == ("ants", "cats", "dogs")


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "gif", "webp", "ppm"])
def test_grey_has_one_channel_and_colour_three(ending: str, tmp_path: Path) -> None:
    COLOUR.save(tmp_path / f"a.{ending}", lossless=True)  # which webp alone reads
    colour = read_folder(tmp_path).x
    expected = torch.from_numpy(np.asarray(COLOUR).transpose(2, 0, 1) / 255).float()
    assert torch.allclose(colour, expected, atol=1e-6)
    if ending != "webp":  # has colours always
        GREY.save(tmp_path / f"a.{ending}")
        assert torch.allclose(read_folder(tmp_path).x, expected[:1], atol=1e-6)


def test_jpeg(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 100).save(tmp_path / "a.jpg", quality=95)
    Image.new("RGB", (8, 8), (100, 100, 100)).convert("CMYK").save(tmp_path / "b.jpeg", quality=95)
    with pytest.raises(
        InputError, match=r"b.jpeg: expected 8 x 8 pixels in grey as .*a.jpg, got .* in colour"
    ):
        read_folder(tmp_path)
    (tmp_path / "a.jpg").unlink()
    assert read_folder(tmp_path).x.mul(255).flatten().tolist() == pytest.approx([100] * 192, abs=3)


def test_black_and_white_sixteen_bits_and_palettes(tmp_path: Path) -> None:
    Image.new("1", (2, 2), 1).save(tmp_path / "a.png")
    Image.fromarray(np.full((2, 2), 32768, dtype=np.uint16)).save(tmp_path / "b.png")
    Image.fromarray(np.full((2, 2), 13107, dtype=np.uint16)).save(tmp_path / "c.tif")
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([0, 0, 0, 51, 51, 51])
    palette.save(tmp_path / "d.png")
    found = read_folder(tmp_path).x[:, 0, 0, 0]
    assert torch.allclose(found, torch.tensor([1, 32768 / 65535, 0.2, 0.2]))


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    grey(0).save(tmp_path / "a.gif", save_all=True, append_images=[grey(255)])
    assert float(read_folder(tmp_path).x.max()) == 0


def test_alpha_goes_where_it_says_nothing_and_is_refused_elsewhere(tmp_path: Path) -> None:
    for name, picture in (("a.png", COLOUR), ("b.png", COLOUR.convert("RGBA"))):
        picture.save(tmp_path / name)
    found = read_folder(tmp_path).x
    assert torch.equal(found[0], found[1])
    clear = COLOUR.copy()
    clear.putalpha(GREY)
    clear.save(tmp_path / "c.png")
    with pytest.raises(InputError, match=r"c.png: has transparent pixels; put the picture on a background"):
        read_folder(tmp_path)
    grey(7).save(tmp_path / "c.png", transparency=7)
    with pytest.raises(InputError, match=r"c.png: has transparent pixels"):
        read_folder(tmp_path)


def test_sizes_must_be_equal(tmp_path: Path) -> None:
    grey(0).save(tmp_path / "a.png")
    Image.new("L", (5, 4)).save(tmp_path / "b.png")
    with pytest.raises(
        InputError, match=r"b.png: expected 4 x 4 pixels in grey as .*a.png, got 5 x 4 pixels in grey; bring"
    ):
        read_folder(tmp_path)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp"])
def test_a_damaged_picture_is_named(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for length in (0, 1, 20, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(
            InputError, match=f"^{re.escape(str(path))}: cannot be read as a picture"
        ) as error:
            read_folder(tmp_path)
        assert "\n" not in str(error.value)


def test_floats_and_more_than_sixteen_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(np.zeros((2, 2), dtype=np.float32)).save(path)
    with pytest.raises(InputError, match=r"a.tif: expected whole numbers for pixels, got floats"):
        read_folder(tmp_path)
    Image.fromarray(np.full((2, 2), 70000, dtype=np.int32)).save(path)
    with pytest.raises(InputError, match=r"a.tif: expected at most 16 bits a pixel, got 70000 to 70000"):
        read_folder(tmp_path)


def test_folders_without_pictures_and_pictures_beside_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected pictures \(.png, .*\), got none"):
        read_folder(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(InputError, match=r"cats: expected pictures \(.png, .*\), got none"):
        read_folder(tmp_path)
    grey(0).save(tmp_path / "a.png")
    with pytest.raises(
        InputError, match=r"expected pictures or folders of pictures, got both, a.png and cats"
    ):
        read_folder(tmp_path)
