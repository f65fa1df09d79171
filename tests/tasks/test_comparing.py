"""Answers are compared as they are spelt."""

from pathlib import Path

import pandas as pd

from tasks.comparing import _right


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
