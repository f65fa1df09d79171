"""Intervals: how far a figure may be from what more images would show."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

LEVEL = 0.95
_RESAMPLES = 2000


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's score interval of a share, at 95 %.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927).

    Raises
    ------
    ValueError
        If `total` is not positive, or `hits` is not between 0 and `total`.
    """
    if not 0 <= hits <= total or total < 1:
        raise ValueError(f"{hits} of {total} is no share")
    # scipy.stats has this interval, and takes a second to import, in runs that reuse all else.
    z2 = float(ndtri((1 + LEVEL) / 2)) ** 2
    middle = (hits + z2 / 2) / (total + z2)
    reach = math.sqrt(z2 * (hits * (total - hits) / total + z2 / 4)) / (total + z2)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]], confusions: NDArray[np.int64]
) -> tuple[float, float]:
    """Percentile interval of a statistic at 95 %, over 2,000 resamples within each class.

    Classes keep their sizes, as the split keeps them: a resampled row of the confusion matrix is
    multinomial. The resamples are always the same, so one set of answers has one interval.

    Parameters
    ----------
    statistic
        Takes confusion matrices of shape (n, classes, classes), gives a figure for each.
    confusions
        Numbers of images by true class (rows) and answered class, of shape (classes, classes).
    """
    rng = np.random.default_rng(0)
    rows = [
        rng.multinomial(row.sum(), row / max(row.sum(), 1), size=_RESAMPLES) for row in confusions
    ]
    low, high = np.percentile(statistic(np.stack(rows, axis=1)), [2.5, 97.5])
    return float(low), float(high)
