"""Where MLflow keeps its runs: the tracking store, made once and kept up to date."""

import contextlib
import importlib.metadata
import json
import logging
import os
import re
import sqlite3
from pathlib import Path

from filelock import FileLock

from infra.supervisor import write_atomically
from lfw.errors import InputError, LfwError

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""How the address of a tracking store begins that is a database."""

_LOGIN = re.compile(
    r"(?<=://)(?:[^/?#\s]*@"
    # A database's password may hold a slash; digits alone before one are a port.
    r"|[^:/?#@\[\s]*:(?!\d*[/?#])\S*@)"
)


def tracking_uri(data_folder: Path) -> str:
    """Return the tracking store: ``MLFLOW_TRACKING_URI``, or SQLite in the data folder."""
    if uri := os.environ.get("MLFLOW_TRACKING_URI", "").strip():
        return uri
    return f"sqlite:///{mlflow_folder(data_folder) / 'mlflow.db'}"


def artifact_root(data_folder: Path) -> str:
    """Return the absolute folder in which new experiments keep their artifacts."""
    return str(mlflow_folder(data_folder) / "artifacts")


def check_tracking_server(data_folder: Path) -> None:
    """See that the MLflow server answers, if ``MLFLOW_TRACKING_URI`` names one.

    MLflow itself would try for minutes.

    Raises
    ------
    InputError
        If it does not answer.
    """
    uri = tracking_uri(data_folder)
    if not uri.startswith(("http://", "https://")):
        return
    import httpx

    try:
        status = httpx.get(f"{uri.rstrip('/')}/health", timeout=10).status_code
        why = f"/health says {status}" if status >= 500 else ""
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why = str(error) or type(error).__name__
    if why:
        raise InputError(
            f"No MLflow server answers at MLFLOW_TRACKING_URI={without_password(uri)} ({why}): "
            "start it or correct the address, or unset MLFLOW_TRACKING_URI to use a local store."
        )


def prepare_tracking_store(data_folder: Path) -> None:
    """Create the tracking database, or bring its schema up to date, once.

    Processes that open a fresh database at the same time would crash in its migrations. It costs
    a few milliseconds if the database is up to date. A server is left alone; a database that the
    user named is created if it is empty but never migrated.

    Parameters
    ----------
    data_folder
        The project's data folder.

    Raises
    ------
    LfwError
        If the database cannot be created or migrated.
    """
    uri = tracking_uri(data_folder)
    if not uri.startswith(DATABASES):
        return
    folder = mlflow_folder(data_folder)
    folder.mkdir(parents=True, exist_ok=True)
    own = uri == f"sqlite:///{folder / 'mlflow.db'}"
    with FileLock(folder / "migration.lock"):
        if own and schema_up_to_date(folder):
            return
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            _migrate(uri, folder, own)
        except Exception as error:
            raise LfwError(
                f"MLflow's database {without_password(uri)} cannot be made ready: {error}"
            ) from error


def mlflow_folder(data_folder: Path) -> Path:
    """Return the folder of the local store, its artifacts and the server's log."""
    return data_folder.resolve() / "mlflow"


def schema_up_to_date(folder: Path) -> bool:
    """Compare with what the last migration noted, without importing MLflow (seconds)."""
    try:
        noted = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(noted == _schema(folder / "mlflow.db"))


def _schema(database: Path) -> dict[str, str] | None:
    if not database.exists():
        return None
    with contextlib.closing(sqlite3.connect(database)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.Error:
            return None
    return {"mlflow": importlib.metadata.version("mlflow"), "revision": row[0]} if row else None


def _migrate(uri: str, folder: Path, own: bool) -> None:
    database = folder / "mlflow.db"
    before = _schema(database) if own else None
    if before:
        _copy(database, folder / f"mlflow.db.before-{before['revision']}")

    import mlflow.db
    import mlflow.store.db.utils
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # It announces the tables of every new data folder on standard error.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    if own:
        mlflow.db.commands.main(["upgrade", uri], standalone_mode=False)
    # Creates the default experiment, whose place for artifacts is fixed from then on.
    SqlAlchemyStore(uri, str(folder / "artifacts"))  # type: ignore[no-untyped-call]
    if own:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # readers and a writer at the same time
        after = _schema(database)
        write_atomically(folder / "schema.json", json.dumps(after))
        if before and after and before["revision"] == after["revision"]:
            (folder / f"mlflow.db.before-{before['revision']}").unlink()


def _copy(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def without_password(text: str) -> str:
    """Return an address, or a text with addresses in it, as it may be shown: without logins."""
    return _LOGIN.sub("", text)
