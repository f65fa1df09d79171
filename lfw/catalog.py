"""The nine lists of the data set, as typed frames, checked against the files."""

import io
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lfw.errors import DataError

PEOPLE_LIST = "lfw_allnames.csv"
FOLDS = 10
_NAMES = ("name", "name1", "name2")
_COUNTS = ("name", "images")
_MATCHED = ("name", "imagenum1", "imagenum2")
_MISMATCHED = ("name", "imagenum1", "name", "imagenum2")
_VIEW2_PAIRS = ("name", "imagenum1", "imagenum2", "")
_MAX_IMAGES = 9999  # a file name has four digits
_MAX_NAME = 200  # a file name has 255 bytes at the most, number and suffix included
_SHOWN = 80  # characters of a wrong field in a message
_MAX_LISTED = 5_000_000
_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Catalog:
    """The lists. Of every pair, ``name1 == name2`` says that it is matched.

    Attributes
    ----------
    people
        ``name``, ``images`` (count): everybody (``lfw_allnames.csv``).
    view1_people_train, view1_people_test
        ``name``, ``images``: the people of View 1, for development.
    view1_matched_train, view1_matched_test, view1_mismatched_train, view1_mismatched_test
        ``name1``, ``number1``, ``name2``, ``number2``: the pairs of View 1.
    view2_pairs
        The same with ``fold`` (1 to 10): the pairs of View 2, for reporting.
    view2_people
        ``name``, ``images``, ``fold``; the fold is missing where the list has no marks between
        folds.
    """

    people: pd.DataFrame
    view1_people_train: pd.DataFrame
    view1_people_test: pd.DataFrame
    view1_matched_train: pd.DataFrame
    view1_matched_test: pd.DataFrame
    view1_mismatched_train: pd.DataFrame
    view1_mismatched_test: pd.DataFrame
    view2_pairs: pd.DataFrame
    view2_people: pd.DataFrame

    def write(self, folder: Path) -> None:
        """Write each list as ``<name>.parquet``."""
        for field in fields(self):
            getattr(self, field.name).to_parquet(folder / f"{field.name}.parquet", index=False)

    def without(self, people: Collection[str]) -> "Catalog":
        """Give the lists without some people, and without the pairs that show them."""
        kept = {}
        for field in fields(self):
            frame = getattr(self, field.name)
            shown = [frame[name].isin(people) for name in _NAMES if name in frame]
            kept[field.name] = frame[~np.logical_or.reduce(shown)].reset_index(drop=True)
        return Catalog(**kept)

    @classmethod
    def read(cls, folder: Path) -> "Catalog":
        """Read what :meth:`write` wrote."""
        return cls(**{f.name: pd.read_parquet(folder / f"{f.name}.parquet") for f in fields(cls)})


def read_catalog(folder: Path) -> Catalog:
    """Read the nine lists from a data set's folder.

    Raises
    ------
    DataError
        If a list is missing, is not text, or has a row that cannot be understood: the message
        names the file and the line.
    """
    return Catalog(**{name: read_list(folder, name) for name in LISTS})


def read_list(folder: Path, name: str) -> pd.DataFrame:
    """Read one list, named as the attribute of :class:`Catalog` that it becomes.

    Raises
    ------
    DataError
        As :func:`read_catalog`.
    """
    file, read = LISTS[name]
    return read(folder / file)


def read_people(folder: Path) -> pd.DataFrame:
    """Read ``name`` and ``images`` (count) of everybody, from the first list alone.

    Raises
    ------
    DataError
        As :func:`read_catalog`.
    """
    return read_list(folder, "people")


def image_path(name: str, number: int) -> str:
    """Path of an image from the image folder: ``Name/Name_0001.jpg``."""
    return f"{name}/{name}_{number:04d}.jpg"


def expand_paths(people: pd.DataFrame) -> pd.DataFrame:
    """Give one row an image.

    Parameters
    ----------
    people
        ``name`` and ``images`` (count), one row a person.

    Returns
    -------
    DataFrame
        ``name``, ``image_number`` (from 1), ``image_path``; people and numbers in order.
    """
    images = people.loc[people.index.repeat(people["images"]), ["name"]].reset_index(drop=True)
    images["image_number"] = images.groupby("name", sort=False).cumcount() + 1
    images["image_path"] = [
        image_path(name, number)
        for name, number in zip(images["name"], images["image_number"], strict=True)
    ]
    return images


