"""Answers are compared as they are spelt."""

from pathlib import Path

import pandas as pd

from tasks.comparing import _DESCRIBED, _right, describe, shown_tests


def test_a_person_whose_name_reads_as_nothing_is_compared(tmp_path: Path) -> None:
    rows = {"image_path": ["a", "b", "c"], "truth": ["NA", "Ann", "null"]}
    pd.DataFrame(rows | {"answer": ["NA", "NA", "null"]}).to_csv(tmp_path / "own.csv", index=False)
    given = {"image_path": ["a", "b", "c"], "truth": [0, 1, 2], "majority": [0, 0, 0]}
    pd.DataFrame(given).to_csv(tmp_path / "baseline.csv", index=False)
    row = {
        "answers": str(tmp_path / "own.csv"),
        "baseline_answers": str(tmp_path / "baseline.csv"),
        "baselines": {"majority": {}},
        "selection": "3 all",
        "seed": 0,
        "model": "hog",
    }
    right = _right([row]).groupby("classifier")["right"].apply(list)
    assert right["hog"] == [True, False, True]
    assert right["majority"] == [True, False, False]


def test_a_test_without_a_p_value_says_why() -> None:
    tests = pd.DataFrame(
        {
            "seeds": [1, 3, 3],
            "t_p": [None, None, 0.02],
            "t_holm": [None, None, 0.06],
            "mcnemar_p": [0.5, 1.0, 0.1],
        }
    )
    shown = shown_tests(tests)
    assert shown["t_p"].tolist() == ["not enough data", "all gains equal", 0.02]
    assert shown["t_holm"].tolist() == ["not enough data", "all gains equal", 0.06]
    assert shown["mcnemar_p"].tolist() == [0.5, 1.0, 0.1]


def test_the_page_of_a_comparison_sums_it_up_within_mlflows_limit() -> None:
    row = {
        "selection": "Serena_Williams,Jacques_Chirac x balanced",
        "classifier": "hog",
        "baseline": False,
        "outside_data": True,
        "seeds": 10,
        "test_images": 90,
        **dict.fromkeys(("mean", "sd", "min", "max", "low", "high", "macro_f1"), 0.123456789),
    }
    text = describe([row, row | {"classifier": "hog_lda", "baseline": True, "outside_data": False}])
    assert "hog*" in text
    assert "(hog_lda)" in text
    assert "0.123" in text
    assert len(describe([row] * 10 * _DESCRIBED)) < 8000 - 500
    assert "compare" in describe([])
