"""Resolution and integrity of every image: each is read once and fully decoded."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lfw.errors import DataError, InputError
from lfw.files import read_table
from lfw.images import MAX_PIXELS, SIZE
from lfw.manifest import Progress
from lfw.runners import IN_THREADS, Runner, map_chunks
from lfw.same_photo import THUMBNAIL_SIDE, thumbnail

FORMAT_OF_SUFFIX = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}

PROBLEMS = ("unreadable", "damaged", "too large", "mislabelled", "not RGB", "off size")
UNUSABLE = frozenset({"unreadable", "damaged", "too large", "mislabelled"})
"""Problems for which an image is left out of any selection."""

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
        image could not be decoded.
    """

    images: pd.DataFrame
    thumbnails: NDArray[np.uint8]

    @property
    def unusable(self) -> pd.DataFrame:
        """Rows of images that no selection may take."""
        return self.images[self.images["problem"].isin(UNUSABLE)].reset_index(drop=True)


def audit_images(
    image_folder: Path,
    paths: Sequence[str],
    progress: Progress | None = None,
    runner: Runner = IN_THREADS,
) -> Audit:
    """Read and strictly decode every image.

    Parameters
    ----------
    image_folder
        The folder of people's folders.
    paths
        Image paths from there.
    progress
        Told how many of how many were audited.
    runner
        Where the images are decoded.

    Notes
    -----
    libjpeg's warnings count as damage. A decoder cannot notice every flipped byte: the manifest's
    checksums can, where a data set is known.
    """
    found = list(map_chunks(partial(_examine_all, image_folder), paths, runner, progress))
    frame = pd.DataFrame([row for row, _ in found])
    frame.insert(0, "image_path", list(paths))
    frame = frame.astype({"width": "Int64", "height": "Int64"})
    return Audit(frame, np.stack([small for _, small in found]))


def _examine_all(
    image_folder: Path, paths: Sequence[str]
) -> list[tuple[dict[str, object], NDArray[np.uint8]]]:
    return [_examine(image_folder / path) for path in paths]


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
        content = path.read_bytes()
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
    for _, same in files.groupby("sha256")["image_path"]:
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
            f"the audit gate fails: {'; '.join(problems[:5])}{more}. Mend the data set, or set "
            "audit_gate to warn."
        )