def check_references(catalog: Catalog, image_paths: Iterable[str]) -> pd.DataFrame:
    """Compare every reference in the lists with the files and with each other.

    Parameters
    ----------
    catalog
        The lists.
    image_paths
        Paths of the images that there are.

    Returns
    -------
    DataFrame
        ``list``, ``problem`` (``missing image``, ``unlisted image``, ``unknown person``,
        ``wrong count``, ``person in both parts``), ``subject``: empty if all agrees.
    """
    files = set(image_paths)
    listed = set(expand_paths(catalog.people)["image_path"])
    found = [("lfw_allnames.csv", "missing image", path) for path in sorted(listed - files)]
    found += [("lfw_allnames.csv", "unlisted image", path) for path in sorted(files - listed)]
    counts = dict(zip(catalog.people["name"], catalog.people["images"], strict=True))
    for title in ("view1_people_train", "view1_people_test", "view2_people"):
        found += _check_people(title, getattr(catalog, title), counts)
    both = set(catalog.view1_people_train["name"]) & set(catalog.view1_people_test["name"])
    found += [("view1_people_test", "person in both parts", name) for name in sorted(both)]
    for field in fields(catalog):
        frame = getattr(catalog, field.name)
        if "name1" in frame:
            found += _check_pairs(field.name, frame, files)
    return pd.DataFrame(found, columns=["list", "problem", "subject"], dtype="str")


def _check_people(
    title: str, frame: pd.DataFrame, counts: dict[str, int]
) -> Iterable[tuple[str, str, str]]:
    for name, images in zip(frame["name"], frame["images"], strict=True):
        if name not in counts:
            yield title, "unknown person", name
        elif images != counts[name]:
            yield title, "wrong count", f"{name}: {images} here, {counts[name]} in lfw_allnames"


def _check_pairs(
    title: str, frame: pd.DataFrame, files: set[str]
) -> Iterable[tuple[str, str, str]]:
    paths: set[str] = set()
    for side in ("1", "2"):
        paths.update(map(image_path, frame[f"name{side}"], frame[f"number{side}"]))
    return [(title, "missing image", path) for path in sorted(paths - files)]


