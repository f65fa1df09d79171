import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from lfw.comparison import (
    compare_pairs,
    corrected_interval,
    corrected_t,
    exact_mcnemar,
    holm,
    summarise,
    without_p,
)
from lfw.intervals import wilson


def test_the_corrected_t_test_by_hand() -> None:
    # mean 0.04, variance 0.0004, corrected variance of the mean 0.0004 (1/3 + 1/4), so t² = 48/7;
    # with two degrees of freedom p = 1 - t / sqrt(t² + 2).
    found = corrected_t([0.02, 0.04, 0.06], 0.25)
    squared = 48 / 7
    assert found.p == pytest.approx(1 - math.sqrt(squared / (squared + 2)))
    assert found.p == pytest.approx(0.120117, abs=1e-6)
    assert found.mean == pytest.approx(0.04)
    assert (found.splits, found.above) == (3, 3)
    turned = corrected_t([-0.02, -0.04, -0.06], 0.25)
    assert turned.p == pytest.approx(found.p)
    assert turned.above == 0


@pytest.mark.parametrize(
    ("gains", "why"),
    [
        ([0.3], "not enough data"),
        ([0.1, 0.1, 0.1], "all gains equal"),
        ([0.0, 0.0], "all gains equal"),
    ],
)
def test_one_split_or_no_spread_has_no_p_value(gains: list[float], why: str) -> None:
    assert corrected_t(gains, 0.25).p is None
    assert without_p(len(gains)) == why


def test_the_interval_is_where_the_test_turns() -> None:
    values = [0.91, 0.95, 0.93, 0.97]
    low, high = corrected_interval(values, 0.25)
    assert corrected_t([value - low for value in values], 0.25).p == pytest.approx(0.05)
    assert corrected_t([value - high for value in values], 0.25).p == pytest.approx(0.05)
    with pytest.raises(ValueError, match="at least two"):
        corrected_interval([0.9], 0.25)


def test_mcnemar_by_hand() -> None:
    # 6 and 1 images that one alone has right: p = 2 (1 + 7) / 2^7.
    right = [True] * 6 + [False] + [True] * 5
    other = [False] * 6 + [True] + [True] * 5
    assert exact_mcnemar(right, other) == (6, 1, 0.125)
    assert exact_mcnemar(right, right) == (0, 0, 1.0)


def test_mcnemar_is_the_binomial_test_of_scipy() -> None:
    for only in range(30):
        for only_other in range(1, 30):
            right = np.repeat([True, False], [only, only_other])
            expected = binomtest(only, only + only_other).pvalue
            assert exact_mcnemar(right, ~right)[2] == pytest.approx(expected, rel=1e-12)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, None, 0.6]) == [1.0, None, 1.0]
    assert holm([]) == []


def scores(**accuracy: list[float]) -> pd.DataFrame:
    """One selection, one row a classifier and seed; 20 test images to 80."""
    rows: list[dict[str, Any]] = [
        {
            "selection": "top 2 x 50",
            "classifier": name,
            "baseline": name in {"majority", "hog_lda", "eigenfaces_svm"},
            "outside_data": False,
            "seed": seed,
            "accuracy": value,
            "macro_f1": value / 2,
            "hits": round(20 * value),
            "test_images": 20,
            "train_images": 80,
        }
        for name, values in accuracy.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def right(given: pd.DataFrame) -> pd.DataFrame:
    """Answers that fit the scores: the first images are right."""
    return pd.DataFrame(
        [
            {
                "selection": row["selection"],
                "seed": row["seed"],
                "image_path": f"{row['seed']}/{number}.jpg",
                "classifier": row["classifier"],
                "right": number < row["hits"],
            }
            for row in given.to_dict("records")
            for number in range(20)
        ]
    )


def test_the_table_has_each_classifier_over_the_seeds() -> None:
    frame = summarise(scores(hog=[0.8, 0.9, 1.0], majority=[0.5, 0.5, 0.5])).set_index("classifier")
    hog = frame.loc["hog"]
    figures = [hog["mean"], hog["sd"], hog["min"], hog["max"], hog["macro_f1"]]
    assert figures == pytest.approx([0.9, 0.1, 0.8, 1.0, 0.45])
    assert (hog["seeds"], hog["test_images"], hog["baseline"]) == (3, 20, False)
    assert hog["low"] < 0.9 < hog["high"] <= 1
    majority = frame.loc["majority"]
    assert (majority["low"], majority["high"]) == wilson(10, 20), "no spread, no certainty"


def test_pairs_are_tested_on_the_splits_that_both_have() -> None:
    given = scores(hog=[0.8, 0.9, 1.0], compact=[0.7, 0.9, 0.8], hog_lda=[0.6, 0.6, 0.8])
    given = given[~((given["classifier"] == "compact") & (given["seed"] == 0))]
    found = compare_pairs(given, right(given))
    assert list(zip(found["first"], found["second"], strict=True)) == [
        ("hog", "compact"),
        ("hog", "hog_lda"),
        ("compact", "hog_lda"),
    ]
    first = found.iloc[0]
    assert first["seeds"] == 2
    assert first["gain"] == pytest.approx(0.1)
    assert first["t_p"] == pytest.approx(corrected_t([0.0, 0.2], 0.25).p)
    assert (first["mcnemar_seed"], first["only_first"], first["only_second"]) == (1, 0, 0)
    second = found.iloc[1]
    assert (second["mcnemar_seed"], second["only_first"], second["only_second"]) == (0, 4, 0)
    assert second["mcnemar_p"] == pytest.approx(2 / 2**4)
    assert second["mcnemar_holm"] >= second["mcnemar_p"]


def test_baselines_are_not_tested_with_each_other_nor_the_majority_at_all() -> None:
    given = scores(hog=[0.8], hog_lda=[0.6], eigenfaces_svm=[0.5], majority=[0.5])
    found = compare_pairs(given, right(given))
    assert {(row.first, row.second) for row in found.itertuples()} == {
        ("hog", "hog_lda"),
        ("hog", "eigenfaces_svm"),
    }
    assert found["t_p"].isna().all()
    assert found["t_holm"].isna().all()
    assert found["mcnemar_p"].notna().all()
