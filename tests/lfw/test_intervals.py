"""Intervals are those of the literature, and always the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from lfw.intervals import bootstrap, wilson

Z = 1.959963984540054


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2000), st.floats(0, 1))
def test_wilson_is_that_of_scipy(total: int, share: float) -> None:
    hits = round(total * share)
    theirs = binomtest(hits, total).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(hits, total) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("hits", "total"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_is_of_a_share(hits: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"{hits} of {total} is no share"):
        wilson(hits, total)


def accuracy(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    right = np.trace(confusions, axis1=-2, axis2=-1)
    return np.asarray(right / confusions.sum(axis=(-2, -1)), dtype=np.float64)


def test_bootstrap_is_always_the_same_and_holds_the_value() -> None:
    confusions = np.array([[40, 10], [5, 45]])
    low, high = bootstrap(accuracy, confusions)
    assert (low, high) == bootstrap(accuracy, confusions)
    assert low < 0.85 < high


def test_bootstrap_is_as_wide_as_chance_within_classes() -> None:
    low, high = bootstrap(accuracy, np.array([[400, 100], [50, 450]]))
    spread = math.sqrt(500 * 0.8 * 0.2 + 500 * 0.9 * 0.1) / 1000
    assert high - low == pytest.approx(2 * Z * spread, rel=0.08)


def test_bootstrap_keeps_the_size_of_classes() -> None:
    def least_class(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(confusions.sum(axis=-1).min(axis=-1), dtype=np.float64)

    assert bootstrap(least_class, np.array([[3, 4], [90, 10]])) == (7, 7)


def test_bootstrap_of_a_class_without_images_and_of_no_errors() -> None:
    assert bootstrap(accuracy, np.array([[9, 0, 0], [0, 0, 0], [0, 0, 9]])) == (1, 1)
