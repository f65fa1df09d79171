"""The data manifest: every file of a data set with its size and SHA-256."""

import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from operator import itemgetter
from pathlib import Path, PurePosixPath

import pandas as pd

from lfw.digest import text_digest
from lfw.errors import DataError
from lfw.image_store import read_file
from lfw.pack import PACK, FileRow, Pack
from lfw.threads import Progress, in_threads

__all__ = ["Manifest", "Progress", "build_manifest", "manifest_of"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
LIST_SUFFIXES = frozenset({".csv", ".txt"})
STRAY = re.compile(
    r"(?i)(^|/)"
    r"(\.DS_Store|Thumbs\.db|desktop\.ini|Icon\r|\._[^/]*|__MACOSX(/.*)?|[^/]*\.sw[a-p]|[^/]*~)$"
)
"""Files that desktops and editors leave behind: named, never read."""

_DEPTH = 32


@dataclass(frozen=True)
class Manifest:
    """What a data set's folder holds.

    Attributes
    ----------
    files
        One row a file: ``kind`` (``image`` or ``list``), ``path`` (POSIX; of an image from the
        image folder, of a list its name), ``size`` in bytes, ``sha256``; sorted by kind and path.
    image_folder
        The folder of people's folders, relative to the data set's; within a pack, if the images
        are in one (see :mod:`lfw.pack`).
    stray
        Paths of files that are neither image nor list, relative to the data set's folder.
    directory_sha256
        Digest of the pack's directory; empty if the images are files of their own.
    """

    files: pd.DataFrame
    image_folder: str
    stray: tuple[str, ...] = ()
    directory_sha256: str = ""

    @property
    def images(self) -> pd.DataFrame:
        """The rows of images."""
        return self.files[self.files["kind"] == "image"].reset_index(drop=True)

    @property
    def lists(self) -> pd.DataFrame:
        """The rows of lists."""
        return self.files[self.files["kind"] == "list"].reset_index(drop=True)

    @cached_property
    def data_digest(self) -> str:
        """Digest of all images and lists."""
        return _rows_digest(self.files)

    @cached_property
    def images_digest(self) -> str:
        """Digest of the images alone."""
        return _rows_digest(self.images)

    @cached_property
    def lists_digest(self) -> str:
        """Digest of the lists alone."""
        return _rows_digest(self.lists)

    def without(self, people: Collection[str]) -> "Manifest":
        """Give the manifest of what is left without some people's images."""
        shown = person_of(self.files["path"]).isin(people)
        left = self.files[~(shown & (self.files["kind"] == "image"))]
        return replace(self, files=left.reset_index(drop=True))


def person_of(image_paths: "pd.Series[str]") -> "pd.Series[str]":
    """Give the person of each image path: the name of its folder."""
    return image_paths.str.split("/", n=1).str[0]


def build_manifest(folder: Path, progress: Progress | None = None) -> Manifest:
    """Read every file of a data set and record its size and SHA-256.

    Parameters
    ----------
    folder
        A data set's folder: lists beside an image folder, doubled or not, as on Kaggle, or beside
        a pack of the images.
    progress
        Told how many of how many files were read; of a pack, how many of its images.

    Raises
    ------
    DataError
        If there is no image, if images lie in two image folders, if a link, a pipe or a device is
        found, if a name is no text, if a file or folder cannot be read, or a pack is damaged.
    """
    images, lists, stray = _sort_files(folder)
    if images or PACK not in stray:
        return manifest_of(folder, _measure(folder, images + lists, progress), stray)
    try:
        pack = Pack(folder / PACK)
    except OSError as error:
        raise DataError(f"{folder / PACK} cannot be read: {error.strerror}.") from error
    files = [(f"{PACK}/{name}", size, sha) for name, size, sha in pack.measure(progress)]
    stray.remove(PACK)
    files += _measure(folder, lists, None)
    return manifest_of(folder, files, stray, pack.directory_sha256)


def manifest_of(
    folder: Path, files: Iterable[FileRow], stray: Iterable[str] = (), directory_sha256: str = ""
) -> Manifest:
    """Put a manifest together from files that were measured.

    Parameters
    ----------
    folder
        The data set's, for messages.
    files
        Path from there (through the pack, if the image is in one), size and SHA-256.
    stray, directory_sha256
        As in :class:`Manifest`.

    Raises
    ------
    DataError
        If there is no image, or images lie in two image folders or in none.
    """
    images: list[FileRow] = []
    lists: list[FileRow] = []
    for row in files:
        (lists if _suffix(row[0]) in LIST_SUFFIXES else images).append(row)
    image_folder = _image_folder(folder, [path for path, _, _ in images])
    start = 0 if image_folder == "." else len(image_folder) + 1
    rows = sorted((("image", path[start:], *rest) for path, *rest in images), key=_shown)
    lists.sort(key=lambda row: row[0].split("/"))  # where two have one name
    rows += sorted((("list", _name(path), *rest) for path, *rest in lists), key=_shown)
    frame = pd.DataFrame(rows, columns=["kind", "path", "size", "sha256"])
    return Manifest(frame, image_folder, tuple(stray), directory_sha256)


def _sort_files(folder: Path) -> tuple[list[str], list[str], list[str]]:
    images, lists, stray = [], [], []
    for path in _walk(str(folder), ""):
        suffix = _suffix(path)
        if STRAY.search(path):
            stray.append(path)
        elif suffix in IMAGE_SUFFIXES:
            images.append(path)
        elif suffix in LIST_SUFFIXES:
            lists.append(path)
        else:
            stray.append(path)
    return images, lists, stray


_shown = itemgetter(1)


def _suffix(path: str) -> str:
    """Give what Path.suffix gives, in lower case, at a tenth of its cost."""
    name = path[path.rfind("/") + 1 :]
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 and name[:dot].strip(".") else ""


def _walk(folder: str, prefix: str) -> Iterable[str]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error
    if prefix.count("/") > _DEPTH:
        raise DataError(f"{folder} lies {_DEPTH} folders deep: a data set has two or three.")
    for entry in entries:
        _check_entry(entry)
        if entry.is_dir():
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _check_entry(entry: os.DirEntry[str]) -> None:
    """See that it is a file or a folder, and has a name that can be written down."""
    shown = entry.path
    odd = not entry.name.isprintable() and any(
        unicodedata.category(character) in {"Cc", "Cs"} for character in entry.name
    )
    if odd and not STRAY.search(entry.name):  # "Cs": bytes that are no UTF-8
        raise DataError(f"{shown!r} has a name that is no text: rename it.")
    if entry.is_symlink():
        raise DataError(
            f"{shown} is a link, which a data set may not hold: replace it by the file itself."
        )
    if entry.is_dir():
        if PurePosixPath(entry.name).suffix.lower() in IMAGE_SUFFIXES | LIST_SUFFIXES:
            raise DataError(f"{shown} is a folder with the name of a file: rename or remove it.")
    elif not entry.is_file():  # reading a pipe would wait for ever
        raise DataError(f"{shown} is a pipe or device, which a data set may not hold: remove it.")


def _image_folder(folder: Path, images: list[str]) -> str:
    """Find the folder of people's folders: two levels above every image."""
    if not images:
        raise DataError(
            f"{folder} holds no image: give the folder that has lfw-deepfunneled/ and the lists."
        )
    folders = {path.rpartition("/")[0] for path in images}
    parents = {name.rpartition("/")[0] or "." for name in folders}
    if "" in folders:
        flat = next(path for path in images if "/" not in path)
        raise DataError(
            f"{folder} has images outside a person's folder, {flat} for one: an image belongs "
            "in <image folder>/<Name>/<Name>_0001.jpg."
        )
    if len(parents) > 1:
        raise DataError(
            f"{folder} has images under {len(parents)} image folders "
            f"({', '.join(sorted(parents)[:3])}): a data set has one."
        )
    return parents.pop()


def _measure(folder: Path, paths: list[str], progress: Progress | None) -> list[FileRow]:
    root = f"{folder}/"

    def one(path: str) -> FileRow:
        try:
            content = read_file(root + path)
        except OSError as error:
            raise DataError(f"{root}{path} cannot be read: {error.strerror}.") from error
        return path, len(content), sha256(content).hexdigest()

    return list(in_threads(one, paths, progress))


def _rows_digest(rows: pd.DataFrame) -> str:
    columns = (rows[name].tolist() for name in ("kind", "path", "size", "sha256"))
    return text_digest(
        f"{kind}\t{path}\t{size}\t{sha}" for kind, path, size, sha in zip(*columns, strict=True)
    )
