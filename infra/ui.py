"""Both servers and the deployments together, ended by one Ctrl-C."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from infra.mlflow_server import starting_mlflow_server
from infra.mlflow_store import tracking_uri
from infra.prefect_server import client_environment, local_server, prefect_server
from infra.processes import GuardedProcess
from lfw.errors import LfwError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve_everything(data_folder: Path, command: Sequence[str]) -> None:
    """Serve Prefect, MLflow and the deployments until Ctrl-C, SIGTERM or SIGHUP.

    Prints the addresses when both servers answer. Returns when everything has ended because it
    was told to.

    Parameters
    ----------
    data_folder
        The project's data folder.
    command
        What serves the deployments, such as ``[sys.executable, "-m", "flows.serve"]``. It finds
        the servers through ``PREFECT_API_URL`` and ``MLFLOW_TRACKING_URI`` in its environment,
        and the address of MLflow's pages in ``LFW_MLFLOW_URL``.

    Raises
    ------
    InputError
        If a server that the environment names cannot be used.
    LfwError
        If one of the processes does not start or dies; the others are ended first, and the
        message names the log.
    """
    with (
        _ended_by_signal(),
        # Started first and awaited last: the two servers get ready at the same time.
        starting_mlflow_server(data_folder) as mlflow,
        prefect_server(data_folder) as api_url,
    ):
        mlflow.wait_until_ready()
        log = data_folder.resolve() / "logs" / "deployments.log"
        environment = {
            **client_environment(data_folder, api_url),
            "MLFLOW_TRACKING_URI": tracking_uri(data_folder),
            "LFW_MLFLOW_URL": mlflow.url,
        }
        with _running("The deployments", command, log, environment) as deployments:
            try:
                _print_addresses(api_url, mlflow.url, data_folder, log)
                _watch(data_folder, api_url, [deployments, mlflow.process])
            finally:
                mlflow.ask_to_end()  # at the same time as the deployments


@contextlib.contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Turn the first signal into the end of the block, and ignore those that come while it ends."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _running(
    name: str, command: Sequence[str], log: Path, environment: dict[str, str]
) -> Iterator[GuardedProcess]:
    process = GuardedProcess(name, command, log, environment)
    try:
        yield process
    finally:
        process.stop()


def _watch(data_folder: Path, api_url: str, processes: Sequence[GuardedProcess | None]) -> None:
    own = not os.environ.get("PREFECT_API_URL", "").strip()
    while True:
        for process in processes:
            if process:
                process.check()
        if own and local_server(data_folder) is None:
            log = data_folder.resolve() / "prefect" / "server.log"
            raise LfwError(f"The Prefect server at {api_url} ended unexpectedly; see {log}.")
        time.sleep(0.5)


def _print_addresses(api_url: str, mlflow_url: str, data_folder: Path, log: Path) -> None:
    lines = {
        "Prefect": api_url.removesuffix("/").removesuffix("/api"),
        "MLflow": mlflow_url,
        "Data": str(data_folder.resolve()),
        "Deployments": f"log in {log}",
    }
    console = Console(soft_wrap=True, emoji=False)  # a long path stays in one piece
    for name, value in lines.items():
        console.print(f"{name:<12} {value}", markup=False)
    # No address and no tag of an experiment changes what MLflow's list leads to at first.
    console.print(
        "Choose Model training at the top left of MLflow, once: it opens on pages for chats."
    )
    console.print("Press Ctrl-C to stop everything.")
