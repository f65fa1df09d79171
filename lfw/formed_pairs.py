"""Pairs formed beyond the listed ones, as LFW's unrestricted training allows: by people's names.

Of most of View 1's listed pairs to train with, an embedding has seen somebody: those that are left
are too few for a threshold to be the same twice.
"""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.embedding.cohort import TRAIN, Cohort
from lfw.pairs import paths_of, people_of
from lfw.photographs import photo_groups, shown_with

_PEOPLE, _IMAGES = 100, 10
"""Most people whose images are added to those of the listed pairs, and most images of each."""

_MOST = 2_000
"""Most images in all: they make two million pairs, which take a hundred megabytes to weigh."""


def images_for_threshold(
    images: pd.DataFrame,
    same_photo: Iterable[tuple[str, str]],
    people: Collection[str],
    pairs: tuple[pd.DataFrame, pd.DataFrame],
    cohort: Cohort,
) -> pd.DataFrame:
    """Give the images whose pairs set a threshold: none that is judged or was learned from.

    They are the first ten of each of the hundred people who have most images, and those of the
    listed pairs; of a photograph that is there twice, one. Whoever is judged is left out. Of more
    than two thousand, some of the listed ones are left out, by their digests.

    Parameters
    ----------
    images
        ``name``, ``image_path``, ``sha256``.
    same_photo
        Pairs of image paths that show one photograph.
    people
        Whose images may be used.
    pairs
        Those listed to train with, and those that are judged: both show nobody whom the embedding
        has seen.
    cohort
        Its manifest.

    Returns
    -------
    DataFrame
        Rows of `images`, by path.
    """
    listed, judged = pairs
    learned, photos = cohort.role(TRAIN), photo_groups(images, same_photo)
    copies = images["image_path"][images["sha256"].isin(learned["sha256"])]
    barred = shown_with(photos, {*learned["image_path"], *copies, *paths_of(judged)})
    nobody = people_of(judged) | cohort.seen
    taken = images["image_path"].isin(barred) | images["name"].isin(nobody)
    free = images[images["name"].isin(people) & ~taken]
    there = set(free["image_path"])
    once = {min(photo & there) for photo in photos if photo & there}
    free = free[free["image_path"].isin(once)].sort_values("image_path")
    counts = free["name"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    several = free[free["name"].isin(counts[counts > 1].index[:_PEOPLE])]
    drawn = several.groupby("name").head(_IMAGES)["image_path"].tolist()
    others = free[free["image_path"].isin(set(paths_of(listed)) - set(drawn))]
    chosen = [*drawn, *others.sort_values("sha256")["image_path"]][:_MOST]
    return free[free["image_path"].isin(chosen)].reset_index(drop=True)


def every_pair(
    images: pd.DataFrame, vectors: Mapping[str, NDArray[np.floating]]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Give all pairs of some images: whether one shows one person, and the cosine of its vectors.

    Parameters
    ----------
    images
        n rows: ``name``, ``image_path``.
    vectors
        A vector by image path.

    Returns
    -------
    tuple of ndarray
        Of shape (n (n - 1) / 2,) each.
    """
    numbers, _ = pd.factorize(images["name"])
    found = np.stack([vectors[path] for path in images["image_path"]]).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    once = np.triu(np.ones((len(images), len(images)), dtype=bool), k=1)
    return (numbers[:, np.newaxis] == numbers)[once], (found @ found.T)[once]
