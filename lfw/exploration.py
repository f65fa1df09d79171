"""Why a random split of all images cannot identify strangers: the notebook's first experiment."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

TEST_SHARE = 0.2
_DRAWS = 200


@dataclass(frozen=True)
class RandomSplit:
    """A random split of all images, and what to expect of such splits.

    Attributes
    ----------
    train_images, test_images
        Number of images on each side.
    known, unknown
        People in the test part who are, and who are not, in the training part too.
    expected_known, expected_unknown
        Their expected values over all such draws.
    known_range, unknown_range
        The middle 95 % of 200 draws.
    """

    train_images: int
    test_images: int
    known: int
    unknown: int
    expected_known: float
    expected_unknown: float
    known_range: tuple[int, int]
    unknown_range: tuple[int, int]


def draw_random_split(images: pd.DataFrame, seed: int) -> RandomSplit:
    """Split all images 80/20 at random, and count the people that the split tears apart.

    Parameters
    ----------
    images
        One row an image, with ``name``.
    seed
        Decides the draw.
    """
    from sklearn.model_selection import train_test_split

    people, counts = np.unique(images["name"].to_numpy(dtype=str), return_counts=True)
    codes = np.repeat(np.arange(len(people)), counts)
    train, test = train_test_split(codes, test_size=TEST_SHARE, random_state=seed)
    known, unknown = _torn(train, test)
    expected_known, expected_unknown = _expected(counts, len(test))
    rng = np.random.default_rng(seed)
    draws = np.array([_torn(*_cut(rng.permutation(codes), len(test))) for _ in range(_DRAWS)])
    low, high = np.percentile(draws, [2.5, 97.5], axis=0).round().astype(int).tolist()
    return RandomSplit(
        train_images=len(train),
        test_images=len(test),
        known=known,
        unknown=unknown,
        expected_known=expected_known,
        expected_unknown=expected_unknown,
        known_range=(low[0], high[0]),
        unknown_range=(low[1], high[1]),
    )


def _cut(codes: np.ndarray, test_images: int) -> tuple[np.ndarray, np.ndarray]:
    return codes[test_images:], codes[:test_images]


def _torn(train: np.ndarray, test: np.ndarray) -> tuple[int, int]:
    tested = np.unique(test)
    known = int(np.isin(tested, train).sum())
    return known, len(tested) - known


def _expected(counts: np.ndarray, test_images: int) -> tuple[float, float]:
    """Sum over people: their images in the test part follow a hypergeometric distribution."""
    from scipy.stats import hypergeom

    tested = hypergeom(counts.sum(), counts, test_images)
    wholly = tested.pmf(counts)
    return float((1 - tested.pmf(0) - wholly).sum()), float(wholly.sum())
