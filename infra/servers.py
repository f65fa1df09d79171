"""The Prefect server and the MLflow server that a command needs, for as long as it needs them.

A data folder has at most one Prefect server. Each client holds a shared lock on
``prefect/clients.lock``; the server ends as soon as it can take that lock alone. The kernel frees
the locks of a killed process, so nothing stale can keep a server alive or stop one from starting.
"""

import contextlib
import fcntl
import functools
import importlib.metadata
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from filelock import FileLock

from infra.supervisor import CLIENTS_LOCK, HOST, STATE, write_atomically
from lfw.errors import InputError, LfwError

START_SECONDS = 90.0
MLFLOW_PORT = 5000

_ANSWER_SECONDS = 5.0
_HUNG_SECONDS = 20.0
_HANDOVER_SECONDS = 90.0
_END_SECONDS = 15.0
_PORT_TRIES = 3
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_held: set[int] = set()


class ServerState(NamedTuple):
    """The local Prefect server of a data folder, as it announced itself."""

    url: str
    pid: int
    created: float

    def alive(self) -> bool:
        """Say whether that very process still runs (a pid alone may belong to another one)."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


# --- Prefect ---------------------------------------------------------------------------------


def client_environment(data_folder: Path, api_url: str) -> dict[str, str]:
    """Return what a client of the Prefect server needs in its environment.

    Put it into ``os.environ`` before Prefect is imported, and take ``PREFECT_API_URL`` out again
    when the server's block ends. What the user has set keeps its value, but for the address.

    Parameters
    ----------
    data_folder
        The project's data folder: Prefect's home and task results go there.
    api_url
        The address that ``prefect_server`` yielded.
    """
    folder = data_folder.resolve() / "prefect"
    defaults = {
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    }
    profiles = Path("~/.prefect/profiles.toml").expanduser()
    if os.environ.get("PREFECT_API_URL") and profiles.exists():
        # A server of the user's own may need the key or the password of their profile.
        defaults["PREFECT_PROFILES_PATH"] = str(profiles)
    kept = {name: os.environ.get(name) or value for name, value in defaults.items()}
    return {**kept, "PREFECT_API_URL": api_url}


@contextlib.contextmanager
def prefect_server(data_folder: Path) -> Iterator[str]:
    """Give the address of a Prefect server that answers.

    The server that ``PREFECT_API_URL`` names is used and left alone. Without it, the processes
    that work on one data folder share a local server; it ends with the last of them.

    Parameters
    ----------
    data_folder
        The project's data folder. The local server keeps its files in ``prefect`` there.

    Yields
    ------
    str
        The address of the API, such as ``http://127.0.0.1:4200/api``.

    Raises
    ------
    InputError
        If the server that ``PREFECT_API_URL`` names does not answer.
    LfwError
        If the local server does not start; the message names its log and quotes its end.
    """
    if url := os.environ.get("PREFECT_API_URL", "").strip():
        _check_named_server(url)
        yield url
        return
    folder = data_folder.resolve() / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    state: ServerState | None = None
    try:
        with _holding(folder):
            state = _find_or_start(folder)
            yield state.url
    finally:
        if state:
            _wait_for_end(folder, state)


def local_server(data_folder: Path) -> ServerState | None:
    """Return the local Prefect server that runs for a data folder, if one does."""
    state = _read_state(data_folder.resolve() / "prefect")
    return state if state and state.alive() else None


def _check_named_server(url: str) -> None:
    import httpx

    why = ""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while not why or time.monotonic() < deadline - 1:  # it may be about to start
        try:
            status = httpx.get(f"{url.rstrip('/')}/health", timeout=_ANSWER_SECONDS).status_code
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:
            why = str(error)
            break
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
        else:
            # A proxy that asks for the client's credentials does answer.
            if status < 400 or status in (401, 403):
                return
            why = f"/health says {status}"
        time.sleep(0.5)
    raise InputError(
        f"No Prefect server answers at PREFECT_API_URL={url} ({why}): start it or mend the "
        "address, or unset PREFECT_API_URL to let a local server be started."
    )


@contextlib.contextmanager
def _holding(folder: Path) -> Iterator[None]:
    """Be a client of the folder's server: it does not end before this block does."""
    _close_held_locks_in_forks()
    lock = os.open(folder / CLIENTS_LOCK, os.O_RDWR | os.O_CREAT, 0o644)  # not inherited by exec
    _held.add(lock)
    try:
        deadline = time.monotonic() + _HANDOVER_SECONDS
        # A server that is about to end holds it alone until it is gone.
        while not _try_lock(lock, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise LfwError(
                    f"The Prefect server of {folder} does not come to its end; "
                    f"look at {folder / 'server.log'} and end the process by hand."
                )
            time.sleep(0.05)
        yield
    finally:
        _held.discard(lock)
        os.close(lock)


@functools.cache
def _close_held_locks_in_forks() -> None:
    """Keep a fork without exec from holding the server after its parent is gone."""
    os.register_at_fork(after_in_child=_close_held_locks)


def _close_held_locks() -> None:
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _find_or_start(folder: Path) -> ServerState:
    log = folder / "server.log"
    starter: subprocess.Popen[bytes] | None = None
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        state = _read_state(folder)
        if state and state.alive():
            if _answers(f"{state.url}/health"):
                return state
            if starter is None and time.monotonic() - began > _HUNG_SECONDS:
                _kill_hung(state)
        elif starter is None:
            starter = _start_prefect(folder, log)
        elif starter.poll() is not None:
            raise LfwError(_failure("The Prefect server ended while it started", log))
        time.sleep(0.05)
    raise LfwError(
        _failure(f"The Prefect server did not answer within {START_SECONDS:.0f} seconds", log)
    )


def _read_state(folder: Path) -> ServerState | None:
    try:
        read = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return ServerState(str(read["url"]), int(read["pid"]), float(read["created"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _start_prefect(folder: Path, log: Path) -> subprocess.Popen[bytes] | None:
    """Start the server, unless one runs or is being started.

    The server inherits the lock that says so and holds it to its end: two can never start.
    """
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _try_lock(lock, fcntl.LOCK_EX):
            return None
        (folder / STATE).unlink(missing_ok=True)
        command = [sys.executable, "-m", "infra.supervisor", "prefect", str(folder), str(lock)]
        with _new_log(log).open("wb") as output:
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=_import_folder(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the client first, which still reports to it
                pass_fds=(lock,),
            )
    finally:
        os.close(lock)


def _kill_hung(state: ServerState) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(state.pid)
        if "infra.supervisor" in process.cmdline():
            process.kill()
            process.wait(_ANSWER_SECONDS)


def _wait_for_end(folder: Path, state: ServerState) -> None:
    """Wait for the server's end if it ends, that is if this was its last client."""
    began = time.monotonic()
    while state.alive() and time.monotonic() - began < _HANDOVER_SECONDS:
        ending = _read_state(folder) != state
        if not ending and time.monotonic() - began > 1.0:
            return
        time.sleep(0.05)


# --- MLflow ----------------------------------------------------------------------------------


def tracking_uri(data_folder: Path) -> str:
    """Return the tracking store: ``MLFLOW_TRACKING_URI``, or SQLite in the data folder."""
    if uri := os.environ.get("MLFLOW_TRACKING_URI", "").strip():
        return uri
    return f"sqlite:///{_mlflow_folder(data_folder) / 'mlflow.db'}"


def artifact_root(data_folder: Path) -> str:
    """Return the absolute folder in which new experiments keep their artifacts."""
    return str(_mlflow_folder(data_folder) / "artifacts")


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
    if not uri.startswith(_DATABASES):
        return
    folder = _mlflow_folder(data_folder)
    folder.mkdir(parents=True, exist_ok=True)
    own = uri == f"sqlite:///{folder / 'mlflow.db'}"
    with FileLock(folder / "migration.lock"):
        if own and _up_to_date(folder):
            return
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            _migrate(uri, folder, own)
        except Exception as error:
            raise LfwError(
                f"MLflow's database {_without_password(uri)} cannot be made ready: {error}"
            ) from error


@contextlib.contextmanager
def mlflow_server(data_folder: Path) -> Iterator[str]:
    """Give the address of an MLflow server that answers.

    The server that ``MLFLOW_TRACKING_URI`` names is used and left alone. Without it, one is
    started on the tracking store of the data folder; it ends with the block, and with this
    process even if that is killed.

    Parameters
    ----------
    data_folder
        The project's data folder. The server writes its log to ``mlflow/server.log`` there.

    Yields
    ------
    str
        Its address, such as ``http://127.0.0.1:5000``.

    Raises
    ------
    InputError
        If ``MLFLOW_TRACKING_URI`` is neither a server nor a database.
    LfwError
        If the server does not start; the message names its log and quotes its end.
    """
    with starting_mlflow_server(data_folder) as server:
        server.wait_until_ready()
        yield server.url


@contextlib.contextmanager
def starting_mlflow_server(data_folder: Path) -> Iterator["MlflowServer"]:
    """Start the MLflow server without waiting for it (see ``mlflow_server``)."""
    uri = tracking_uri(data_folder)
    if uri.startswith(("http://", "https://")):
        yield MlflowServer(data_folder, uri)
        return
    if not uri.startswith(_DATABASES):
        raise InputError(
            f"MLFLOW_TRACKING_URI={uri} is neither an http address nor a database address: "
            "mend it, or unset it to use SQLite in the data folder."
        )
    prepare_tracking_store(data_folder)
    server = MlflowServer(data_folder, None)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class MlflowServer:
    """A running MLflow server, or the address of another one.

    Parameters
    ----------
    data_folder
        The project's data folder.
    url
        The address of a server that the user named; None for one of our own.
    """

    def __init__(self, data_folder: Path, url: str | None) -> None:
        self._data_folder = data_folder
        self._process: GuardedProcess | None = None
        self._port = MLFLOW_PORT
        self._tries = 0
        self._named = url

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._named or f"http://{HOST}:{self._port}"

    @property
    def process(self) -> "GuardedProcess | None":
        """The server's process, if it is our own."""
        return self._process

    def start(self) -> None:
        """Start the process on port 5000 or another free one."""
        self._tries += 1
        self._port = free_port(MLFLOW_PORT if self._tries == 1 else 0)
        self._process = GuardedProcess(
            "The MLflow server",
            _mlflow_command(self._data_folder, self._port),
            _mlflow_folder(self._data_folder) / "server.log",
            {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )

    def wait_until_ready(self) -> None:
        """Wait until the server answers.

        Raises
        ------
        LfwError
            If it ends or does not answer in time.
        """
        began = time.monotonic()
        while self._process and not _answers(f"{self.url}/health"):
            if self._process.ended() and self._retry():
                continue
            self._process.check()
            if time.monotonic() - began > START_SECONDS:
                waited = f"The MLflow server did not answer within {START_SECONDS:.0f} seconds"
                raise LfwError(_failure(waited, self._process.log))
            time.sleep(0.1)

    def ask_to_end(self) -> None:
        """Tell the process to end, without waiting, if it is our own."""
        if self._process:
            self._process.ask_to_end()

    def stop(self) -> None:
        """End the process, if it is our own."""
        if self._process:
            self._process.stop()

    def _retry(self) -> bool:
        """Try another port if someone took ours between the look-up and the start."""
        log = self._process.log if self._process else None
        if log is None or self._tries >= _PORT_TRIES:
            return False
        if "address already in use" not in _last_lines(log).lower():
            return False
        self.stop()
        self.start()
        return True


def _mlflow_command(data_folder: Path, port: int) -> list[str]:
    uri, artifacts = tracking_uri(data_folder), artifact_root(data_folder)
    return [
        *[sys.executable, "-m", "mlflow", "server"],
        *["--host", HOST, "--port", str(port), "--workers", "1"],
        *["--backend-store-uri", uri, "--default-artifact-root", artifacts],
        "--no-serve-artifacts",  # clients that open the store directly write to the same folder
    ]


def _mlflow_folder(data_folder: Path) -> Path:
    return data_folder.resolve() / "mlflow"


def _up_to_date(folder: Path) -> bool:
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
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

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


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


# --- processes -------------------------------------------------------------------------------


class GuardedProcess:
    """A command with a log, which ends with this process even if that is killed.

    Parameters
    ----------
    name
        What a message calls it, such as "The MLflow server".
    command
        The program and its arguments.
    log
        The file for its output; the former one is kept beside it.
    environment
        What to add to this process's environment.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: dict[str, str]
    ) -> None:
        self.name = name
        self.log = log
        quiet = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
        paths = [str(_import_folder()), os.environ.get("PYTHONPATH", "")]
        with _new_log(log).open("wb") as output:
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "infra.supervisor", "guard", *command],
                env={
                    **os.environ,
                    **quiet,
                    **environment,
                    "PYTHONPATH": os.pathsep.join(path for path in paths if path),
                },
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches it through this process, in order
            )

    def ended(self) -> bool:
        """Say whether the command has ended."""
        return self._guard.poll() is not None

    def check(self) -> None:
        """Do nothing while the command runs.

        Raises
        ------
        LfwError
            If it has ended; the message names its log and quotes its end.
        """
        if self.ended():
            code = self._guard.returncode
            raise LfwError(_failure(f"{self.name} ended unexpectedly (exit code {code})", self.log))

    def ask_to_end(self) -> None:
        """Tell the command to end, without waiting."""
        if self._guard.stdin:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()

    def stop(self) -> None:
        """End the command and every process that it started."""
        self.ask_to_end()
        try:
            self._guard.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        _kill_session(self._guard.pid)


def free_port(preferred: int) -> int:
    """Return the preferred port of 127.0.0.1 if nobody listens there, else another free one."""
    for port in (preferred, 0):
        with socket.socket() as attempt:
            if port and attempt.connect_ex((HOST, port)) == 0:
                continue
        with socket.socket() as attempt, contextlib.suppress(OSError):
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((HOST, port))
            return int(attempt.getsockname()[1])
    raise LfwError(f"No port is free on {HOST}: end some programs and try again.")


def _kill_session(leader: int) -> None:
    """Kill what a killed guard has left: its descendants share its session."""
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == leader:
                process.kill()


def _answers(url: str) -> bool:
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=_ANSWER_SECONDS) as client:  # no proxy
            return client.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def _import_folder() -> Path:
    """Return the folder from which ``python -m infra.supervisor`` can be imported."""
    return Path(__file__).resolve().parents[1]


def _new_log(log: Path) -> Path:
    """Keep the log of the last start beside the new one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    return log


def _last_lines(log: Path, count: int = 15) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _failure(what: str, log: Path) -> str:
    message = f"{what}; see {log}"
    lines = _last_lines(log).strip()
    return f"{message}, which ends with:\n{lines}" if lines else f"{message} (it is empty)."
