"""Resolution and integrity of every image: each is read once and fully decoded."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lfw.errors import DataError, InputError
from lfw.files import read_table
from lfw.image_store import read_image, read_images
from lfw.images import MAX_PIXELS, SIZE
from lfw.plain_jpeg import is_plain_jpeg
from lfw.runners import IN_THREADS, Runner, map_whole_chunks
from lfw.same_photo import THUMBNAIL_SIDE, thumbnail
from lfw.threads import Progress, one_thread_an_image

FORMAT_OF_SUFFIX = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}

PROBLEMS = ("unreadable", "damaged", "too large", "mislabelled", "not RGB", "off size")
UNUSABLE = frozenset({"unreadable", "damaged", "too large", "mislabelled"})
"""Problems for which an image is left out of any selection."""

_AS_EXPECTED: dict[str, object] = {
    "width": SIZE,
    "height": SIZE,
    "mode": "RGB",
    "format": "JPEG",
    "problem": "",
    "detail": "",
}
_QUARTER = -(-SIZE // 4)
_STEP = SIZE / 4 / THUMBNAIL_SIDE  # pixels of a quarter-size image to one of a thumbnail

ERRATA_COLUMNS = ("subject", "problem", "other")


@dataclass(frozen=True)
class Audit:
    """What the images are.

    Attributes
    ----------
    images
        One row an image: ``image_path``, ``width`` and ``height`` in pixels (missing if
        unreadable), ``mode`` and ``format`` as Pillow names them, ``problem`` (one of
        :data:`PROBLEMS`, or empty), ``detail``.
    thumbnails
        Small grey copies, one an image, for the search for same photographs: all zero where an
        image could not be decoded. They are rough: :func:`read_thumbnail` gives the exact ones.
    """

    images: pd.DataFrame
    thumbnails: NDArray[np.uint8]

    @property
    def unusable(self) -> pd.DataFrame:
        """Rows of images that no selection may take."""
        return self.images[self.images["problem"].isin(UNUSABLE)].reset_index(drop=True)


def audit_images(
    image_folder: Path,
    paths: "Sequence[str] | pd.Series[str]",
    progress: Progress | None = None,
    runner: Runner = IN_THREADS,
    *,
    keep_thumbnails: bool = True,
) -> Audit:
    """Read and strictly decode every image.

    Parameters
    ----------
    image_folder
        The folder of people's folders.
    paths
        Image paths from there; of millions, a column takes a third of a list's memory.
    progress
        Told how many of how many were audited.
    runner
        Where the images are decoded.
    keep_thumbnails
        Whether the result has thumbnails: 4 kB an image, which only the search for same
        photographs needs.

    Notes
    -----
    libjpeg's warnings count as damage. A decoder cannot notice every flipped byte: the manifest's
    checksums can, where a data set is known.

    A JPEG as LFW's are is decoded to grey at a quarter of its size: every coefficient of it is
    read, and all is found that a full decoding finds, but few pixels are computed. All else, and
    all that is found to be wrong, is looked at a second time, in full.
    """
    kept = len(paths) if keep_thumbnails else 0
    thumbnails = np.zeros((kept, THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
    odd: dict[int, dict[str, object]] = {}
    examine = partial(_examine_all, image_folder, keep_thumbnails=keep_thumbnails)
    place = 0
    with one_thread_an_image():
        for some in map_whole_chunks(examine, paths, runner, progress):
            thumbnails[place : place + len(some.thumbnails)] = some.thumbnails
            odd |= {place + k: row for k, row in some.odd.items()}
            place += some.images
    return Audit(_frame(paths, odd), thumbnails)


def _frame(
    paths: "Sequence[str] | pd.Series[str]", odd: dict[int, dict[str, object]]
) -> pd.DataFrame:
    """Make the table of all images, of which most are as they should be."""
    table = pd.DataFrame({"image_path": pd.Series(paths, dtype="str").reset_index(drop=True)})
    places = list(odd)
    for name, usual in _AS_EXPECTED.items():
        dtype = "str" if isinstance(usual, str) else "Int64"
        column = pd.Series(usual, index=table.index, dtype=dtype)
        if places:
            column.iloc[places] = pd.Series([row[name] for row in odd.values()], dtype=dtype)
        table[name] = column
    return table


def read_thumbnail(path: Path) -> NDArray[np.uint8]:
    """Make the exact small copy of an image that the audit found usable.

    Raises
    ------
    OSError, ValueError
        If it cannot be decoded.
    """
    content = read_image(path)
    with Image.open(io.BytesIO(content)) as image:
        return thumbnail(_decode(content, image))


class _Examined(NamedTuple):
    """What was found of some neighbouring images: given at once, as threads wait for each other."""

    images: int
    odd: dict[int, dict[str, object]]
    thumbnails: NDArray[np.uint8]


def _examine_all(image_folder: Path, paths: Sequence[str], *, keep_thumbnails: bool) -> _Examined:
    """Examine images: a row of each that is not plainly as it should be, and all small copies."""
    quarters = np.zeros((len(paths), _QUARTER, _QUARTER), np.uint8)
    contents = read_images(image_folder, paths)
    looks = zip(paths, contents, quarters, strict=True)
    closer = [
        place
        for place, (path, content, quarter) in enumerate(looks)
        if content is None or not _glance(path, content, quarter)
    ]
    thumbnails = _shrink(quarters if keep_thumbnails else quarters[:0])
    odd = {}
    for place in closer:
        odd[place], small = _examine(image_folder / paths[place])
        if keep_thumbnails:
            thumbnails[place] = small
    return _Examined(len(paths), odd, thumbnails)


def _glance(path: str, content: bytes, quarter: NDArray[np.uint8]) -> bool:
    """Decode an image that is as LFW's are, at a quarter, or leave it to a closer look."""
    if not path.endswith(".jpg") or not is_plain_jpeg(content, SIZE, SIZE):
        return False
    sizes = {"min_height": _QUARTER, "min_width": _QUARTER, "min_factor": 1}
    try:
        simplejpeg.decode_jpeg(content, "GRAY", **sizes, buffer=quarter, strict=True)
    except ValueError:
        return False
    return True


