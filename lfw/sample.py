"""Writes a made-up data set of drawn people in the layout of Kaggle's LFW archive.

It lets every step of the workflow be tried and tested without the real photographs: the same
folders, the same ten lists, the same kinds of fault (a photograph that is there twice), but
nobody in it exists.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import simplejpeg

from lfw.errors import InputError
from lfw.sample_faces import Face, make_face
from lfw.sample_pen import FRAME, Image
from lfw.sample_photos import draw_photo

Row = tuple[str | int, ...]


class _Copy(NamedTuple):
    """How the second picture of a pair was made from the first."""

    zoom: float
    shift: tuple[float, float]
    gain: float
    quality: int


_FIRST = (
    *("Abrix", "Belno", "Cordu", "Dravi", "Elwen", "Fosk", "Gwill", "Hadri", "Ilvo", "Jorum"),
    *("Kesh", "Lumo", "Mirtle", "Nabor", "Ombrel", "Pashti", "Quorin", "Ristel", "Sovi"),
    *("Tamsel", "Ulfen", "Vesko", "Wim", "Xandu", "Yorrel", "Zinta", "Brisk", "Calwo", "Dunya"),
)
_LAST = (
    *("Arf", "Bolt", "Crum", "Drosk", "Elm", "Frang", "Gorv", "Hask", "Irk", "Jund", "Klem"),
    *("Lorb", "Mesk", "Nurv", "Oxt", "Plon", "Quim", "Rusk", "Stev", "Trun", "Ulb", "Vark", "Wox"),
)
_ENDING = ("adle", "obin", "ester", "umwick", "iro", "andry", "oshel", "entle", "uvar", "ick", "ow")

_MANY = (110, 105, 100, 95, 90, 85, 81, 77)
_SOME = (40, 36, 33, 30, 27, 24, 21)
_FEW = (9, 9, 8, 8, 7, 7, 6, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4, 4, *([3] * 10), *([2] * 12))
_COUNTS = (*_MANY, *_SOME, *_FEW, *([1] * 60))

_FOLDS = 10
_PAIRS_A_FOLD = 20
_PAIRS_TO_TRAIN = 100
_PAIRS_TO_TEST = 50


def _name(place: int) -> str:
    first, start = _FIRST[place * 11 % len(_FIRST)], _LAST[place % len(_LAST)]
    last = start + _ENDING[(place // len(_LAST) * 3 + place) % len(_ENDING)]
    # As in the real set, not every name has exactly two parts.
    return {5: f"{first}-Ondu_{last}", 21: f"{first}_zu_{last}"}.get(place, f"{first}_{last}")


_NAMES = tuple(_name(place) for place in range(len(_COUNTS)))


def _image_path(name: str, number: int) -> str:
    return f"{name}/{name}_{number:04d}.jpg"


SAME_PHOTO_PAIRS: tuple[tuple[str, str], ...] = (
    (_image_path(_NAMES[11], 1), _image_path(_NAMES[11], 4)),
    (_image_path(_NAMES[40], 1), _image_path(_NAMES[88], 1)),
    (_image_path(_NAMES[2], 2), _image_path(_NAMES[2], 5)),
)
"""Pictures made from one photograph, whatever the seed and scale.

Same name and another crop and quality; two names and another crop and quality; same name and
another brightness. The second is made from the first.
"""

_COPIES = (
    _Copy(zoom=1.03, shift=(2.0, -1.5), gain=1.0, quality=72),
    _Copy(zoom=0.98, shift=(-1.5, 2.0), gain=1.0, quality=64),
    _Copy(zoom=1.0, shift=(0.0, 0.0), gain=1.14, quality=90),
)

_README = """\
A made-up set of faces in the layout of Labeled Faces in the Wild

Everything here is synthetic. The pictures were drawn by a program (lfw-flow) and are not
photographs. No person in them is real and the names are invented. A likeness to anybody
would be chance.

Use it to try the workflow and to test it. A score reached on it says nothing about how well
real faces are recognised.

