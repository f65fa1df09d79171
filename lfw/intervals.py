"""Intervals: how far a figure may be from what more images would show."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
_RESAMPLES = 2000


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's score interval of a share, at 95 %.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927).

    Raises
    ------
    ValueError
        If `total` is not positive.
    """
    from scipy.stats import binomtest

    found = binomtest(hits, total).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(found.low), float(found.high)


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
