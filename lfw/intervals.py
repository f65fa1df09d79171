"""Intervals: how far a figure may be from what more images would show."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

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
    found = binomtest(hits, total).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(found.low), float(found.high)


def bootstrap(
    statistic: Callable[[NDArray[np.int64], NDArray[np.int64]], float],
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
) -> tuple[float, float]:
    """Percentile interval of a statistic at 95 %, over 2,000 resamples within each class.

    Classes keep their sizes, as the split keeps them. The resamples are always the same, so one
    set of predictions has one interval.

    Parameters
    ----------
    statistic
        Takes the true and the predicted class numbers.
    truth, predicted
        Class numbers of shape (n,).
    """
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(truth == k) for k in np.unique(truth)]
    values = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        drawn = np.concatenate([rng.choice(group, len(group)) for group in members])
        values[number] = statistic(truth[drawn], predicted[drawn])
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