def _read_rows(path: Path, header: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """Read a list's rows with their line numbers, header checked and taken off."""
    # No field of these lists has a comma or a quote, so neither is given a meaning.
    lines = io.StringIO(_read_text(path), newline=None)
    rows = [(n, [c.strip() for c in line.split(",")]) for n, line in enumerate(lines, start=1)]
    if not rows or tuple(rows[0][1]) != header:
        found = ",".join(rows[0][1]) if rows else "nothing"
        raise DataError(f"{path}:1: the header is {found[:_SHOWN]!r}, not {','.join(header)!r}.")
    return rows[1:]


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: a data set has all nine lists.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > _MAX_BYTES:
        raise DataError(f"{path} is larger than {_MAX_BYTES >> 20} MB, which is no list.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 at byte {error.start}: save it as UTF-8.") from None


def _name(path: Path, line: int, text: str) -> str:
    bad = not text or text in {".", ".."} or len(text) > _MAX_NAME
    if bad or re.search(r'[/\\"\x00-\x1f\x7f-\x9f]', text):
        raise DataError(f"{path}:{line}: {text[:_SHOWN]!r} is not a person's name.")
    return text


def _number(path: Path, line: int, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= _MAX_IMAGES:
        raise DataError(
            f"{path}:{line}: {text[:_SHOWN]!r} is not a number from 1 to {_MAX_IMAGES}."
        )
    return int(text)


def _count_row(path: Path, line: int, cells: list[str]) -> tuple[str, int]:
    if len(cells) != len(_COUNTS):
        raise DataError(f"{path}:{line}: {len(cells)} fields, not a name and a count.")
    return _name(path, line, cells[0]), _number(path, line, cells[1])


def _counts_frame(path: Path, rows: list[tuple[int, list[str]]]) -> pd.DataFrame:
    people: dict[str, int] = {}
    for line, cells in rows:
        name, images = _count_row(path, line, cells)
        if name in people:
            raise DataError(f"{path}:{line}: {name} is named twice: a person has one row.")
        people[name] = images
    frame = pd.DataFrame(list(people.items()), columns=list(_COUNTS))
    return frame.astype({"name": "str", "images": "int64"})


def _read_counts(path: Path) -> pd.DataFrame:
    return _counts_frame(path, [row for row in _read_rows(path, _COUNTS) if any(row[1])])


def _read_everybody(path: Path) -> pd.DataFrame:
    people = _read_counts(path)
    if people.empty:
        raise DataError(f"{path} names nobody: give the whole list.")
    if people["images"].sum() > _MAX_LISTED:  # each becomes a row of its own
        raise DataError(
            f"{path} claims {people['images'].sum():,} images, and at most {_MAX_LISTED:,} are "
            "handled: fix its counts."
        )
    return people


def _read_folded_people(path: Path) -> pd.DataFrame:
    """Read the people of View 2, whose folds are parted by empty rows."""
    rows, folds, fold = [], [], 1
    for line, cells in _read_rows(path, _COUNTS):
        if any(cells):
            rows.append((line, cells))
            folds.append(fold)
        else:
            fold += 1
    frame = _counts_frame(path, rows)
    known = set(folds) == set(range(1, FOLDS + 1))
    frame["fold"] = pd.array(folds if known else [pd.NA] * len(folds), dtype="Int64")
    return frame


def _pair_row(path: Path, line: int, cells: list[str]) -> tuple[str, int, str, int]:
    if len(cells) == 3:
        first, number, other = cells
        second = first
    elif len(cells) == 4:
        first, number, second, other = cells
    else:
        raise DataError(f"{path}:{line}: {len(cells)} fields, which is no pair.")
    pair = (
        _name(path, line, first),
        _number(path, line, number),
        _name(path, line, second),
        _number(path, line, other),
    )
    if pair[:2] == pair[2:]:
        raise DataError(f"{path}:{line}: an image is paired with itself.")
    if len(cells) == 4 and first == second:
        raise DataError(f"{path}:{line}: a pair of two people names {first} twice.")
    return pair


def _read_pairs(path: Path, header: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for line, cells in _read_rows(path, header):
        if not any(cells):
            continue
        mixed = header == _VIEW2_PAIRS
        if not mixed and len(cells) != len(header):
            raise DataError(f"{path}:{line}: {len(cells)} fields, not {len(header)}.")
        matched = mixed and len(cells) == len(header) and not cells[3]
        rows.append(_pair_row(path, line, cells[:3] if matched else cells))
    columns = ["name1", "number1", "name2", "number2"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"name1": "str", "number1": "int64", "name2": "str", "number2": "int64"})


def _with_pair_folds(path: Path) -> pd.DataFrame:
    """Read the pairs of View 2, whose folds are blocks of matched, then mismatched pairs."""
    pairs = _read_pairs(path, _VIEW2_PAIRS)
    matched = (pairs["name1"] == pairs["name2"]).to_numpy()
    starts = matched & ~np.concatenate(([False], matched[:-1]))
    pairs["fold"] = np.cumsum(starts).astype("int64")
    sizes = pairs.groupby("fold").size()
    if len(sizes) != FOLDS or len(set(sizes)) != 1 or not matched[0]:
        raise DataError(
            f"{path} has blocks of {sizes.tolist()} pairs, matched before mismatched ones: View 2 "
            f"has {FOLDS} such folds of one size."
        )
    return pairs


LISTS: dict[str, tuple[str, Callable[[Path], pd.DataFrame]]] = {
    "people": (PEOPLE_LIST, _read_everybody),
    "view1_people_train": ("peopleDevTrain.csv", _read_counts),
    "view1_people_test": ("peopleDevTest.csv", _read_counts),
    "view1_matched_train": ("matchpairsDevTrain.csv", partial(_read_pairs, header=_MATCHED)),
    "view1_matched_test": ("matchpairsDevTest.csv", partial(_read_pairs, header=_MATCHED)),
    "view1_mismatched_train": (
        "mismatchpairsDevTrain.csv",
        partial(_read_pairs, header=_MISMATCHED),
    ),
    "view1_mismatched_test": ("mismatchpairsDevTest.csv", partial(_read_pairs, header=_MISMATCHED)),
    "view2_pairs": ("pairs.csv", _with_pair_folds),
    "view2_people": ("people.csv", _read_folded_people),
}
"""Of each list, its file and what reads it."""
