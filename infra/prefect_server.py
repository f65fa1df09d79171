"""The Prefect server that a command needs, for as long as it needs it.

A data folder has at most one. Each client holds a shared lock on ``prefect/clients.lock``; the
server ends as soon as it can take that lock alone. The kernel frees the locks of a killed process,
so nothing stale can keep a server alive or stop one from starting.
"""

import contextlib
import fcntl
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.mlflow_store import without_password
from infra.processes import ANSWER_SECONDS, START_SECONDS, answers, failure, import_folder, new_log
from infra.supervisor import CLIENTS_LOCK, STATE
from lfw.errors import InputError, LfwError

_HUNG_SECONDS = 20.0
_HANDOVER_SECONDS = 90.0
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
    return {**client_settings(data_folder), "PREFECT_API_URL": api_url}


def client_settings(data_folder: Path) -> dict[str, str]:
    """Return what of a client's environment is known before its server is up.

    What the user has set keeps its value.

    Parameters
    ----------
    data_folder
        The project's data folder.
    """
    folder = data_folder.resolve() / "prefect"
    defaults = {
        "DO_NOT_TRACK": "true",
        "KERAS_HOME": str(folder.parent / "home" / "keras"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_UV_AUTO_DETECT": "false",  # a model needs five packages, not the whole lock file
        "MPLCONFIGDIR": str(folder.parent / "home" / "matplotlib"),
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    if not sys.stderr.isatty():
        defaults["TQDM_DISABLE"] = "1"  # no progress bars of libraries in a log
    profiles = Path("~/.prefect/profiles.toml").expanduser()
    if os.environ.get("PREFECT_API_URL") and profiles.exists():
        # A server of the user's own may need the key or the password of their profile.
        defaults["PREFECT_PROFILES_PATH"] = str(profiles)
    return {name: os.environ.get(name) or value for name, value in defaults.items()}


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


def server_at_hand(data_folder: Path) -> bool:
    """Say whether a server is named, or runs already, so that none has to be started."""
    named = os.environ.get("PREFECT_API_URL", "").strip()
    return bool(named) or local_server(data_folder) is not None


def local_server(data_folder: Path) -> ServerState | None:
    """Return the local Prefect server that runs for a data folder, if one does."""
    state = _read_state(data_folder.resolve() / "prefect")
    return state if state and state.alive() else None


def _check_named_server(url: str) -> None:
    import httpx

    why = ""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not why or time.monotonic() < deadline - 1:  # it may be about to start
        try:
            status = httpx.get(f"{url.rstrip('/')}/health", timeout=ANSWER_SECONDS).status_code
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
        f"No Prefect server answers at PREFECT_API_URL={without_password(url)} ({why}): start "
        "it or correct the address, or unset PREFECT_API_URL to let a local server be started."
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
            if answers(f"{state.url}/health"):
                return state
            if starter is None and time.monotonic() - began > _HUNG_SECONDS:
                _kill_hung(state)
        elif starter is None:
            starter = _start_prefect(folder, log)
        elif starter.poll() is not None:
            raise LfwError(failure("The Prefect server ended while it started", log))
        time.sleep(0.05)
    raise LfwError(
        failure(f"The Prefect server did not answer within {START_SECONDS:.0f} seconds", log)
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
        with new_log(log).open("wb") as output:
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=import_folder(),
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
            process.wait(ANSWER_SECONDS)


def _wait_for_end(folder: Path, state: ServerState) -> None:
    """Wait for the server's end if it ends, that is if this was its last client."""
    began = time.monotonic()
    while state.alive() and time.monotonic() - began < _HANDOVER_SECONDS:
        ending = _read_state(folder) != state
        if not ending and time.monotonic() - began > 1.0:
            return
        time.sleep(0.05)
