import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.mlflow_store import artifact_root, prepare_tracking_store, tracking_uri

PREPARE = """
import sys
from pathlib import Path
from infra.mlflow_store import prepare_tracking_store
prepare_tracking_store(Path(sys.argv[1]))
"""


def test_a_fresh_store_is_made_once_by_processes_that_start_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PREPARE, str(tmp_path)]
    preparing = [subprocess.Popen(command), subprocess.Popen(command)]
    assert [process.wait() for process in preparing] == [0, 0]

    began = time.monotonic()
    prepare_tracking_store(tmp_path)
    assert time.monotonic() - began < 1
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow" / "mlflow.db")) as database:
        places = database.execute("SELECT artifact_location FROM experiments").fetchall()
    assert places == [(f"{artifact_root(tmp_path)}/0",)]


def test_the_tracking_uri_is_the_users_or_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    assert tracking_uri(tmp_path) == "http://tracking.example:5000"
    prepare_tracking_store(tmp_path)
    assert not list(tmp_path.iterdir())