Each image is a 250x250 JPEG and is found at name/name_xxxx.jpg where xxxx is its number.
The lists have the form of the original ones: people and pairs for View 1 (peopleDevTrain
and peopleDevTest) and for the ten folds of View 2 (people and pairs). Three photographs are
there twice on purpose as happens in the original.
"""


def write_sample(folder: Path, *, seed: int = 0, scale: float = 1.0) -> None:
    """Draw the data set and write its pictures and lists.

    Parameters
    ----------
    folder : Path
        Where to write; made if missing.
    seed : int
        Decides about faces, pictures, folds and pairs, not about names and counts. The same
        seed gives the same bytes.
    scale : float
        Share of each person's pictures to write, above 0 and at most 1. Nobody is left out,
        who has several pictures keeps at least two, who has 20 or more at least five.

    Raises
    ------
    InputError
        If `folder` is a file or is not empty, or `seed` or `scale` is out of range.
    """
    if seed < 0:
        raise InputError(f"The sample's seed is {seed}; choose 0 or more.")
    if not 0 < scale <= 1:
        raise InputError(f"The sample's scale is {scale}; choose more than 0 and at most 1.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not an empty folder; choose another one or empty it.")
    people = {name: _scaled(count, scale) for name, count in zip(_NAMES, _COUNTS, strict=True)}
    pictures = folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    for name, count in people.items():
        (pictures / name).mkdir(parents=True)
        _write_person(pictures, name, count, seed)
    _write_copies(pictures, seed)
    _write_lists(folder, people, seed)


def sample_people() -> pd.DataFrame:
    """Give ``name`` and ``images`` (count) of everybody in the sample, which need not be drawn."""
    return pd.DataFrame({"name": _NAMES, "images": _COUNTS})


def _scaled(count: int, scale: float) -> int:
    least = 5 if count >= 20 else min(count, 2)
    return max(least, math.floor(count * scale + 0.5))


# Pictures --------------------------------------------------------------------------------------


def _rng(seed: int, *keys: str | int) -> np.random.Generator:
    # Its own stream for each thing drawn: no picture depends on which were drawn before.
    return np.random.default_rng([seed, *"/".join(map(str, keys)).encode()])


def _face(name: str, seed: int) -> Face:
    return make_face(_rng(seed, "face", name))


def _photo(face: Face, name: str, number: int, seed: int) -> Image:
    return draw_photo(face, _rng(seed, "photo", name, number))


def _write_person(pictures: Path, name: str, count: int, seed: int) -> None:
    face = _face(name, seed)
    for number in range(1, count + 1):
        quality = int(_rng(seed, "quality", name, number).integers(86, 95))
        picture = _photo(face, name, number, seed)
        _write_jpeg(pictures / _image_path(name, number), picture, quality)


def _write_copies(pictures: Path, seed: int) -> None:
    for (original, copied), how in zip(SAME_PHOTO_PAIRS, _COPIES, strict=True):
        name, number = original.split("/")[0], int(original[-8:-4])
        picture = _copied(_photo(_face(name, seed), name, number, seed), how)
        _write_jpeg(pictures / copied, picture, how.quality)


def _copied(picture: Image, how: _Copy) -> Image:
    move = cv2.getRotationMatrix2D((FRAME / 2, FRAME / 2), 0, how.zoom)
    move[:, 2] += np.array(how.shift)
    edge = cv2.BORDER_REPLICATE
    moved = cv2.warpAffine(picture, move, (FRAME, FRAME), borderMode=edge)
    return np.asarray(np.clip(moved * how.gain, 0, 255), np.uint8)


def _write_jpeg(path: Path, picture: Image, quality: int) -> None:
    path.write_bytes(simplejpeg.encode_jpeg(picture, quality, "RGB", "420"))


# Lists -----------------------------------------------------------------------------------------


def _write_lists(folder: Path, people: Mapping[str, int], seed: int) -> None:
    rng = _rng(seed, "lists")
    head: Row = ("name", "images")
    folds = _dealt(list(people), _FOLDS, rng)
    parts = _dealt(list(people), 3, rng)
    train, test = sorted(parts[0] + parts[1]), parts[2]

    def counted(names: Iterable[str]) -> list[Row]:
        return [(name, people[name]) for name in names]

    separated: list[Row] = []
    for fold in folds:
        separated += [("", ""), *counted(fold)] if separated else counted(fold)
    _write_rows(folder / "lfw_allnames.csv", [head, *counted(sorted(people))])
    _write_rows(folder / "people.csv", [head, *separated, ()])
    _write_rows(folder / "peopleDevTrain.csv", [head, *counted(train)])
    _write_rows(folder / "peopleDevTest.csv", [head, *counted(test), ()])

    views = (("Train", train, _PAIRS_TO_TRAIN), ("Test", test, _PAIRS_TO_TEST))
    for part, names, wanted in views:
        size = min(wanted, _matched_possible(names, people))
        same = [("name", "imagenum1", "imagenum2"), *_matched(names, people, size, rng)]
        other = [
            ("name", "imagenum1", "name", "imagenum2"),
            *_mismatched(names, people, size, rng),
        ]
        _write_rows(folder / f"matchpairsDev{part}.csv", same)
        _write_rows(folder / f"mismatchpairsDev{part}.csv", other)

    size = min(_PAIRS_A_FOLD, *(_matched_possible(fold, people) for fold in folds))
    pairs: list[Row] = [("name", "imagenum1", "imagenum2", "")]
    for fold in folds:
        pairs += [(*row, "") for row in _matched(fold, people, size, rng)]
        pairs += _mismatched(fold, people, size, rng)
    _write_rows(folder / "pairs.csv", pairs)
    _write_rows(folder / "lfw_readme.csv", [(line,) for line in _README.splitlines()])


def is_sample(folder: Path) -> bool:
    """Tell whether a data set's folder holds a sample, by what its readme says first."""
    try:
        with (folder / "lfw_readme.csv").open(encoding="utf-8") as file:
            return file.readline().strip() == _README.splitlines()[0]
    except (OSError, UnicodeDecodeError):
        return False


