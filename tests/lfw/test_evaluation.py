"""Figures are right by hand; mistakes come surest first; small groups stay without a figure."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from lfw.evaluation import (
    Score,
    calibrate,
    count_confusions,
    list_mistakes,
    mcnemar,
    score,
    score_classes,
    score_groups,
)
from lfw.intervals import wilson, wilson_of_people

CLASSES = ("Ann", "Bob", "Cat")
TRUTH = np.array([0, 0, 0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 0, 1])  # Cat is never answered


def test_scores_by_hand() -> None:
    scores = score(TRUTH, PREDICTED)
    assert scores["accuracy"].value == pytest.approx(4 / 8)
    assert (scores["accuracy"].low, scores["accuracy"].high) == wilson(4, 8)
    # Ann: precision 3/5, recall 3/4; Bob: 1/3 and 1/2; Cat: 0.
    assert scores["macro_f1"].value == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)
    assert scores["balanced_accuracy"].value == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)


def test_intervals_hold_their_value_and_stay_the_same() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(6), 15)
    predicted = np.where(rng.random(90) < 0.8, truth, rng.integers(0, 6, 90))
    scores = score(truth, predicted)
    assert scores == score(truth, predicted)
    for figure in scores.values():
        assert 0 < figure.low < figure.value < figure.high < 1


def test_no_errors_are_no_certainty() -> None:
    scores = score(np.repeat([0, 1], 10), np.repeat([0, 1], 10))
    low, high = wilson(20, 20)
    for found in scores.values():
        assert (found.value, found.low, found.high) == pytest.approx((1, low, high))
    assert low < 0.9


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=50)


@pytest.mark.filterwarnings("ignore:A single label:UserWarning")
@given(answers)
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    scores = score(truth, predicted)
    labels = np.unique(truth)
    expected = f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    assert scores["macro_f1"].value == pytest.approx(expected)
    recalls = [np.mean(predicted[truth == label] == label) for label in labels]
    assert scores["balanced_accuracy"].value == pytest.approx(np.mean(recalls))
    if set(predicted) <= set(truth):
        sklearns = balanced_accuracy_score(truth, predicted)
        assert scores["balanced_accuracy"].value == pytest.approx(sklearns)


def test_score_is_written_with_its_interval() -> None:
    assert str(Score(0.9444, 0.8764, 0.976)) == "0.944 [0.876, 0.976]"


def test_classes_by_hand() -> None:
    table = score_classes(TRUTH, PREDICTED, CLASSES).set_index("name")
    assert list(table.loc["Ann"]) == pytest.approx([3 / 5, 3 / 4, 2 / 3, 4])
    assert list(table.loc["Bob"]) == pytest.approx([1 / 3, 1 / 2, 2 / 5, 2])
    assert list(table.loc["Cat"]) == [0, 0, 0, 2]
    assert table.columns.tolist() == ["precision", "recall", "f1", "support"]


def test_confusions_by_hand() -> None:
    counts = count_confusions(TRUTH, PREDICTED, CLASSES)
    assert counts.to_numpy().tolist() == [[3, 1, 0], [1, 1, 0], [1, 1, 0]]
    assert counts.index.tolist() == counts.columns.tolist() == list(CLASSES)


def test_calibration_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.92, 0.08], [0.35, 0.65], [0.62, 0.38]])
    found = calibrate(np.array([0, 1, 1, 0]), probabilities)
    assert found.bins["low"].tolist() == pytest.approx([0.6, 0.9])
    assert found.bins["high"].tolist() == pytest.approx([0.7, 1.0])
    assert found.bins["images"].tolist() == [2, 2]
    assert found.bins["probability"].tolist() == pytest.approx([0.635, 0.935])
    assert found.bins["accuracy"].tolist() == [1.0, 0.5]
    assert found.expected_error == pytest.approx((0.365 + 0.435) / 2)
    squares = 2 * (0.05**2 + 0.92**2 + 0.35**2 + 0.38**2)
    assert found.brier == pytest.approx(squares / 4)


def test_certain_answers_fall_into_the_last_bin() -> None:
    found = calibrate(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert found.bins[["low", "images", "accuracy"]].to_numpy().tolist() == [[0.9, 2, 0.5]]
    assert found.expected_error == pytest.approx(0.5)
    assert found.brier == pytest.approx(1.0)


def test_mistakes_come_surest_first() -> None:
    probabilities = np.array(
        [[0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0.9, 0.05, 0.05], [0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]
    )
    found = list_mistakes(
        ["e.jpg", "d.jpg", "c.jpg", "b.jpg", "a.jpg"],
        np.array([1, 0, 0, 1, 2]),
        probabilities,
        CLASSES,
    )
    assert found["image_path"].tolist() == ["b.jpg", "d.jpg", "e.jpg"]
    assert found["truth"].tolist() == ["Bob", "Ann", "Bob"]
    assert found["answer"].tolist() == ["Ann", "Cat", "Ann"]
    assert found["probability"].tolist() == pytest.approx([0.7, 0.7, 0.5])
    assert found["truth_probability"].tolist() == pytest.approx([0.2, 0.1, 0.4])
    assert found.index.tolist() == [0, 1, 2]


def test_no_mistakes_are_an_empty_table() -> None:
    found = list_mistakes(["a.jpg"], np.array([0]), np.array([[1.0, 0.0]]), ("Ann", "Bob"))
    assert found.empty
    assert "truth_probability" in found


def test_groups_have_a_figure_only_from_twenty_images() -> None:
    paths = [f"{k}.jpg" for k in range(45)]
    annotations = pd.DataFrame({"image_path": paths[:39], "kind": ["a"] * 20 + ["b"] * 19})
    truth = np.array([0, 1] * 22 + [0])
    predicted = truth.copy()
    predicted[:5] = 2
    found = score_groups(annotations, paths, truth, predicted).set_index("group")
    assert found.index.tolist() == ["a", "b", "no label"]
    assert found["images"].tolist() == [20, 19, 6]
    assert found["people"].tolist() == [2, 2, 2]
    assert found.loc["a", "accuracy"] == pytest.approx(0.75)
    low, high = wilson_of_people(predicted[:20] == truth[:20], truth[:20])
    assert list(found.loc["a", ["low", "high"]]) == pytest.approx([low, high])
    assert low < wilson(15, 20)[0] < wilson(15, 20)[1] < high  # two people say little of others
    assert found.loc["a", "note"] == ""
    for group in ("b", "no label"):
        assert found.loc[group, "note"] == "not enough data"
        assert found.loc[group, ["accuracy", "low", "high"]].isna().all()


def test_a_group_of_one_person_has_no_figure() -> None:
    paths = [f"{k}.jpg" for k in range(40)]
    annotations = pd.DataFrame({"image_path": paths, "kind": "a"})
    found = score_groups(annotations, paths, np.zeros(40, np.int64), np.zeros(40, np.int64))
    assert found["note"].tolist() == ["not enough data"]


@pytest.mark.parametrize(
    ("only", "only_other", "expected"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (1, 0, 1.0),
        (6, 0, 2 / 2**6),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
        (2, 8, 2 * (1 + 10 + 45) / 2**10),
    ],
)
def test_mcnemar_by_hand(only: int, only_other: int, expected: float) -> None:
    truth = np.zeros(only + only_other + 7, dtype=np.int64)
    predicted, other = truth.copy(), truth.copy()
    other[:only] = 1
    predicted[only : only + only_other] = 1
    predicted[-2:] = 1  # both err: this decides nothing
    other[-2:] = 2
    assert mcnemar(truth, predicted, other) == pytest.approx(expected)