def _shrink(quarters: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make thumbnails of quarter-size images, all at once: half the time of one by one."""
    count, rows = len(quarters), len(quarters) * THUMBNAIL_SIDE
    if not count:
        return np.zeros((0, THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
    columns, lines = _places(count)
    tall = cv2.remap(quarters.reshape(-1, _QUARTER), columns, lines, cv2.INTER_LINEAR)
    return np.asarray(tall, np.uint8).reshape(count, rows // count, THUMBNAIL_SIDE)


@lru_cache(maxsize=2)
def _places(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Say where each pixel of thumbnails, one below the other, lies in the quarter-size images."""
    along = np.clip(_STEP * np.arange(THUMBNAIL_SIDE) + (_STEP - 1) / 2, 0, _QUARTER - 1)
    down = np.concatenate([along + number * _QUARTER for number in range(count)])
    columns, lines = np.meshgrid(along, down)
    return columns.astype(np.float32), lines.astype(np.float32)


def _examine(path: Path) -> tuple[dict[str, object], NDArray[np.uint8]]:
    row: dict[str, object] = {
        "width": pd.NA,
        "height": pd.NA,
        "mode": "",
        "format": "",
        "problem": "",
        "detail": "",
    }
    small = np.zeros((THUMBNAIL_SIDE, THUMBNAIL_SIDE), dtype=np.uint8)
    try:
        content = read_image(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                row |= {"width": image.width, "height": image.height}
                row |= {"mode": image.mode, "format": image.format or ""}
                problem = _header_problem(path, image)
                if problem is None:
                    small = thumbnail(_decode(content, image))
                    problem = _shape_problem(image)
    except UnidentifiedImageError:
        problem = ("unreadable", "not an image" if content else "empty file")
    except Image.DecompressionBombError as error:
        problem = ("too large", str(error))
    except OSError as error:
        problem = ("damaged" if row["format"] else "unreadable", error.strerror or str(error))
    except (ValueError, SyntaxError) as error:
        problem = ("damaged", str(error))
    if problem is not None:
        row |= dict(zip(("problem", "detail"), problem, strict=True))
    return row, small


def _header_problem(path: Path, image: Image.Image) -> tuple[str, str] | None:
    expected = FORMAT_OF_SUFFIX.get(PurePosixPath(path).suffix.lower(), "")
    if image.width * image.height > MAX_PIXELS:
        return "too large", f"claims {image.width}x{image.height} pixels"
    if image.format != expected:
        return "mislabelled", f"{image.format} named {path.suffix}"
    return None


def _decode(content: bytes, image: Image.Image) -> NDArray[np.uint8]:
    if image.format == "JPEG":
        grey = simplejpeg.decode_jpeg(content, colorspace="GRAY", strict=True)
        return np.asarray(grey[:, :, 0], dtype=np.uint8)
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _shape_problem(image: Image.Image) -> tuple[str, str] | None:
    if image.mode != "RGB":
        return "not RGB", f"mode {image.mode}"
    if image.size != (SIZE, SIZE):
        return "off size", f"{image.width}x{image.height}, not {SIZE}x{SIZE}"
    return None


def describe_sizes(audit: Audit) -> pd.DataFrame:
    """Give count, mean, spread and quantiles of height and width, in pixels."""
    return audit.images[["height", "width"]].astype("Float64").describe()


def byte_identical(files: pd.DataFrame) -> list[tuple[str, str]]:
    """Pair up images with the same bytes.

    Parameters
    ----------
    files
        ``image_path`` and ``sha256`` of every image.
    """
    pairs = []
    twice = files[files.duplicated("sha256", keep=False)]
    for _, same in twice.groupby("sha256")["image_path"]:
        paths = sorted(same)
        pairs += [(paths[0], other) for other in paths[1:]]
    return sorted(pairs)


def read_errata(path: Path) -> pd.DataFrame:
    """Read a list of known label errors.

    Returns
    -------
    DataFrame
        ``subject`` (an image path or a person), ``problem``, ``other`` (an image path, a person or
        empty).

    Raises
    ------
    InputError
        If the file is missing or has other columns.
    """
    frame = read_table(path, "errata")
    if tuple(frame.columns) != ERRATA_COLUMNS:
        raise InputError(
            f"errata: {path} has the columns {','.join(frame.columns)}, not "
            f"{','.join(ERRATA_COLUMNS)}."
        )
    return frame


def check_gate(gate: str, problems: Sequence[str]) -> None:
    """Fail if the gate says so and there is anything to fail for.

    Parameters
    ----------
    gate
        ``warn`` or ``fail``.
    problems
        What was found, a clause each.

    Raises
    ------
    DataError
        Listing the problems, if the gate is ``fail``.
    """
    if gate == "fail" and problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise DataError(
            f"the audit gate fails: {'; '.join(problems[:5])}{more}. Fix the data set, or set "
            "audit_gate to warn."
        )
