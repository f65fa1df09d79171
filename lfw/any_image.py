"""Images from anywhere, of any size and mode, brought to what a model was trained on.

An image of LFW's own size and form takes the very way of :mod:`lfw.images`; any other is turned
upright, made 8-bit RGB, cut to the square in its centre and resized. A data set's images that are
not as LFW's are come this way, too, so that a model is trained on what it is asked.
"""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lfw.errors import DataError
from lfw.images import MAX_PIXELS, SIZE, decode_rgb

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""What is decoded. Formats that run programs (EPS) or are hardly met are not."""

_JPEG = {"JPEG", "MPO"}  # MPO: several JPEGs in a file, the first of which is read
_BACKGROUND = (255, 255, 255)
_ORIENTATION = 0x0112
_UNDECODABLE_DEPTH = {"I", "F"}
_HEIF = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")


def read_any(content: bytes, formats: tuple[str, ...] = FORMATS) -> NDArray[np.uint8]:
    """Decode an image of any size and mode, as 8-bit RGB of 250x250 pixels.

    The orientation that its EXIF data names is honoured. Transparent parts are shown on white, 16
    bits a channel are scaled to 8, of an animation the first frame is taken. What is not square is
    cut to the largest square in its centre; that is brought to 250x250 by area averaging if it is
    larger, by cubic interpolation if smaller.

    Parameters
    ----------
    content
        The file's bytes.
    formats
        What it may be.

    Returns
    -------
    ndarray of shape (250, 250, 3)

    Raises
    ------
    DataError
        Saying what is wrong with the image, in a few words.
    """
    if not content:
        raise DataError("empty file")
    with (
        _named_errors(content, formats),
        Image.open(io.BytesIO(content), formats=formats) as image,
    ):
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise DataError(f"it claims {width}x{height} pixels: at most {MAX_PIXELS:,} are read")
        if _is_like_lfw(image):
            return decode_rgb(content)
        if image.format in _JPEG:
            image.draft(image.mode, (2 * SIZE, 2 * SIZE))  # a large photograph is decoded smaller
        return _framed(np.asarray(_rgb(ImageOps.exif_transpose(image)), dtype=np.uint8))


def _is_like_lfw(image: Image.Image) -> bool:
    upright = image.getexif().get(_ORIENTATION, 1) == 1
    return image.format in _JPEG and image.mode == "RGB" and image.size == (SIZE, SIZE) and upright


@contextmanager
def _named_errors(content: bytes, formats: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(_no_image(content, formats)) from None
    except Image.DecompressionBombError:
        raise DataError(f"it claims too many pixels: at most {MAX_PIXELS:,} are read") from None
    except MemoryError:
        raise DataError("there is not enough memory to decode it") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"damaged: {_first_line(error)}") from error
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise DataError(f"damaged: {type(error).__name__}: {_first_line(error)}") from error


def _no_image(content: bytes, formats: tuple[str, ...]) -> str:
    if content[4:12] in _HEIF:
        return "HEIF (of a telephone): save it as JPEG or PNG"
    return f"not an image ({', '.join(formats)} are read)"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _rgb(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB as a viewer would show it."""
    if image.mode in _UNDECODABLE_DEPTH:
        raise DataError(f"32 bits a pixel (mode {image.mode}), of which none is known to be white")
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.float32)
        return Image.fromarray((deep / 257).round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        below = Image.new("RGBA", shown.size, _BACKGROUND)
        return Image.alpha_composite(below, shown).convert("RGB")
    return image.convert("RGB")


def _framed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    if side == SIZE:
        return np.ascontiguousarray(square)
    how = cv2.INTER_AREA if side > SIZE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (SIZE, SIZE), interpolation=how), dtype=np.uint8)


def payload(paths: Sequence[Path]) -> str:
    """Write images as the served model's ``/invocations`` takes them: as JSON.

    Raises
    ------
    DataError
        If one cannot be read; the message names it.
    """
    images = []
    for path in paths:
        try:
            images.append(read_any(path.read_bytes()).tolist())
        except (DataError, OSError) as error:
            raise DataError(f"{path}: {error}") from error
    return json.dumps({"inputs": images})


def main(arguments: Sequence[str]) -> None:
    """Print the JSON of the named images."""
    if not arguments:
        sys.exit("lfw.any_image: name images: python -m lfw.any_image FILE …")
    try:
        print(payload([Path(name) for name in arguments]))
    except DataError as error:
        sys.exit(f"lfw.any_image: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
