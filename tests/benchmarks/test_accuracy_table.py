"""The tables of accuracy say what their rows say."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy_table import against, best_shallow, check_whole, result_of, tables
from lfw.errors import InputError

SEEDS = 4


def rows_of(protocol: str, model: str, accuracy: list[float], **more: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "protocol": protocol,
            "model": model,
            "seed": range(len(accuracy)),
            "accuracy": accuracy,
            "macro_f1": [value - 0.01 for value in accuracy],
            "test_images": 90,
            "train_images": 360,
            "identified": more.get("identified", np.nan),
            "accepted": more.get("accepted", np.nan),
            "identified_at_far": more.get("identified_at_far", np.nan),
        }
    )


ROWS = pd.concat(
    [
        rows_of("6x75", "hog_lda", [0.90, 0.94, 0.92, 0.96]),
        rows_of("6x75", "hog", [0.94, 0.94, 0.94, 0.94]),
        rows_of("6x75", "eigenfaces_svm", [0.8, 0.8, 0.8, 0.84]),
        rows_of("6x75", "embedding", [0.95, 0.96, 0.97, 0.92], identified=0.9, accepted=0.01,
                identified_at_far=0.89),
        rows_of("12x50", "embedding", [0.9, 1.0]),
    ]
)  # fmt: skip


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_best_shallow_method_is_the_best_of_all_of_them() -> None:
    inside = ROWS[ROWS["protocol"] == "6x75"]
    assert best_shallow(inside) == "hog"
    assert best_shallow(inside[inside["model"] != "hog"]) == "hog_lda"
    assert best_shallow(inside[inside["model"] == "embedding"]) is None


def test_gains_are_taken_split_by_split_whatever_the_order() -> None:
    inside = ROWS[ROWS["protocol"] == "6x75"]
    turned = pd.concat([inside[inside["model"] == "embedding"].iloc[::-1], inside.iloc[:-SEEDS]])
    for some in (inside, turned):
        said = against(some, "embedding", "hog_lda")
        assert said.startswith("+0.020, above on 3 of 4, p = ")
    assert against(inside, "embedding", "notebook") == "–"  # noqa: RUF001


def test_tables_have_a_row_a_protocol_and_a_column_a_model() -> None:
    found = tables(ROWS).split("\n\n")
    accuracy, f1, gains, strangers = (found[k].splitlines() for k in (1, 3, 5, 7))
    assert cells(accuracy[0])[1:] == ["eigenfaces + SVM", "HOG + LDA", "`hog`", "`embedding`"]
    assert cells(accuracy[2])[1:] == [
        "0.810 (0.020)", "0.930 (0.026)", "0.940 (0.000)", "0.950 (0.022)",
    ]  # fmt: skip
    assert cells(accuracy[3])[1:] == ["–", "–", "–", "0.950 (0.071)"]  # noqa: RUF001
    assert cells(f1[2])[-1] == "0.940 (0.022)"
    assert cells(gains[2])[1] == "`hog`"
    assert cells(gains[2])[2].startswith("+0.010, above on 3 of 4")
    assert len(strangers) == 3, "12x50 was asked about no strangers"
    assert cells(strangers[2])[1:] == ["0.900 (0.000)", "0.010 (0.000)", "0.890 (0.000)"]


def test_what_is_kept_has_every_split() -> None:
    result = result_of(ROWS, "make accuracy", {"seeds": "0 to 3"})
    assert result.taken["6x75, hog_lda: accuracy"] == [0.90, 0.94, 0.92, 0.96]
    assert result.taken["6x75, embedding: accepted"] == [0.01] * SEEDS
    assert "6x75, hog_lda: accepted" not in result.taken
    assert result.table == tables(ROWS)


def test_what_was_not_measured_on_all_splits_is_not_kept() -> None:
    check_whole(ROWS[ROWS["protocol"] == "6x75"], SEEDS)
    with pytest.raises(InputError, match="embedding under 12x50: 2"):
        check_whole(ROWS, SEEDS)
