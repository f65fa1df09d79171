"""Answers are compared as they are spelt."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from mlflow import MlflowClient
from prefect.futures import PrefectFuture

from lfw.errors import LfwError
from lfw.parameters import TrainParameters
from tasks import comparing
from tasks.cells import _row
from tasks.comparing import (
    _DESCRIBED,
    _right,
    compare_cells,
    describe,
    show_comparison,
)
from tasks.stages import StageOutput, Work


def cell(**other: Any) -> dict[str, Any]:
    """A cell that went well."""
    accuracy = {"value": 0.75, "low": 0.5, "high": 1.0}
    measured = {"accuracy": accuracy, "macro_f1": accuracy}
    row: dict[str, Any] = {
        "selection": "3 all",
        "model": "hog",
        "embedding": None,
        "outside_data": False,
        "seed": 0,
        "failure": None,
        "scores": measured,
        "baselines": {"majority": measured},
        "split_digest": "d" * 64,
        "test_images": 4,
        "train_images": 9,
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


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, str]:
    """The answers of a cell and of its baselines, on disk."""
    given = {"image_path": ["a", "b", "c", "d"], "truth": [0, 0, 1, 1], "answer": [0, 0, 1, 0]}
    frame = pd.DataFrame(given)
    frame.to_csv(tmp_path / "own.csv", index=False)
    frame.assign(majority=0).to_csv(tmp_path / "baselines.csv", index=False)
    return {
        "answers": str(tmp_path / "own.csv"),
        "baseline_answers": str(tmp_path / "baselines.csv"),
    }


def failed(wanted: TrainParameters) -> dict[str, Any]:
    """The row of a cell that failed."""

    def fail() -> None:
        raise LfwError("too few images")

    return _row(wanted, cast("PrefectFuture[Any]", SimpleNamespace(wait=fail)))


def test_a_comparison_says_on_which_embedding_its_models_rest(
    answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        cell(model="embedding", embedding="3", **answers),
        failed(TrainParameters(model="embedding", embedding="3")),
        failed(TrainParameters(model="hog")),
    ]
    assert [row["embedding"] for row in rows] == ["3", "3", None]
    assert compare_cells.key([rows[0]]) != compare_cells.key([rows[0] | {"embedding": "4"}])
    work = Work(tmp_path / "work", lambda _: None, "run")
    work.folder.mkdir()
    found = compare_cells.function(work, rows)
    assert found.facts["embedding"] == "3"
    assert "The model embedding rests on lfw-embedding version 3." in found.markdown

    shown: dict[str, Any] = {}
    kept: list[str] = []
    monkeypatch.setattr(
        comparing, "create_table_artifact", lambda key, table, **_: shown.update({key: table})
    )
    monkeypatch.setattr(comparing, "add_to_description", lambda _, text: kept.append(text))
    monkeypatch.setattr(MlflowClient, "log_table", lambda *_: None)
    show_comparison.fn("run", rows, StageOutput("compare", "k", work.folder, {}, "run", found))
    assert [row["embedding"] for row in shown["comparison-cells"]] == ["3", "3", ""]
    assert "rests on lfw-embedding version 3." in kept[0]


def test_a_comparison_of_other_models_speaks_of_no_embedding(
    answers: dict[str, str], tmp_path: Path
) -> None:
    found = compare_cells.function(Work(tmp_path, lambda _: None, "run"), [cell(**answers)])
    assert found.facts["embedding"] is None
    assert "lfw-embedding" not in found.markdown


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
    assert "hog (OUTSIDE DATA)" in text
    assert "hog_lda (baseline)" in text
    assert "0.123" in text
    assert len(describe([row] * 10 * _DESCRIBED)) < 8000 - 500
    assert "compare" in describe([])
