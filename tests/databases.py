"""Migrated databases to start from: their whole history of migrations takes seconds a folder."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from infra.mlflow_store import artifact_root, prepare_tracking_store
from infra.prefect_server import prefect_server

_DATABASES = (Path("prefect") / "prefect.db", Path("mlflow") / "mlflow.db")
_NOTES = (Path("prefect") / "memo_store.toml", Path("mlflow") / "schema.json")
"""What the servers note beside them, not to begin all over again."""


@contextlib.contextmanager
def unnamed_servers() -> Iterator[None]:
    """Let the servers be those of a data folder, whatever the environment names."""
    names = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")
    former = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(former)


def make_databases(data: Path) -> None:
    """Make both databases of a fresh data folder, as a first command does."""
    with unnamed_servers():
        with prefect_server(data):
            pass
        prepare_tracking_store(data)
    for path in _DATABASES:
        with contextlib.closing(sqlite3.connect(data / path)) as database:
            # All into the one file, which can then be copied.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copy_databases(made: Path, data: Path) -> None:
    """Give a fresh data folder a copy of databases that were made in another."""
    for path in (*_DATABASES, *_NOTES):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / path, data / path)
    with contextlib.closing(sqlite3.connect(data / "mlflow" / "mlflow.db")) as database, database:
        # The only place that MLflow notes: where the default experiment keeps its artifacts.
        place = f"{artifact_root(data)}/0"
        database.execute("UPDATE experiments SET artifact_location = ?", (place,))
    for path in _DATABASES:
        with contextlib.closing(sqlite3.connect(data / path)) as database:
            assert str(made) not in "\n".join(database.iterdump()), f"{path} names its old folder"
