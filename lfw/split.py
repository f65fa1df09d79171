"""Class selection and the stratified, leak-free split; a split is a manifest with a digest."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.columns import is_doubled, sorted_by
from lfw.digest import text_digest
from lfw.errors import DataError, InputError
from lfw.parameters import NOTEBOOK_IMAGES_PER_PERSON, NOTEBOOK_TOP, SelectionParameters
from lfw.photographs import linked

PARTS = ("train", "validation", "test")
_FILLED = ("test", "validation", "train")
"""The order in which images of their own fill the parts."""

_COLUMNS = ["part", "name", "image_path", "sha256"]
_RANK_BYTES = 32  # SHA-256; NumPy takes zeros off the end


@dataclass(frozen=True)
class Split:
    """Which image is for what.

    Attributes
    ----------
    rows
        One row an image: ``part``, ``name``, ``image_path``, ``sha256``; sorted by part, name and
        path.
    classes
        Names in alphabetical order: class ``k`` is ``classes[k]``.
    """

    rows: pd.DataFrame
    classes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over every row."""
        return text_digest("\t".join(row) for row in self.rows[_COLUMNS].itertuples(index=False))

    @property
    def sizes(self) -> dict[str, int]:
        """Number of images of each part."""
        return {part: int((self.rows["part"] == part).sum()) for part in PARTS}

    def part(self, part: str) -> pd.DataFrame:
        """Give the rows of one part."""
        return self.rows[self.rows["part"] == part].reset_index(drop=True)

    def labels(self, part: str) -> list[int]:
        """Class numbers of a part's rows."""
        number = {name: k for k, name in enumerate(self.classes)}
        return [number[name] for name in self.part(part)["name"]]

    def write(self, path: Path) -> None:
        """Write the split manifest, a CSV."""
        self.rows[_COLUMNS].to_csv(path, index=False, lineterminator="\n")

    @classmethod
    def read(cls, path: Path) -> "Split":
        """Read what :meth:`write` wrote."""
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        return cls(rows, tuple(sorted(rows["name"].unique())))


def select_people(people: pd.DataFrame, wanted: SelectionParameters) -> list[str]:
    """Name the people of a selection, most photographed first.

    Parameters
    ----------
    people
        ``name`` and ``images`` (count) of everybody.
    wanted
        How to choose.

    Raises
    ------
    InputError
        If a name is unknown (the nearest names are given), or if fewer than two people are left.
    """
    ranked = people.sort_values(["images", "name"], ascending=[False, True])
    if wanted.people is not None:
        check_names("people", wanted.people, people["name"].tolist())
        return ranked["name"][ranked["name"].isin(wanted.people)].tolist()
    if wanted.min_images is not None:
        chosen = ranked["name"][ranked["images"] >= wanted.min_images].tolist()
        if len(chosen) < 2:
            raise InputError(
                f"min_images = {wanted.min_images}: {len(chosen)} people have that many images, "
                f"and telling faces apart takes at least 2: ask for {ranked['images'].iloc[1]} or "
                "fewer."
            )
        return chosen
    top = wanted.top or NOTEBOOK_TOP
    if top > len(ranked):
        raise InputError(f"top = {top}: the data set has {len(ranked)} people: ask for fewer.")
    return ranked["name"].head(top).tolist()


def check_names(
    parameter: str, names: Sequence[str], known: Sequence[str], known_to: str = "the data set"
) -> None:
    """See that names are known.

    Parameters
    ----------
    parameter
        Who asks, for the message.
    names, known
        Those asked for, and those that there are.
    known_to
        What they would be known to, for the message.

    Raises
    ------
    InputError
        Naming the parameter, each unknown name and the nearest known ones.
    """
    unknown = sorted(set(names) - set(known))
    if not unknown:
        return
    parts = []
    for name in unknown:
        near = difflib.get_close_matches(name.replace(" ", "_"), known, n=3, cutoff=0.6)
        parts.append(f"{name} (nearest: {', '.join(near)})" if near else f"{name} (nothing near)")
    raise InputError(
        f"{parameter}: {known_to} has nobody called {'; '.join(parts)}. Names are spelt as in "
        "lfw_allnames.csv."
    )


def sample_images(
    images: pd.DataFrame, people: Sequence[str], wanted: SelectionParameters, seed: int
) -> pd.DataFrame:
    """Draw the images of the chosen people.

    Parameters
    ----------
    images
        One row a usable image: ``name``, ``image_path``, ``sha256``.
    people
        The chosen people.
    wanted
        How many images of each.
    seed
        Decides the draw, whatever the order of rows.

    Raises
    ------
    InputError
        If somebody has no image, or fewer than are wanted of each.
    """
    counts = images["name"].value_counts().reindex(list(people), fill_value=0)
    nobody = counts[counts == 0]
    if not nobody.empty:
        raise InputError(f"{nobody.index[0]} has no usable image: choose other people.")
    per_person: int | None
    if wanted.images_per_person == "all":
        per_person = None
    elif wanted.images_per_person == "balanced":
        per_person = min(NOTEBOOK_IMAGES_PER_PERSON, int(counts.min()))
    else:
        per_person = wanted.images_per_person
        short = counts[counts < per_person]
        if not short.empty:
            who = ", ".join(f"{name} has {count}" for name, count in short.head(3).items())
            raise InputError(
                f"images_per_person = {per_person}: {who} usable images: ask for "
                f"{int(counts.min())} or fewer, for balanced, or for all."
            )
    chosen = images[["name", "image_path", "sha256"]][images["name"].isin(people)]
    if per_person is not None:
        ranks = _ranks(chosen["image_path"], f"sample/{seed}")
        drawn = chosen.iloc[np.argsort(ranks, kind="stable")]
        chosen = drawn.groupby("name", sort=False).head(per_person)
    return sorted_by(chosen, "image_path")


