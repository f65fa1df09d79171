"""Reading images: the one way in which pixels come in, for training, test, audit and scoring."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from lfw.errors import DataError
from lfw.image_store import read_image
from lfw.plain_jpeg import is_plain_jpeg
from lfw.threads import Progress, in_threads

SIZE = 250
"""Height and width of an LFW image, in pixels."""

MAX_PIXELS = 50_000_000
"""An image that claims more pixels is refused undecoded: it would fill the memory."""

Crop = tuple[slice, slice]
"""Rows and columns of a 250x250 image."""

FACE: Crop = (slice(58, 190), slice(68, 182))
"""What the face fills in an aligned image, chin and hairline included: 132x114 pixels."""

CENTRE: Crop = (slice(69, 181), slice(77, 173))
"""The face from brows to mouth, in the very centre: 112x96 pixels."""

_PNG = b"\x89PNG"
_FORMATS = ("JPEG", "PNG")


def read_rgb(path: Path, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Decode an image strictly, as 8-bit RGB of 250x250 pixels.

    An image of another size or form is brought to this one as :func:`lfw.any_image.read_any` does.

    Parameters
    ----------
    path
        The image, a file or in a pack.
    out
        An array of that shape, in which the pixels may be put to save the time of another.

    Returns
    -------
    ndarray of shape (250, 250, 3)

    Raises
    ------
    DataError
        If the file is not a whole, valid JPEG or PNG, or claims more than 50 million pixels.
    """
    try:
        content = read_image(path)
        usual = is_plain_jpeg(content, SIZE, SIZE)
        return decode_rgb(content, out) if usual else _read_odd(content)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be decoded: {error}.") from error
    except DataError as error:
        raise DataError(f"{path} cannot be decoded: {str(error).rstrip('.')}.") from error


def _read_odd(content: bytes) -> NDArray[np.uint8]:
    """Read what is not as LFW's images are: what is trained on is framed as what is scored."""
    from lfw.any_image import read_any  # which rests on this module

    pixels = read_any(content, _FORMATS)
    if not content.startswith(_PNG):  # strictly: what the decoder warns of is damage here
        simplejpeg.decode_jpeg(content, colorspace="GRAY", strict=True)
    return pixels


def decode_rgb(content: bytes, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG strictly, as 8-bit RGB in its own size.

    Parameters
    ----------
    content
        The file.
    out
        An array into which a JPEG of its shape is decoded.

    Returns
    -------
    ndarray of shape (height, width, 3)

    Raises
    ------
    OSError, ValueError, SyntaxError
        If it is not a whole, valid image, or claims more than 50 million pixels.
    """
    if content.startswith(_PNG):
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            _check_size(image.height, image.width)
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    height, width = simplejpeg.decode_jpeg_header(content)[:2]
    _check_size(height, width)
    buffer = out if out is not None and out.shape == (height, width, 3) else None
    return np.asarray(
        simplejpeg.decode_jpeg(content, colorspace="RGB", strict=True, buffer=buffer),
        dtype=np.uint8,
    )


def _check_size(height: int, width: int) -> None:
    if height * width > MAX_PIXELS:
        raise ValueError(f"it claims {width}x{height} pixels")


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Decode an image as 8-bit grey of 250x250 pixels.

    Raises
    ------
    DataError
        As :func:`read_rgb` does.
    """
    return np.asarray(cv2.cvtColor(read_rgb(path), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def read_many(
    image_folder: Path, paths: Sequence[str], progress: Progress | None = None
) -> NDArray[np.uint8]:
    """Decode images into one array.

    Parameters
    ----------
    image_folder
        The folder of people's folders, or such a folder in a pack.
    paths
        Image paths from there.
    progress
        Told how many of how many were read.

    Returns
    -------
    ndarray of shape (len(paths), 250, 250, 3)

    Raises
    ------
    DataError
        Naming the first file that cannot be decoded.
    """
    pixels = np.empty((len(paths), SIZE, SIZE, 3), dtype=np.uint8)

    def read(number: int) -> None:
        image = read_rgb(image_folder / paths[number], pixels[number])
        if not np.shares_memory(image, pixels[number]):
            pixels[number] = image

    for _ in in_threads(read, range(len(paths)), progress):
        pass
    return pixels


def grey_crops(
    pixels: NDArray[np.uint8], crop: Crop, height: int, width: int
) -> NDArray[np.float32]:
    """Cut the same part out of each image, in grey, at another size.

    Parameters
    ----------
    pixels
        Images of shape (n, 250, 250, 3).
    crop
        The part.
    height, width
        Size of the result in pixels.

    Returns
    -------
    ndarray of shape (n, height, width)
        Grey values 0 to 1.
    """
    crops = np.empty((len(pixels), height, width), dtype=np.float32)
    for number, image in enumerate(pixels):
        grey = cv2.cvtColor(image[crop], cv2.COLOR_RGB2GRAY)
        crops[number] = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return crops / np.float32(255)
