import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lfw.any_image import read_any
from lfw.errors import DataError
from lfw.images import SIZE, decode_rgb
from tests.lfw.bad_images import DEEP, FAULTY, PICTURE, VALID, claiming, drawn, encoded

UNREADABLE = {"unreadable", "damaged", "too large"}
USABLE = sorted(name for name, (_, problem, _) in FAULTY.items() if problem not in UNREADABLE)
BROKEN = sorted(name for name, (_, problem, _) in FAULTY.items() if problem in UNREADABLE)


def far(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean difference of two images, in grey levels."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize("name", ["baseline.jpg", "progressive.jpg", "colours.png"])
def test_an_image_like_those_of_lfw_is_read_as_in_training(name: str) -> None:
    content = VALID[name]()
    assert np.array_equal(read_any(content), decode_rgb(content))


@pytest.mark.parametrize("name", sorted(VALID) + USABLE)
def test_any_size_mode_and_form_is_brought_to_what_the_model_takes(name: str) -> None:
    content = VALID[name]() if name in VALID else FAULTY[name][0]()
    pixels = read_any(content)
    assert pixels.shape == (SIZE, SIZE, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_image_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(DataError, match=r"empty file|not an image|damaged: |it claims"):
        read_any(FAULTY[name][0]())


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "L"])
def test_a_mode_keeps_what_a_viewer_shows(mode: str) -> None:
    picture = PICTURE.convert("L").convert("RGB") if mode == "L" else PICTURE
    kind = "TIFF" if mode == "CMYK" else "PNG"
    stored = picture.quantize(256) if mode == "P" else picture.convert(mode)
    shown = read_any(encoded(stored, kind))
    expected = stored.convert("RGB") if mode == "P" else picture
    assert far(shown, np.asarray(expected)) < 3


def test_transparent_parts_are_white_whatever_colour_hides_there() -> None:
    picture = PICTURE.convert("RGBA")
    alpha = np.full((SIZE, SIZE), 255, dtype=np.uint8)
    alpha[:, :125] = 0
    picture.putalpha(Image.fromarray(alpha))
    shown = read_any(encoded(picture, "PNG"))
    assert (shown[:, :125] == 255).all()
    assert np.array_equal(shown[:, 125:], drawn()[:, 125:])


def test_16_bits_are_scaled_not_clipped() -> None:
    shown = read_any(encoded(DEEP, "PNG"))
    assert np.array_equal(shown, np.repeat(drawn()[:, :, :1], 3, axis=2))


def test_32_bits_are_refused() -> None:
    deep = Image.fromarray(drawn()[:, :, 0].astype(np.float32))
    with pytest.raises(DataError, match="mode F"):
        read_any(encoded(deep, "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(250, 250), (300, 400)])
def test_the_orientation_of_exif_is_honoured(orientation: int, size: tuple[int, int]) -> None:
    shown = PICTURE.resize(size)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = shown.transpose(undo[orientation]) if orientation > 1 else shown
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = read_any(encoded(stored, "JPEG", quality=95, exif=exif))
    assert far(turned, read_any(encoded(shown, "PNG"))) < 3


@pytest.mark.parametrize(("width", "height"), [(400, 250), (250, 400), (251, 250)])
def test_the_square_in_the_centre_is_kept(width: int, height: int) -> None:
    wide = Image.new("RGB", (width, height), (255, 0, 0))
    wide.paste(PICTURE, ((width - SIZE) // 2, (height - SIZE) // 2))
    assert np.array_equal(read_any(encoded(wide, "PNG")), drawn())


@pytest.mark.parametrize("side", [32, 100, 500, 1003])
def test_another_size_shows_the_same_picture(side: int) -> None:
    picture = Image.fromarray(drawn()).resize((side, side), Image.Resampling.BICUBIC)
    for content in (encoded(picture, "PNG"), encoded(picture, "JPEG", quality=95, subsampling=0)):
        assert far(read_any(content), drawn()) < 6


def test_a_telephones_heif_is_named() -> None:
    with pytest.raises(DataError, match="HEIF"):
        read_any(b"\0\0\0\x18ftypheic" + bytes(64))


def test_a_bomb_is_refused_undecoded() -> None:
    with pytest.raises(DataError, match="claims 8000x8000 pixels"):
        read_any(claiming(8000, 8000))
