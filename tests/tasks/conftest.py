"""A data folder with MLflow's store in it, for tasks that are called without a flow."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from infra.mlflow_store import prepare_tracking_store, tracking_uri


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty store: to make one takes seconds. Not to be changed: copy it."""
    data = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("MLFLOW_TRACKING_URI", raising=False)
        prepare_tracking_store(data)
    return data / "mlflow" / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own with an empty store, which MLflow uses."""
    data = tmp_path / "data"
    monkeypatch.setenv("LFW_DATA", str(data))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (data / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, data / "mlflow" / "mlflow.db")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking_uri(data))
    yield data
    mlflow.set_tracking_uri(before)
