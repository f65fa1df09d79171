"""Photographs, small enough to be held by the page itself."""

from collections.abc import Sequence
from pathlib import Path

import simplejpeg

from lfw.images import read_many

_QUALITY = 80


def read_jpegs(image_folder: Path, paths: Sequence[str]) -> list[bytes]:
    """Read images as JPEGs of 250x250 pixels, some 10 kB each, without whatever else they carry.

    Parameters
    ----------
    image_folder
        The folder of people's folders.
    paths
        Image paths from there.

    Raises
    ------
    DataError
        Naming the first file that cannot be decoded.
    """
    return [
        simplejpeg.encode_jpeg(pixels, quality=_QUALITY, colorspace="RGB")
        for pixels in read_many(image_folder, paths)
    ]
