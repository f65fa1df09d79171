"""Checks of the Prefect server, the MLflow store and runs left open."""

import contextlib
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from infra.finding import Finding
from infra.mlflow_store import DATABASES, mlflow_folder, schema_up_to_date, without_password
from infra.prefect_server import local_server
from infra.processes import answers, status_of
from infra.running import orphaned_runs
from infra.supervisor import HOST, PREFECT_PORT

_TRUE = ("1", "true", "yes", "on", "t", "y")
_CLOSED = "The next run closes them, or lfw doctor --repair."
_CONFLICTS = {
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "a server that ends with the run loses its history",
    "PREFECT_TASKS_REFRESH_CACHE": "no stage is ever reused",
    "PREFECT_TASKS_DISABLE_CACHING": "no stage is ever reused",
    "PREFECT_TEST_MODE": "Prefect behaves as in its own tests",
    "PREFECT_UNIT_TEST_MODE": "Prefect behaves as in its own tests",
}


def check_servers(folder: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Look at Prefect, at MLflow and at runs that were left open."""
    return [
        check_prefect(folder, environ),
        check_prefect_settings(environ),
        check_mlflow(folder, environ),
        check_open_runs(folder),
    ]


def check_prefect(folder: Path, environ: Mapping[str, str]) -> Finding:
    """Say which Prefect server a run would use, and whether it answers."""
    name = "Prefect server"
    if url := environ.get("PREFECT_API_URL", "").strip():
        return _check_named_prefect(name, url.rstrip("/"), environ)
    state = local_server(folder)
    if state and answers(f"{state.url}/health"):
        return Finding(name, "ok", f"The local server answers at {state.url}.")
    if state:
        remedy = f"Wait; if it stays so, end process {state.pid}."
        return Finding(name, "warn", f"The local server at {state.url} does not answer.", remedy)
    with socket.socket() as attempt:
        taken = attempt.connect_ex((HOST, PREFECT_PORT)) == 0
    if taken:
        detail = f"Port {PREFECT_PORT} is taken: a run's local server takes another one."
        remedy = "Set PREFECT_API_URL if that is the server you want, else nothing."
        return Finding(name, "warn", detail, remedy)
    return Finding(name, "ok", f"Each run starts its own at port {PREFECT_PORT}, which is free.")


def _check_named_prefect(name: str, url: str, environ: Mapping[str, str]) -> Finding:
    # A server that asks for the client's credentials does answer.
    shown = without_password(url)
    if not answers(f"{url}/health", (200, 401, 403)):
        remedy = "Start it or correct the address; or unset it: a local server is started then."
        return Finding(name, "fail", f"PREFECT_API_URL={shown} does not answer.", remedy)
    given = environ.get("PREFECT_API_AUTH_STRING", "")
    user, _, password = given.partition(":")
    keyed = environ.get("PREFECT_API_KEY")  # another kind of server
    login = (user, password) if given else None
    if not keyed and status_of(f"{url}/admin/version", login) == 401:
        return _refused(name, f"PREFECT_API_URL={shown}", "PREFECT_API_AUTH_STRING", given)
    return Finding(name, "ok", f"PREFECT_API_URL={shown} answers.")


def check_prefect_settings(environ: Mapping[str, str]) -> Finding:
    """Look for settings in the environment that work against a run."""
    wrong = {
        name: why
        for name, why in _CONFLICTS.items()
        if environ.get(name, "").strip().lower() in _TRUE
    }
    if not environ.get("PREFECT_API_URL"):
        if (environ.get("PREFECT_SERVER_API_BASE_PATH") or "/api") != "/api":
            wrong["PREFECT_SERVER_API_BASE_PATH"] = "the local server is looked for at /api"
        login = environ.get("PREFECT_SERVER_API_AUTH_STRING")
        if login and environ.get("PREFECT_API_AUTH_STRING") != login:
            wrong["PREFECT_SERVER_API_AUTH_STRING"] = "the local server would refuse the run"
    if not wrong:
        return Finding("Prefect settings", "ok", "Nothing in the environment is in the way.")
    detail = "; ".join(f"{name}: {why}" for name, why in wrong.items())
    return Finding("Prefect settings", "warn", f"{detail}.", f"Unset {' and '.join(wrong)}.")


def check_mlflow(folder: Path, environ: Mapping[str, str]) -> Finding:
    """Say where runs are tracked, and whether that can be reached."""
    uri = environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        return _check_own_store(folder)
    shown = without_password(uri)
    if uri.startswith(("http://", "https://")):
        if answers(f"{uri.rstrip('/')}/health", (200, 401, 403)):
            names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
            user, password = (environ.get(name, "") for name in names)
            asked = f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/get?experiment_id=0"
            keyed = environ.get("MLFLOW_TRACKING_TOKEN")
            if not keyed and status_of(asked, (user, password) if user else None) == 401:
                which = " and ".join(names)
                return _refused("MLflow store", f"MLFLOW_TRACKING_URI={shown}", which, user)
            return Finding("MLflow store", "ok", f"MLFLOW_TRACKING_URI={shown} answers.")
        remedy = "Start it or correct the address; or unset it: SQLite is used then."
        detail = f"MLFLOW_TRACKING_URI={shown} does not answer."
        return Finding("MLflow store", "fail", detail, remedy)
    if uri.startswith(DATABASES):
        detail = f"MLFLOW_TRACKING_URI={shown} is a database of yours; it was not opened."
        return Finding("MLflow store", "ok", detail)
    return Finding(
        "MLflow store",
        "fail",
        f"MLFLOW_TRACKING_URI={shown} is neither an http address nor a database.",
        "Correct it, or unset it: SQLite is used then.",
    )


def _refused(name: str, server: str, variables: str, given: str) -> Finding:
    """Tell a login that is wrong from one that may be kept elsewhere, in a profile or a file."""
    if given:
        remedy = f"Ask the server's administrator for a login, and correct {variables}."
        return Finding(name, "fail", f"{server} answers, but refuses the login.", remedy)
    remedy = f"Set {variables}, unless the login is in your profile."
    return Finding(name, "warn", f"{server} answers, and asks for a login.", remedy)


def _check_own_store(folder: Path) -> Finding:
    name, home = "MLflow store", mlflow_folder(folder)
    database = home / "mlflow.db"
    if not database.exists():
        return Finding(name, "ok", f"{database} is not there yet; the first run makes it.")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
        ) as opened:
            opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        remedy = "Move it away, or put back a copy of it."
        return Finding(name, "fail", f"{database} cannot be read: {error}.", remedy)
    if schema_up_to_date(home):
        return Finding(name, "ok", f"{database} is up to date.")
    detail = f"{database} was made by another version of MLflow, or not made ready to its end."
    remedy = "Nothing: the next run brings it up to date, and keeps a copy if the schema changes."
    return Finding(name, "warn", detail, remedy)


def check_open_runs(folder: Path) -> Finding:
    """Look for runs that MLflow or Prefect holds to be running though their process is gone."""
    orphans = orphaned_runs(folder)
    if not orphans:
        return Finding("open runs", "ok", "No run was left open by a killed process.")
    names = ", ".join(orphans[:5]) + (", …" if len(orphans) > 5 else "")
    which = (
        "1 run is open though its"
        if len(orphans) == 1
        else f"{len(orphans)} runs are open though their"
    )
    detail = f"{which} process is gone: {names}."
    return Finding("open runs", "warn", detail, _CLOSED)
