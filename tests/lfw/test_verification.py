import numpy as np
import pytest
from numpy.typing import NDArray

from lfw.verification import (
    area_under_roc,
    best_threshold,
    crossed_accuracy,
    crossed_parts,
    verify,
    verify_crossed,
    verify_once,
)

SAME = np.array([True, True, False, False])


def test_a_fold_is_judged_by_the_threshold_of_the_others() -> None:
    same = np.concatenate([SAME, SAME])
    likeness = np.array([0.9, 0.8, 0.2, 0.1, 0.9, 0.4, 0.3, 0.2])
    folds = np.repeat([1, 2], 4)
    found = verify(same, likeness, folds)
    assert found.folds["threshold"].tolist() == pytest.approx([0.35, 0.5])
    assert found.folds["threshold_pairs"].tolist() == [4, 4]
    assert found.folds["accuracy"].tolist() == [1, 0.75]
    assert found.accuracy == 0.875
    assert found.standard_error == pytest.approx(0.125)
    assert found.auc == 1
    assert found.tar_at_far == 1


def test_a_fold_may_have_a_measure_of_its_own() -> None:
    same = np.concatenate([SAME, SAME])
    good = np.array([0.9, 0.8, 0.2, 0.1, 0.9, 0.8, 0.2, 0.1])
    folds = np.repeat([1, 2], 4)
    found = verify(same, np.stack([good, good + 1]), folds)
    assert found.folds["threshold"].tolist() == pytest.approx([0.5, 1.5])
    assert found.accuracy == 1


def test_only_usable_folds_set_a_threshold() -> None:
    same = np.tile(SAME, 3)
    likeness = np.concatenate([[0.9, 0.8, 0.2, 0.1], [0.7, 0.6, 0.2, 0.0], [9, 8, 7, 6]])
    folds = np.repeat([1, 2, 3], 4)
    found = verify(same, likeness, folds, [(2,), (1,), (1,)])
    assert found.folds["threshold"].tolist() == pytest.approx([0.4, 0.5, 0.5])
    assert found.folds["threshold_pairs"].tolist() == [4, 4, 4]
    assert found.folds["accuracy"].tolist() == [1, 1, 0.5]


def test_a_fold_never_sets_its_own_threshold() -> None:
    with pytest.raises(ValueError, match="fold 1 may not set its own"):
        verify(SAME, np.arange(4.0), np.array([1, 2, 1, 2]), [(1,), (1,)])


def test_a_likeness_that_is_not_known_is_refused() -> None:
    likeness = np.array([0.9, np.nan, 0.2, 0.1])
    with pytest.raises(ValueError, match="likeness is not known"):
        verify(SAME, likeness, np.array([1, 2, 1, 2]))


def test_once_both_kinds_of_pairs_weigh_alike() -> None:
    before = (SAME, np.array([0.9, 0.8, 0.2, 0.1]))
    same = np.array([True] * 4 + [False])
    found = verify_once(before, (same, np.array([0.9, 0.8, 0.7, 0.1, 0.2])))
    assert found.folds["threshold"].tolist() == pytest.approx([0.5])
    assert found.folds["threshold_pairs"].tolist() == [4]
    assert found.accuracy == pytest.approx((0.75 + 1) / 2)
    assert found.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 4) / 2)
    assert found.auc == 0.75


def test_the_best_threshold_lies_between_two_pairs() -> None:
    assert best_threshold(SAME, np.array([0.9, 0.5, 0.4, 0.1])) == pytest.approx(0.45)
    with pytest.raises(ValueError, match="pairs of one person and pairs of two"):
        best_threshold(np.array([True, True]), np.array([0.1, 0.2]))


@pytest.mark.parametrize(
    ("same", "likeness", "threshold"),
    [
        ([0, 0, 1, 1], [1, 2, 3, 4], 2.5),
        ([1, 0, 0, 1], [4, 1, 2, 3], 2.5),
        ([0, 0, 0, 0, 1], [1, 4, 5, 6, 3], 2),  # both kinds weigh alike
        ([0, 1], [2, 2], 1.5),  # nothing lies between equals
        ([1, 0], [1, 2], 0.5),
        ([0, 1, 0, 1], [-3, -2, -4, -1], -2.5),
    ],
)
def test_best_threshold_by_hand(same: list[int], likeness: list[float], threshold: float) -> None:
    assert best_threshold(np.array(same, bool), np.array(likeness, float)) == threshold


