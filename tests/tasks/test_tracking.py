"""Pages in MLflow: where they are kept, and where they are shown."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from infra.mlflow_store import tracking_uri
from infra.running import live_runs, orphaned_runs
from lfw.fetch import Dataset
from lfw.sources import Source
from tasks.tracking import (
    artifact_file,
    artifact_url,
    claim,
    log_dataset,
    log_page,
    model_url,
    owned,
    run_url,
)
from tests.databases import copy_databases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, databases: Path) -> Iterator[Path]:
    """A data folder with a fresh store."""
    made = tmp_path_factory.mktemp("tracking")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("LFW_MLFLOW_URL", raising=False)
        copy_databases(databases, made)
        former = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(tracking_uri(made))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        try:
            yield made
        finally:
            mlflow.set_tracking_uri(former)


def new_run(place: str) -> str:
    client = MlflowClient()
    filed_in = client.create_experiment(place, artifact_location=place)
    run = client.create_run(filed_in, tags={"mlflow.note.content": "Before."})
    return str(run.info.run_id)


def test_a_page_is_kept_shown_and_told_of(folder: Path) -> None:
    run_id = new_run(str(folder / "kept with a blank"))
    log_page(run_id, "<p>é</p>", "page.html")
    file = artifact_file(run_id, "page.html")
    assert file is not None
    assert file.read_text(encoding="utf-8") == "<p>é</p>"
    assert artifact_file(run_id, "other.html") is None
    note = MlflowClient().get_run(run_id).data.tags["mlflow.note.content"]
    assert note.startswith("Before.")
    assert "page.html" in note
    shown = run_url(folder, run_id)
    assert shown.startswith("http://127.0.0.1:5000/#/experiments/")
    assert artifact_url(folder, run_id, "page.html") == shown.replace(
        run_id, f"{run_id}/artifacts/page.html"
    )
    assert "/#/models/lfw-faces/versions/7?" in model_url(folder, "lfw-faces", "7")


def test_what_a_server_keeps_has_no_path_here(folder: Path) -> None:
    assert folder.is_dir()
    assert artifact_file(new_run("mlflow-artifacts:/elsewhere"), "page.html") is None


DATASET = Dataset("x", "x", Source("sample", "drawn"), "synthetic", None, "drawn", "0", "0", "0")
DOUBLED = "(sqlite3.IntegrityError) UNIQUE constraint failed: datasets.name"


@pytest.mark.parametrize(
    ("failures", "told"), [([], 1), ([DOUBLED], 2), ([DOUBLED] * 2, 3), ([DOUBLED] * 3, 3)]
)
def test_a_data_set_that_another_run_logs_at_the_same_time_is_logged_on_another_try(
    failures: list[str], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def log_inputs(_client: MlflowClient, run_id: str, _inputs: object) -> None:
        asked.append(run_id)
        if len(asked) <= len(failures):
            raise MlflowException(failures[len(asked) - 1])

    monkeypatch.setattr(MlflowClient, "log_inputs", log_inputs)
    if len(failures) < 3:
        log_dataset("a run", DATASET)
    else:
        with pytest.raises(MlflowException, match="UNIQUE"):
            log_dataset("a run", DATASET)
    assert asked == ["a run"] * told


def test_other_trouble_with_a_data_set_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def log_inputs(_client: MlflowClient, run_id: str, _inputs: object) -> None:
        asked.append(run_id)
        raise MlflowException("refused")

    monkeypatch.setattr(MlflowClient, "log_inputs", log_inputs)
    with pytest.raises(MlflowException, match="refused"):
        log_dataset("a run", DATASET)
    assert len(asked) == 1


@pytest.mark.timeout(30)  # it would wait for itself
def test_a_runs_lock_is_taken_once_and_let_go_by_its_end(tmp_path: Path) -> None:
    for _ in range(2):
        claim(tmp_path, "run")
    assert live_runs(tmp_path) == ["run"]
    with owned(tmp_path, "run"):
        claim(tmp_path, "run")
        assert live_runs(tmp_path) == ["run"]
    assert live_runs(tmp_path) == orphaned_runs(tmp_path) == []
    claim(tmp_path, "run")
    with owned(tmp_path, "run"):
        assert live_runs(tmp_path) == ["run"]