def draw_split(
    images: pd.DataFrame,
    same_photo: Iterable[tuple[str, str]],
    seed: int,
    test_share: float = 0.2,
    validation_share: float = 0.2,
) -> Split:
    """Split images person by person, so that no photograph is on two sides.

    Each person's images are parted in the same shares. Images of one photograph (by content, or as
    `same_photo` says) stay together. The draw orders images by a hash of the seed and the path, so
    it depends neither on the order of rows nor on a library's generator.

    Parameters
    ----------
    images
        ``name``, ``image_path``, ``sha256``, one row an image.
    same_photo
        Pairs of image paths that show one photograph.
    seed
        Decides the draw.
    test_share
        Share of each person's images for the test, rounded to whole images.
    validation_share
        Share of what the test leaves.

    Raises
    ------
    DataError
        If an image is there twice: it could come into two parts.
    InputError
        If a person would have no image in one of the three parts.
    """
    images = sorted_by(images, "image_path")
    twice = images["image_path"][is_doubled(images["image_path"])]
    if len(twice):
        raise DataError(f"{twice.iloc[0]} is listed twice: list every image once.")
    room = _targets(images["name"].value_counts(), test_share, validation_share)
    person, people = pd.factorize(images["name"], sort=True)
    names = people.to_numpy()
    ranks = _ranks(images["image_path"], f"split/{seed}")
    parts = np.zeros(len(images), np.int8)
    together = _photo_groups(images, same_photo)
    for group in sorted(together, key=lambda places: min(ranks[place] for place in places)):
        order = _drawn_order(ranks[group[0]], test_share, validation_share)
        parts[group] = _part_with_room(names[person[group]], room, order)
    alone = np.ones(len(images), bool)
    alone[[place for group in together for place in group]] = False
    drawn = np.argsort(ranks, kind="stable")
    for place in drawn[alone[drawn]]:
        parts[place] = _part_with_room([names[person[place]]], room, _FILLED)
    by_part_and_name = np.lexsort((person, np.argsort(np.argsort(PARTS))[parts]))  # then by path
    rows = images.iloc[by_part_and_name].reset_index(drop=True)
    rows["part"] = pd.Series(PARTS).take(parts[by_part_and_name]).array
    split = Split(rows[_COLUMNS], tuple(names))
    _check_parts(split)
    return split


def _ranks(paths: "pd.Series[str]", salt: str) -> NDArray[np.bytes_]:
    """Draw a number of 32 bytes for each path."""
    drawn = (hashlib.sha256(f"{salt}/{path}".encode()).digest() for path in paths)
    return np.fromiter(drawn, f"S{_RANK_BYTES}", len(paths))


def _targets(
    counts: "pd.Series[int]", test_share: float, validation_share: float
) -> dict[str, dict[str, int]]:
    """How many images of each person each part takes; train takes what is left over."""
    room = {}
    for name, count in counts.items():
        test = _round(count * test_share)
        validation = _round((count - test) * validation_share)
        room[str(name)] = {
            "test": test,
            "validation": validation,
            "train": int(count) - test - validation,
        }
    return room


def _round(number: float) -> int:
    """Round half up: the same on every machine, and no share of 0.5 lost to even numbers."""
    return int(number + 0.5)


def _photo_groups(images: pd.DataFrame, same_photo: Iterable[tuple[str, str]]) -> list[list[int]]:
    """Give the rows of each photograph that has several, in order."""
    twice = np.flatnonzero(is_doubled(images["sha256"]))
    shas = images["sha256"].iloc[twice].tolist()
    pairs = list(zip(shas, twice.tolist(), strict=True))
    first = dict(reversed(pairs))
    joined = [(first[sha], place) for sha, place in pairs]
    named = [(one, other) for one, other in same_photo if one != other]
    places = _places(images["image_path"], {path for pair in named for path in pair})
    joined += [(places[one], places[two]) for one, two in named if {one, two} <= places.keys()]
    return [sorted(group) for group in linked(joined)]


def _places(paths: "pd.Series[str]", wanted: set[str]) -> dict[str, int]:
    found = np.flatnonzero(paths.isin(wanted))
    return dict(zip(paths.iloc[found], found.tolist(), strict=True))


def _drawn_order(rank: bytes, test_share: float, validation_share: float) -> tuple[str, ...]:
    """Order of parts to try for a group, the first drawn by the parts' shares."""
    drawn = int(rank.ljust(_RANK_BYTES, b"\0").hex()[:13], 16) / 16**13
    if drawn < test_share:
        return ("test", "train", "validation")
    if drawn < test_share + (1 - test_share) * validation_share:
        return ("validation", "train", "test")
    return ("train", "test", "validation")


def _part_with_room(
    names: Iterable[str], room: dict[str, dict[str, int]], order: tuple[str, ...]
) -> int:
    """Choose a part (its place in `PARTS`) for a photograph of these people."""
    needs = Counter(names)
    fits = [p for p in order if all(room[name][p] >= n for name, n in needs.items())]
    part = fits[0] if fits else "train"
    for name, n in needs.items():
        room[name][part] -= n
    return PARTS.index(part)


def _check_parts(split: Split) -> None:
    for name, parts in split.rows.groupby("name")["part"]:
        empty = [part for part in PARTS if part not in set(parts)]
        if empty:
            raise InputError(
                f"{name} has {len(parts)} images, which leaves none for {' and '.join(empty)}: "
                "take people with more images, or other shares."
            )
