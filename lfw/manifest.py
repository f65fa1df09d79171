"""The data manifest: every file of a data set with its size and SHA-256."""

import os
import unicodedata
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pandas as pd

from lfw.columns import ROWS, Bundle, column, sorted_by
from lfw.digest import text_digest
from lfw.errors import DataError
from lfw.image_store import read_file
from lfw.pack import PACK, FileRow, Pack
from lfw.runners import IN_THREADS, map_chunks
from lfw.suffixes import IMAGE_SUFFIXES, LIST_SUFFIXES, STRAY
from lfw.threads import Progress

_DEPTH = 32
_LIST_ENDS = tuple(LIST_SUFFIXES)  # asked of every path first: a third of the time of the suffix

_COLUMNS = ["kind", "path", "size", "sha256"]

Item = TypeVar("Item")


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
        files = _measure(folder, deque([*images, *_bundles(lists)]), progress)
        del images  # each is let go of when its files were read
        return manifest_of(folder, files, stray)
    try:
        pack = Pack(folder / PACK)
    except OSError as error:
        raise DataError(f"{folder / PACK} cannot be read: {error.strerror}.") from error
    stray.remove(PACK)
    packed = ((f"{PACK}/{name}", size, sha) for name, size, sha in pack.measure(progress))
    both = chain(packed, _measure(folder, _bundles(lists), None))
    return manifest_of(folder, both, stray, pack.directory_sha256)


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
    lists: list[FileRow] = []
    image_folder = _ImageFolder(folder)
    frames = []
    for some in _batched(files, ROWS):
        listed = [row for row in some if _is_list(row)]
        lists += listed
        images = [row for row in some if not _is_list(row)] if listed else some
        if images:
            paths, sizes, shas = zip(*images, strict=True)
            start = image_folder.note(paths)
            shown = [path[start:] for path in paths]
            columns = (column(["image"] * len(images)), column(shown), sizes, column(shas))
            frames.append(pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True))))
    inside = image_folder.only()
    lists.sort(key=lambda row: row[0].split("/"))  # where two have one name
    named = sorted((("list", _name(path), *rest) for path, *rest in lists), key=_shown)
    whole = sorted_by(pd.concat(frames, ignore_index=True), "path")
    if named:
        whole = pd.concat([whole, pd.DataFrame(named, columns=_COLUMNS)], ignore_index=True)
    return Manifest(whole, inside, tuple(stray), directory_sha256)


def _is_list(row: FileRow) -> bool:
    path = row[0]
    return path.lower().endswith(_LIST_ENDS) and _suffix(path) in LIST_SUFFIXES


def _sort_files(folder: Path) -> tuple[deque[Bundle], list[str], list[str]]:
    """Find the paths of images (in bundles), of lists, and of all else."""
    lists, stray = [], []

    def images() -> Iterator[str]:
        for path in _walk(str(folder), ""):
            suffix = _suffix(path)
            if STRAY.search(path):
                stray.append(path)
            elif suffix in IMAGE_SUFFIXES:
                yield path
            elif suffix in LIST_SUFFIXES:
                lists.append(path)
            else:
                stray.append(path)

    return _bundles(images()), lists, stray


def _bundles(paths: Iterable[str]) -> deque[Bundle]:
    return deque(Bundle(some) for some in _batched(paths, ROWS))


def _batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


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


class _ImageFolder:
    """The folder of people's folders: two levels above every image."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, None] = {}
        self._flat: str | None = None

    def note(self, images: Iterable[str]) -> int:
        """Look at some paths, and say how much of each is the folder that was found first."""
        last = None
        for path in images:
            person = path.rpartition("/")[0]
            if person == last:
                continue
            last = person
            if not person:
                self._flat = self._flat or path
            self._found[person.rpartition("/")[0] or "."] = None
        first = next(iter(self._found), ".")
        return 0 if first == "." else len(first) + 1

    def only(self) -> str:
        """Give the one folder."""
        if not self._found:
            raise DataError(
                f"{self._folder} holds no image: give the folder that has lfw-deepfunneled/ and "
                "the lists."
            )
        if self._flat is not None:
            raise DataError(
                f"{self._folder} has images outside a person's folder, {self._flat} for one: an "
                "image belongs in <image folder>/<Name>/<Name>_0001.jpg."
            )
        if len(self._found) > 1:
            raise DataError(
                f"{self._folder} has images under {len(self._found)} image folders "
                f"({', '.join(sorted(self._found)[:3])}): a data set has one."
            )
        return next(iter(self._found))


def _measure(folder: Path, bundles: deque[Bundle], progress: Progress | None) -> Iterator[FileRow]:
    """Read files, and let go of each bundle of paths when it was read."""
    root = f"{folder}/"
    total = sum(bundle.count for bundle in bundles)

    def some(paths: Sequence[str]) -> list[FileRow]:
        return [one(path) for path in paths]

    def one(path: str) -> FileRow:
        try:
            content = read_file(root + path)
        except OSError as error:
            raise DataError(f"{root}{path} cannot be read: {error.strerror}.") from error
        return path, len(content), sha256(content).hexdigest()

    before = 0
    while bundles:
        bundle = bundles.popleft()
        told = None if progress is None else partial(_tell, progress, before, total)
        yield from map_chunks(some, bundle.texts(), IN_THREADS, told)
        before += bundle.count


def _tell(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _rows_digest(rows: pd.DataFrame) -> str:
    return text_digest(
        f"{kind}\t{path}\t{size}\t{sha}"
        for start in range(0, len(rows), ROWS)
        for kind, path, size, sha in _tuples(rows.iloc[start : start + ROWS])
    )


def _tuples(rows: pd.DataFrame) -> Iterator[tuple[str, str, int, str]]:
    return zip(*(rows[name].tolist() for name in _COLUMNS), strict=True)
