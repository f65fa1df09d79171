"""Answers are compared as they are spelt."""

from pathlib import Path
from typing import Any

import pandas as pd

from tasks.comparing import _DESCRIBED, _right, compare_cells, describe, shown_tests


def cell(**other: Any) -> dict[str, Any]:
    """A cell that went well."""
    measured = {"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}
    row = {
        "selection": "3 all",
        "model": "hog",
        "seed": 0,
        "failure": None,
        "scores": measured,
        "baselines": {"majority": measured},
        "split_digest": "d" * 64,
        "answers": "here/answers.csv",
        "answers_sha256": "a" * 64,
        "baseline_answers": "there/answers.csv",
        "baseline_answers_sha256": "b" * 64,
        "mlflow_run_id": "1" * 32,
        "stages_run": [],
    }
    return row | other


def test_a_comparison_rests_on_the_answers_and_not_on_what_they_sum_up_to() -> None:
    known = compare_cells.key([cell()])
    elsewhere = {"answers": "elsewhere/answers.csv", "mlflow_run_id": "2" * 32}
    assert compare_cells.key([cell(stages_run=["train"], **elsewhere)]) == known
    for answers in ("answers_sha256", "baseline_answers_sha256"):
        assert compare_cells.key([cell(**{answers: "c" * 64})]) != known


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
