"""The MLflow server that a command needs, for as long as it needs it."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from infra.mlflow_store import (
    DATABASES,
    artifact_root,
    mlflow_folder,
    prepare_tracking_store,
    tracking_uri,
    without_password,
)
from infra.processes import START_SECONDS, GuardedProcess, answers, failure, free_port, last_lines
from infra.supervisor import HOST
from lfw.errors import InputError, LfwError

MLFLOW_PORT = 5000

_PORT_TRIES = 3


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
    if not uri.startswith(DATABASES):
        raise InputError(
            f"MLFLOW_TRACKING_URI={without_password(uri)} is neither an http address nor a "
            "database address: correct it, or unset it to use SQLite in the data folder."
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
    def process(self) -> GuardedProcess | None:
        """The server's process, if it is our own."""
        return self._process

    def start(self) -> None:
        """Start the process on port 5000 or another free one."""
        self._tries += 1
        self._port = free_port(MLFLOW_PORT if self._tries == 1 else 0)
        self._process = GuardedProcess(
            "The MLflow server",
            _mlflow_command(self._data_folder, self._port),
            mlflow_folder(self._data_folder) / "server.log",
            {
                # Here, since anybody may read a command line: it may hold a password.
                "MLFLOW_BACKEND_STORE_URI": tracking_uri(self._data_folder),
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
        )

    def wait_until_ready(self) -> None:
        """Wait until the server answers.

        Raises
        ------
        LfwError
            If it ends or does not answer in time.
        """
        began = time.monotonic()
        while self._process and not self._ready(self._process):
            if self._process.ended() and self._retry():
                continue
            self._process.check()
            if time.monotonic() - began > START_SECONDS:
                waited = f"The MLflow server did not answer within {START_SECONDS:.0f} seconds"
                raise LfwError(failure(waited, self._process.log))
            time.sleep(0.1)

    def ask_to_end(self) -> None:
        """Tell the process to end, without waiting, if it is our own."""
        if self._process:
            self._process.ask_to_end()

    def stop(self) -> None:
        """End the process, if it is our own."""
        if self._process:
            self._process.stop()

    def _ready(self, process: GuardedProcess) -> bool:
        # Who took the port between the look-up and the start may be an MLflow server, too.
        return answers(f"{self.url}/health") and process.listens(self._port)

    def _retry(self) -> bool:
        """Try another port if someone took ours between the look-up and the start."""
        log = self._process.log if self._process else None
        if log is None or self._tries >= _PORT_TRIES:
            return False
        if "address already in use" not in last_lines(log).lower():
            return False
        self.stop()
        self.start()
        return True


def _mlflow_command(data_folder: Path, port: int) -> list[str]:
    return [
        *[sys.executable, "-m", "mlflow", "server"],
        *["--host", HOST, "--port", str(port), "--workers", "1"],
        *["--default-artifact-root", artifact_root(data_folder)],
        "--no-serve-artifacts",  # clients that open the store directly write to the same folder
    ]
