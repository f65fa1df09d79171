"""Processes that a command starts, their ports and their logs."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from infra.supervisor import HOST
from lfw.errors import LfwError

START_SECONDS = 300.0  # on a machine that is busy with other work a start takes minutes
ANSWER_SECONDS = 5.0

_END_SECONDS = 15.0


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
        paths = [str(import_folder()), os.environ.get("PYTHONPATH", "")]
        with new_log(log).open("wb") as output:
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

    def listens(self, port: int) -> bool:
        """Say whether the command, and nobody else, listens on a port."""
        try:
            family = psutil.Process(self._guard.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return False
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                for connection in process.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                        return True
        return False

    def check(self) -> None:
        """Do nothing while the command runs.

        Raises
        ------
        LfwError
            If it has ended; the message names its log and quotes its end.
        """
        if self.ended():
            code = self._guard.returncode
            raise LfwError(failure(f"{self.name} ended unexpectedly (exit code {code})", self.log))

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


def answers(url: str, good: Sequence[int] = (200,)) -> bool:
    """Say whether an address answers, with one of these codes."""
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:  # no proxy
            return client.get(url).status_code in good
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def status_of(url: str, login: tuple[str, str] | None = None) -> int:
    """Give the status code of an address, asked with a login; 0 if nobody answers."""
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
            return client.get(url, auth=login).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return 0


def import_folder() -> Path:
    """Return the folder that the project's packages are imported from."""
    return Path(__file__).resolve().parents[1]


def new_log(log: Path) -> Path:
    """Make room for a new log: the one of the last start is kept beside it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    return log


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log, or nothing if it cannot be read."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def failure(what: str, log: Path) -> str:
    """Put together a message that names a log and quotes its end."""
    message = f"{what}; see {log}"
    lines = last_lines(log).strip()
    return f"{message}, which ends with:\n{lines}" if lines else f"{message} (it is empty)."
