"""Who an embedding is learned from, who it is watched on, and who it must never see."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lfw.catalog import Catalog
from lfw.digest import text_digest
from lfw.errors import DataError, InputError
from lfw.files import read_table
from lfw.pairs import people_of, view1_pairs
from lfw.parameters import LEFT_OUT_IMAGES, PretrainParameters
from lfw.photographs import photo_groups, shown_with
from lfw.split import check_names

TRAIN, VALIDATION = "train", "validation"
LEAST_IMAGES = 2
"""Images below which a person teaches nothing of how one face varies."""

_HELD_OUT = 6  # one in so many of those whom View 1 tests on
_COLUMNS = ["role", "name", "image_path", "sha256"]


@dataclass(frozen=True)
class Cohort:
    """The manifest of an embedding: every image it was trained on or watched on.

    Attributes
    ----------
    rows
        One row an image: ``role`` (train or validation), ``name``, ``image_path``, ``sha256``;
        sorted by role, name and path.
    """

    rows: pd.DataFrame

    @property
    def digest(self) -> str:
        """SHA-256 over every row."""
        return text_digest("\t".join(row) for row in self.rows[_COLUMNS].itertuples(index=False))

    @property
    def seen(self) -> frozenset[str]:
        """Names of the people that the embedding was trained on."""
        return frozenset(self.role(TRAIN)["name"])

    def role(self, role: str) -> pd.DataFrame:
        """Give the rows of one role."""
        return self.rows[self.rows["role"] == role].reset_index(drop=True)

    def write(self, path: Path) -> None:
        """Write the manifest, a CSV."""
        self.rows[_COLUMNS].to_csv(path, index=False, lineterminator="\n")

    @classmethod
    def read(cls, path: Path) -> "Cohort":
        """Read what :meth:`write` wrote.

        Raises
        ------
        DataError
            If columns are missing.
        """
        rows = read_table(path, "the embedding's manifest")
        missing = [name for name in _COLUMNS if name not in rows]
        if missing:
            raise DataError(f"{path} has no column {', '.join(missing)}: it is no manifest.")
        return cls(rows[_COLUMNS])


def choose_left_out(people: pd.DataFrame, wanted: PretrainParameters) -> list[str]:
    """Name the people whom an embedding must never see.

    Parameters
    ----------
    people
        ``name`` and ``images`` (count) of everybody.
    wanted
        How to choose them.

    Raises
    ------
    InputError
        If a name is unknown; the nearest names are given.
    """
    if wanted.exclude_people is not None:
        check_names("exclude_people", wanted.exclude_people, people["name"].tolist())
        return sorted(wanted.exclude_people)
    if wanted.exclude_top is not None:
        ranked = people.sort_values(["images", "name"], ascending=[False, True])
        return sorted(ranked["name"].head(wanted.exclude_top))
    least = wanted.exclude_min_images or LEFT_OUT_IMAGES
    return sorted(people["name"][people["images"] >= least])


def draw_cohort(
    images: pd.DataFrame,
    catalog: Catalog,
    left_out: Collection[str],
    same_photo: Iterable[tuple[str, str]] = (),
    least_images: int = LEAST_IMAGES,
    seed: int = 0,
) -> Cohort:
    """Choose the people to learn from, and hold some of View 1's out to watch the learning on.

    Of the people whom View 1's development test pairs show, one in six is held out. An image that
    shows a photograph of somebody left out or held out (by content, or as `same_photo` says) is
    dropped, whatever name it goes by.

    Parameters
    ----------
    images
        ``name``, ``image_path``, ``sha256``, one row a usable image.
    catalog
        The lists.
    left_out
        People never to be seen.
    same_photo
        Pairs of image paths that show one photograph.
    least_images
        People with fewer images are not learned from.
    seed
        Decides who is held out, whatever the order of rows.

    Raises
    ------
    InputError
        If fewer than two people are left to learn from.
    """
    tested = people_of(view1_pairs(catalog, "test"))
    ranked = sorted(tested - set(left_out), key=lambda name: _rank(name, seed))
    held_out = set(ranked[: len(ranked) // _HELD_OUT])
    first, second = set(left_out), set(left_out) | held_out
    photos = photo_groups(images, same_photo)
    learned = ~images["image_path"].isin(_shown_with(photos, second))
    counts = images["name"][learned].value_counts()
    learned &= images["name"].isin(set(counts[counts >= least_images].index))
    watched = images["name"].isin(held_out)
    watched &= ~images["image_path"].isin(_shown_with(photos, first))
    role = pd.Series("", index=images.index).mask(learned, TRAIN).mask(watched, VALIDATION)
    rows = images.assign(role=role)[role != ""].sort_values(["role", "name", "image_path"])
    cohort = Cohort(rows[_COLUMNS].reset_index(drop=True))
    if len(cohort.seen) < 2:
        raise InputError(
            f"{len(cohort.seen)} people with at least {least_images} images are left to learn "
            "from, and an embedding takes at least 2: leave out fewer."
        )
    return cohort


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"cohort/{seed}/{name}".encode()).hexdigest()


def _shown_with(photos: list[set[str]], people: Collection[str]) -> set[str]:
    """Give the images of every photograph that some image of certain people shows."""
    theirs = {path for group in photos for path in group if path.partition("/")[0] in people}
    return shown_with(photos, theirs)


def check_unseen(
    cohort: Cohort, names: Collection[str], sha256: Collection[str], what: str, advice: str
) -> None:
    """See that an embedding knows neither some people nor their images.

    Parameters
    ----------
    cohort
        The embedding's manifest.
    names, sha256
        The people, and the digests of their images.
    what
        What is about to be done with them, for the message.
    advice
        What to do instead, for its end.

    Raises
    ------
    InputError
        Naming the people that the embedding was trained on.
    """
    learned = cohort.role(TRAIN)
    shared = learned[learned["sha256"].isin(set(sha256)) & ~learned["name"].isin(names)]
    by_photo = {f"{row.name} (by {row.image_path})" for row in shared.itertuples(index=False)}
    known = sorted((cohort.seen & set(names)) | by_photo)
    if known:
        more = f" and {len(known) - 10} more" if len(known) > 10 else ""
        raise InputError(
            f"the embedding was trained on {', '.join(known[:10])}{more}: {what} them would be a "
            f"leak. {advice}"
        )
