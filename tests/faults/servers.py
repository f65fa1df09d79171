"""Servers that a test kills, and starts again at the same address."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.processes import answers
from infra.supervisor import HOST, prefect_environment
from tests.cluster import free_port
from tests.infra.support import wait_until

_START_SECONDS = 300.0


class Server:
    """A server with a process group of its own.

    Attributes
    ----------
    url
        Where it answers.
    """

    def __init__(
        self,
        command: Sequence[str],
        url: str,
        ready: Callable[[], bool],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self._command = list(command)
        self._ready = ready
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._log.parent,
            )
        assert wait_until(self._ready, _START_SECONDS), self._log.read_text()[-3000:]

    def kill(self) -> None:
        """Kill it with all that it started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self, after: float = 3) -> None:
        """Kill it, and start it again after some seconds."""
        self.kill()
        time.sleep(after)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def mlflow_at(folder: Path, store: str) -> Server:
    """Make an MLflow server, not started yet, that takes artifacts from its clients."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://{HOST}:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", store),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return Server(command, url, lambda: answers(f"{url}/health"), folder / "server.log", quiet)


def prefect_at(folder: Path) -> Server:
    """Make a Prefect server, not started yet."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://{HOST}:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST]
    command += ["--port", str(port), "--no-ui"]
    environment = prefect_environment(folder, port)
    log = folder / "server.log"
    return Server(command, url, lambda: answers(f"{url}/health"), log, environment)


class Postgres(Server):
    """PostgreSQL with an empty database, as whichever user may serve it."""

    def __init__(self, programs: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lfw-postgres-", dir="/tmp"))
        self._user = [] if os.geteuid() else _as_server_user(self._folder)
        data, port = self._folder / "data", free_port()
        made = [str(programs / "initdb"), "-U", "lfw", "-A", "trust", "-D", str(data)]
        subprocess.run([*self._user, *made], check=True, capture_output=True, cwd="/")
        ready = [str(programs / "pg_isready"), "-q", "-h", HOST, "-p", str(port), "-U", "lfw"]
        super().__init__(
            [
                *self._user,
                str(programs / "postgres"),
                f"-D{data}",
                f"-p{port}",
                f"-k{self._folder}",
            ],
            f"postgresql://lfw@{HOST}:{port}/postgres",
            lambda: subprocess.run(ready, check=False, cwd="/").returncode == 0,
            self._folder / "server.log",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._folder, ignore_errors=True)


def _as_server_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to be served by root: Debian's package has a user for it."""
    user = pwd.getpwnam("postgres").pw_name
    shutil.chown(folder, user, user)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
