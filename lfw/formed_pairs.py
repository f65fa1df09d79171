"""Pairs formed beyond the listed ones, as LFW's unrestricted training allows: by people's names.

Of View 1's listed pairs to train with, an embedding has seen somebody in nearly all: those that are
left are too few for a threshold to be the same twice.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.embedding.cohort import TRAIN, Cohort
from lfw.pairs import paths_of

_PEOPLE, _IMAGES = 100, 10
"""Most people whose images are added to those of the listed pairs, and most images of each."""


def unseen_images(
    images: pd.DataFrame, people: Collection[str], listed: pd.DataFrame, cohort: Cohort
) -> pd.DataFrame:
    """Give the images whose pairs set a threshold: none that an embedding has learned from.

    They are those of the listed pairs, and of the hundred people who have most images the first ten
    each.

    Parameters
    ----------
    images
        ``name``, ``image_path``, ``sha256``.
    people
        Whose images may be used.
    listed
        Pairs that show nobody whom the embedding has seen.
    cohort
        Its manifest.

    Returns
    -------
    DataFrame
        Rows of `images`, by path.
    """
    known = images["name"].isin(cohort.seen) | images["sha256"].isin(cohort.role(TRAIN)["sha256"])
    free = images[images["name"].isin(people) & ~known].sort_values("image_path")
    ranked = free["name"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    several = free[free["name"].isin(ranked[ranked > 1].index[:_PEOPLE])]
    drawn = several.groupby("name").head(_IMAGES)["image_path"]
    return free[free["image_path"].isin({*drawn, *paths_of(listed)})].reset_index(drop=True)


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
