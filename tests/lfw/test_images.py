"""Pixels come in as they are stored, in order, whole or not at all."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lfw.any_image import read_any
from lfw.errors import DataError
from lfw.images import (
    CENTRE,
    FACE,
    SIZE,
    Crop,
    grey_crops,
    read_grey,
    read_many,
    read_rgb,
)
from tests.lfw.bad_images import FAULTY, GOOD, PICTURE, VALID, claiming, encoded, jpeg

USABLE = [n for n, (_, problem, _) in FAULTY.items() if problem in {"not RGB", "off size"}]
"""What the audit tells, and a selection may take."""


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def decoded(content: bytes) -> NDArray[np.int64]:
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    return np.asarray(shown.convert("RGB"), dtype=np.int64)


def turned(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg(picture, exif=exif)


OFF_SIZE: dict[str, Callable[[], bytes]] = {
    "wide": lambda: jpeg(PICTURE.resize((300, 250))),
    "tall": lambda: jpeg(PICTURE.resize((500, 1000))),
    "small": lambda: jpeg(PICTURE.resize((90, 120))),
    "wide-turned": lambda: turned(PICTURE.resize((300, 200))),
    "wide-png": lambda: encoded(PICTURE.resize((300, 250)), "PNG"),
}


def content_of(name: str) -> bytes:
    made = OFF_SIZE.get(name) or VALID.get(name) or FAULTY[name][0]
    return made()


@pytest.mark.parametrize("name", VALID)
def test_pixels_are_those_that_pillow_decodes(tmp_path: Path, name: str) -> None:
    content = VALID[name]()
    pixels = read_rgb(written(tmp_path, name, content))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (SIZE, SIZE, 3)
    assert np.abs(pixels - decoded(content)).max() <= 2


def test_drawn_photographs_are_read_as_pillow_decodes_them(sample_folder: Path) -> None:
    for path in sorted(sample_folder.rglob("*_0001.jpg"))[:10]:
        assert np.abs(read_rgb(path) - decoded(path.read_bytes())).max() <= 2


@pytest.mark.parametrize("name", [*OFF_SIZE, *VALID, *USABLE])
def test_training_takes_the_pixels_that_scoring_takes(tmp_path: Path, name: str) -> None:
    content = content_of(name)
    pixels = read_rgb(written(tmp_path, name, content))
    assert np.array_equal(pixels, read_any(content))
    assert np.array_equal(read_many(tmp_path, [name])[0], pixels)


def test_other_sizes_are_cut_to_the_square_in_their_centre_and_resized(tmp_path: Path) -> None:
    tall = jpeg(PICTURE.resize((500, 1000)))
    pixels = read_rgb(written(tmp_path, "tall.jpg", tall)).astype(float)
    means = decoded(tall)[250:750].reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3))
    assert np.abs(pixels - means).max() <= 2
    assert read_rgb(written(tmp_path, "point.jpg", jpeg(PICTURE.resize((1, 1))))).std() < 60


@pytest.mark.parametrize("size", [(250, 250), (300, 400)])
def test_what_a_decoder_warns_of_is_damage_whatever_the_size(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    content = bytearray(jpeg(PICTURE.resize(size)))
    content[len(content) // 2 : len(content) // 2 + 512] = bytes(512)
    with pytest.raises(DataError, match=r"zeroed\.jpg cannot be decoded"):
        read_rgb(written(tmp_path, "zeroed.jpg", bytes(content)))


def test_formats_that_a_data_set_may_not_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gif\.jpg cannot be decoded: .*JPEG, PNG are read"):
        read_rgb(written(tmp_path, "gif.jpg", encoded(PICTURE, "GIF")))


def test_grey_photographs_become_three_equal_channels(tmp_path: Path) -> None:
    pixels = read_rgb(written(tmp_path, "grey.jpg", FAULTY["grey.jpg"][0]()))
    assert pixels.shape == (SIZE, SIZE, 3)
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_grey_is_the_usual_mix_of_colours(tmp_path: Path) -> None:
    path = written(tmp_path, "good.jpg", GOOD)
    mixed = read_rgb(path) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(read_grey(path) - mixed).max() <= 1


@pytest.mark.parametrize(
    "name", [n for n, (_, problem, _) in FAULTY.items() if problem in {"unreadable", "damaged"}]
)
def test_faulty_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=name):
        read_rgb(written(tmp_path, name, FAULTY[name][0]()))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    for name in ("folder.jpg", "missing.jpg"):
        with pytest.raises(DataError, match=name):
            read_rgb(tmp_path / name)


def test_claimed_size_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "bomb.jpg", claiming(20_000, 20_000)),
        written(tmp_path, "bomb.png", encoded(Image.new("1", (20_000, 20_000)), "PNG")),
        written(tmp_path, "small-bomb.png", encoded(Image.new("1", (8_000, 8_000)), "PNG")),
    ]
    tracemalloc.start()
    for path in files:
        with pytest.raises(DataError, match="pixels"):
            read_rgb(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


def test_many_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    for level in range(0, 250, 10):
        Image.new("RGB", (SIZE, SIZE), (level,) * 3).save(tmp_path / f"{level}.png")
    wanted = [120, 0, 240, 120, 10]
    pixels = read_many(tmp_path, [f"{level}.png" for level in wanted])
    assert pixels.shape == (5, SIZE, SIZE, 3)
    assert pixels[:, 0, 0, 0].tolist() == wanted
    assert read_many(tmp_path, []).shape == (0, SIZE, SIZE, 3)


def test_many_name_the_one_that_is_damaged(tmp_path: Path) -> None:
    written(tmp_path, "good.jpg", GOOD)
    written(tmp_path, "bad.jpg", GOOD[:500])
    with pytest.raises(DataError, match=r"bad\.jpg cannot be decoded"):
        read_many(tmp_path, ["good.jpg", "bad.jpg", "good.jpg"])


@pytest.mark.parametrize("crop", [FACE, CENTRE])
def test_crop_shows_its_part_and_nothing_else(crop: Crop) -> None:
    pixels = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    pixels[0] = 255
    pixels[0][crop] = 0  # all but the part
    pixels[1][crop] = 255  # the part alone
    crops = grey_crops(pixels, crop, 56, 48)
    assert crops.shape == (2, 56, 48)
    assert crops.dtype == np.float32
    assert not crops[0].any()
    assert (crops[1] == 1).all()


def test_crop_keeps_place_and_tone() -> None:
    pixels = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    top, left = FACE[0].start, FACE[1].start
    pixels[0, top : top + 10, left : left + 10] = (255, 0, 0)
    crop = grey_crops(pixels, FACE, 132, 114)[0]  # at its own size
    assert crop[:10, :10] == pytest.approx(0.299, abs=0.005)
    assert not crop[10:].any()
    assert not crop[:, 10:].any()


def test_crops_lie_in_the_image_and_centre_in_face() -> None:
    for inner, outer in zip(CENTRE, FACE, strict=True):
        assert 0 <= outer.start <= inner.start < inner.stop <= outer.stop <= SIZE
    assert (FACE[0].stop - FACE[0].start, FACE[1].stop - FACE[1].start) == (132, 114)
    assert (CENTRE[0].stop - CENTRE[0].start, CENTRE[1].stop - CENTRE[1].start) == (112, 96)