def _dealt(names: Sequence[str], hands: int, rng: np.random.Generator) -> list[list[str]]:
    """Deal `names`, the most photographed first, so that each hand gets its share of them."""
    dealt: list[list[str]] = [[] for _ in range(hands)]
    for start in range(0, len(names), hands):
        for hand, name in zip(rng.permutation(hands), names[start : start + hands], strict=False):
            dealt[hand].append(name)
    return [sorted(hand) for hand in dealt]


def _matched_possible(names: Iterable[str], people: Mapping[str, int]) -> int:
    return sum(math.comb(people[name], 2) for name in names)


def _matched(
    names: Sequence[str], people: Mapping[str, int], size: int, rng: np.random.Generator
) -> list[Row]:
    """Pairs of two pictures of one person, taking turns so that nobody fills the list."""
    waiting = {name: list(combinations(range(1, people[name] + 1), 2)) for name in names}
    for name in names:
        rng.shuffle(waiting[name])
    turns = sorted(
        (turn, place, name)
        for place, name in enumerate(names)
        for turn in range(min(size, len(waiting[name])))
    )
    return sorted((name, *map(int, waiting[name][turn])) for turn, _, name in turns[:size])


def _mismatched(
    names: Sequence[str], people: Mapping[str, int], size: int, rng: np.random.Generator
) -> list[Row]:
    """Pairs of pictures of two people, none of them twice."""
    found: set[tuple[str, int, str, int]] = set()
    while len(found) < size:
        one, two = sorted(rng.choice(len(names), 2, replace=False).tolist())
        numbers = [int(rng.integers(people[names[place]])) + 1 for place in (one, two)]
        found.add((names[one], numbers[0], names[two], numbers[1]))
    return sorted(found)


def _write_rows(path: Path, rows: Sequence[Row]) -> None:
    # The archive's lists have CRLF between the lines; an empty last row ends the last one too.
    lines = (",".join(map(str, row)) for row in rows)
    path.write_bytes("\r\n".join(lines).encode("ascii"))