def test_true_accepts_are_read_where_one_in_a_hundred_is_false() -> None:
    matched = [250, 199.5, 150.5, 100.5]  # above 0, 1, 50 and 100 of the mismatched
    likeness = np.array([*matched, *range(1, 201)] * 2)
    same = np.tile(np.arange(204) < 4, 2)
    found = verify(same, likeness, np.repeat([1, 2], 204))
    assert found.tar_at_far == 0.5
    roc = found.roc.set_index("false_accepts")["true_accepts"]
    assert roc.iloc[[2, 7, 240, 300, 1000]].tolist() == [0.25, 0.5, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("same", "likeness", "area"),
    [([1, 1, 0, 0], [3, 1, 2, 0], 0.75), ([1, 0], [5, 5], 0.5), ([1, 0, 0], [0, 1, 2], 0)],
)
def test_area_by_hand(same: list[int], likeness: list[float], area: float) -> None:
    assert area_under_roc(np.array(same, bool), np.array(likeness, float)) == area


def half(count: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(count) % 2 == 0)


@pytest.mark.parametrize("count", [2, 6, 50])
def test_separable_pairs_are_all_told(count: int) -> None:
    likeness = np.linspace(0, 1, count) + 2 * half(count)
    assert crossed_accuracy(half(count), likeness) == 1


def test_random_likeness_tells_nothing() -> None:
    likeness = np.random.default_rng(0).normal(size=2000)
    assert crossed_accuracy(half(2000), likeness) == pytest.approx(0.5, abs=0.04)


def test_crossed_pairs_are_judged_by_others() -> None:
    # However two and two are parted, one of each kind is wrong; a threshold of 0.5 errs on one.
    likeness = np.array([1.0, 0.0, 10.0, 9.0])
    assert [crossed_accuracy(half(4), likeness, seed) for seed in range(5)] == [0.5] * 5


def test_crossed_accuracy_is_balanced() -> None:
    same = np.arange(100) < 10
    likeness = np.where(same, 1.0, 0.0)
    likeness[10:55] = 1.0  # half of the mismatched ones look alike
    assert crossed_accuracy(same, likeness) == pytest.approx(0.75)


def test_each_part_is_judged_by_the_threshold_of_the_others() -> None:
    likeness = np.array([1.0, 0.0, 10.0, 9.0])
    found = verify_crossed(half(4), likeness, np.array([1, 1, 2, 2]))
    assert found.folds["threshold"].tolist() == [9.5, 0.5]
    assert found.folds["threshold_pairs"].tolist() == [2, 2]
    assert found.folds["accuracy"].tolist() == [0.5, 0.5]
    assert found.accuracy == 0.5
    # One of two of each kind is right: the error of each share is a half of a half's root.
    assert found.standard_error == pytest.approx(np.sqrt(2 * 0.25 / 2) / 2)
    assert found.auc == 1


def test_crossed_accuracy_is_that_of_the_parts() -> None:
    same = np.arange(400) % 4 == 0
    likeness = np.random.default_rng(0).normal(size=400) + same
    found = verify_crossed(same, likeness, crossed_parts(same))
    assert found.accuracy == pytest.approx(crossed_accuracy(same, likeness))
    assert 0.6 < found.accuracy < 0.8


@pytest.mark.parametrize(("pairs", "parts"), [(400, 10), (12, 3)])
def test_parts_have_their_share_of_both_kinds(pairs: int, parts: int) -> None:
    same = np.arange(pairs) % 4 == 0
    found = crossed_parts(same)
    assert set(found) == set(range(1, parts + 1))
    assert {int(same[found == part].sum()) for part in set(found)} == {pairs // 4 // parts}
    assert not np.array_equal(found, crossed_parts(same, seed=1))
