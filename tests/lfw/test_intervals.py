"""Intervals are those of the literature, and always the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lfw.evaluation import score
from lfw.intervals import wilson, wilson_of_people, wilson_over_classes


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


def test_of_equal_classes_a_mean_has_the_interval_of_all_images() -> None:
    recalls = [1, 1, 14 / 15, 1, 14 / 15, 1]
    assert wilson_over_classes(recalls, [15] * 6) == pytest.approx(wilson(88, 90))
    assert wilson_over_classes([1.0, 0, 1.0], [15, 0, 15]) == pytest.approx(wilson(30, 30))


def test_a_small_class_makes_a_mean_less_certain() -> None:
    images = 400 / 21  # 4 / (1/100 + 1/5)
    assert wilson_over_classes([0.9, 0.9], [100, 5]) == pytest.approx(wilson(0.9 * images, images))
    assert wilson_over_classes([0.8, 1], [100, 5]) == pytest.approx(wilson(0.9 * images, images))
    low, high = wilson_over_classes([1, 0.8], [100, 5])  # the small one is the hard one
    assert high - low > 1.2 * np.subtract(*wilson(0.9 * images, images)[::-1])


@pytest.mark.parametrize(
    ("values", "sizes"), [([], []), ([0, 0], [0, 0]), ([1.1], [3]), ([-0.1], [3])]
)
def test_a_mean_over_classes_is_a_share(values: list[float], sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson_over_classes(values, sizes)


def test_small_classes_that_are_hard_do_not_narrow_the_interval() -> None:
    rng, held = np.random.default_rng(0), 0
    sizes = [106, 47, 29, 24, 22, 15, 14]
    recalls = np.linspace(1, 0.85, 7)
    for _ in range(400):
        found = [rng.binomial(n, p) / n for n, p in zip(sizes, recalls, strict=True)]
        low, high = wilson_over_classes(found, sizes)
        held += low <= recalls.mean() <= high
    assert held / 400 > 0.92


@pytest.mark.parametrize("right", [0.9, 0.978])
def test_95_of_100_intervals_over_classes_hold_the_truth(right: float) -> None:
    rng = np.random.default_rng(0)
    chances = np.full((6, 6), (1 - right) / 5)
    np.fill_diagonal(chances, right)
    truth = np.repeat(np.arange(6), 15)
    held = {"macro_f1": 0, "balanced_accuracy": 0}
    for _ in range(400):
        rows = [rng.multinomial(15, row) for row in chances]
        answers = np.concatenate([np.repeat(np.arange(6), row) for row in rows])
        scores = score(truth, answers)
        for name in held:
            held[name] += scores[name].low <= right <= scores[name].high
    assert all(0.92 <= times / 400 <= 0.99 for times in held.values())  # a bootstrap: 0.78


def test_people_who_are_alike_count_by_their_images_but_for_their_number() -> None:
    people = np.repeat(np.arange(20), 5)
    one_wrong_each = np.tile([True, True, True, True, False], 20)
    images = 100 * (1.959964 / 2.093024) ** 2  # of the normal, and of t with 19 degrees of freedom
    assert wilson_of_people(one_wrong_each, people) == pytest.approx(
        wilson(0.8 * images, images), abs=1e-6
    )


def test_mistakes_of_one_person_make_a_group_less_certain() -> None:
    people = np.repeat(np.arange(20), 5)
    all_of_four = people >= 4
    images = 19 * (1.959964 / 2.093024) ** 2  # people as units, 19 of 20 for the mean
    assert wilson_of_people(all_of_four, people) == pytest.approx(
        wilson(0.8 * images, images), abs=1e-6
    )


def test_without_a_mistake_each_person_counts_for_one_image() -> None:
    people = np.repeat(np.arange(12), 6)
    assert wilson_of_people(np.ones(72, bool), people) == wilson(12, 12)
    with pytest.raises(ValueError, match="one person"):
        wilson_of_people(np.ones(50, bool), np.zeros(50, np.int64))


@pytest.mark.parametrize(("number", "images"), [(30, 8), (12, 6), (6, 15), (3, 30)])
def test_intervals_of_people_hold_the_truth_where_those_of_images_do_not(
    number: int, images: int
) -> None:
    rng = np.random.default_rng(0)
    people, held, naive = np.repeat(np.arange(number), images), 0, 0
    for _ in range(400):
        chances = rng.beta(4, 1, number)  # people differ; 0.8 on the whole
        right = rng.random(number * images) < chances[people]
        low, high = wilson_of_people(right, people)
        held += low <= 0.8 <= high
        low, high = wilson(int(right.sum()), number * images)
        naive += low <= 0.8 <= high
    assert held / 400 > 0.92
    assert naive / 400 < 0.91
