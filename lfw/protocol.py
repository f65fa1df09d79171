"""The rules of LFW's two views: who may be learned from, and what a figure falls under.

Source: G. B. Huang and E. Learned-Miller, "Labeled Faces in the Wild: Updates and new reporting
procedures", technical report, University of Massachusetts, Amherst (2014).
"""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.catalog import FOLDS, Catalog
from lfw.embedding.cohort import TRAIN, Cohort
from lfw.errors import InputError
from lfw.pairs import people_of, view1_pairs, view2_pairs, without
from lfw.photographs import linked, shown_with

THRESHOLD_FOLD, TEST_FOLD = 0, 1
"""View 1 as folds: the pairs to train with, which set the threshold, and those that are judged."""

PROTOCOL = "LFW, unrestricted, no outside data"

MEANING = (
    "Unrestricted: the names of the people learned from are used, so pairs may be formed beyond "
    "the listed ones. No outside data: nothing but images of this data set is learned from, and "
    "they are taken as it ships them (deep funneled); what brings faces to their place is learned "
    "from such images, too, and no other model found or aligned them."
)

RESULTS_PAGE = "http://vis-www.cs.umass.edu/lfw/results.html"

_LISTED = (
    ("LDML-MkNN", "unrestricted", "funneled", "0.8750 ± 0.0040"),
    ("LBP multishot", "unrestricted", "aligned", "0.8517 ± 0.0061"),
    ("Combined multishot", "unrestricted", "aligned", "0.8950 ± 0.0051"),
    ("Eigenfaces", "image-restricted", "original", "0.6002 ± 0.0079"),
)

LISTED_AS = (
    "As an early stored copy of the page lists them. It did not yet part methods by outside data: "
    "the images called aligned were aligned by a commercial system trained on other data. Later "
    "methods that the page's plotting script names for unrestricted training (combined PLDA, "
    "combined Joint Bayesian, high-dimensional LBP, Fisher vector faces, Sub-SML) are not in that "
    "copy. Some are better: the abstract of the paper on Joint Bayesian (D. Chen et al., ECCV "
    "2012) tells of 92.4 %, without saying on which data."
)


def published() -> pd.DataFrame:
    """Give what the official results page lists nearest to :data:`PROTOCOL`.

    Returns
    -------
    DataFrame
        ``method``, ``training``, ``images``, ``accuracy`` (View 2, mean ± standard error).
    """
    return pd.DataFrame(_LISTED, columns=["method", "training", "images", "accuracy"])


def numbered_pairs(catalog: Catalog, view: str) -> pd.DataFrame:
    """Give the pairs of a view with their ``fold``: View 1's are 0 and 1, View 2's 1 to 10."""
    if view == "2":
        return view2_pairs(catalog)
    parts = ((THRESHOLD_FOLD, "train"), (TEST_FOLD, "test"))
    return pd.concat(
        [view1_pairs(catalog, part).assign(fold=fold) for fold, part in parts], ignore_index=True
    )


def numbered_people(catalog: Catalog, view: str) -> pd.DataFrame:
    """Give ``name`` and ``fold`` of everybody whom a view's list of people names.

    Raises
    ------
    InputError
        If the list does not tell View 2's folds apart.
    """
    if view == "2":
        people = catalog.view2_people[["name", "fold"]]
        if people["fold"].isna().any():
            raise InputError(
                f"people.csv has no {FOLDS - 1} empty rows that part its {FOLDS} folds, so nobody "
                "can say who must not be learned from: bring a list that has them, or use --view 1."
            )
        return people.astype({"fold": "int64"})
    lists = (
        (THRESHOLD_FOLD, catalog.view1_people_train),
        (TEST_FOLD, catalog.view1_people_test),
    )
    return pd.concat([people[["name"]].assign(fold=fold) for fold, people in lists])


def fold_groups(groups: int) -> list[tuple[int, ...]]:
    """Part View 2's folds in groups of neighbours, as even as can be."""
    parts = np.array_split(np.arange(1, FOLDS + 1), groups)
    return [tuple(int(fold) for fold in part) for part in parts]


def people_in(folds: Collection[int], people: pd.DataFrame, pairs: pd.DataFrame) -> set[str]:
    """Name everybody in some folds, whether the list of people says so or a pair shows them.

    Parameters
    ----------
    folds
        Numbers of folds.
    people, pairs
        What :func:`numbered_people` and :func:`numbered_pairs` gave.
    """
    listed = set(people["name"][people["fold"].isin(folds)])
    return listed | people_of(pairs[pairs["fold"].isin(folds)])


def unseen_pairs(
    pairs: pd.DataFrame,
    cohort: Cohort,
    sha256: Mapping[str, str],
    same_photo: Iterable[tuple[str, str]] = (),
) -> pd.DataFrame:
    """Give the pairs that show neither a person nor a photograph that an embedding was trained on.

    Parameters
    ----------
    pairs
        What :func:`numbered_pairs` gave.
    cohort
        The embedding's manifest.
    sha256
        Digest of an image's content, by its path.
    same_photo
        Pairs of image paths that show one photograph.
    """
    learned = cohort.role(TRAIN)
    contents = set(learned["sha256"])
    copies = {path for path, digest in sha256.items() if digest in contents}
    photos = shown_with(linked(same_photo), {*learned["image_path"], *copies})
    kept = without(pairs, cohort.seen)
    known = [kept[side].isin(photos) for side in ("path1", "path2")]
    return kept[~(known[0] | known[1])].reset_index(drop=True)


def cosines(
    pairs: pd.DataFrame, vectors: Mapping[str, NDArray[np.floating]]
) -> NDArray[np.float64]:
    """Give the cosine between the two images' vectors of each pair.

    Parameters
    ----------
    pairs
        ``path1``, ``path2``.
    vectors
        A vector by image path.
    """
    first, second = (
        np.stack([vectors[path] for path in pairs[side]]).astype(np.float64)
        for side in ("path1", "path2")
    )
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray((first * second).sum(axis=1) / lengths)
