"""A real Dask cluster: a scheduler and two workers, processes of their own on this machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def dask_cluster(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the address of a cluster; its processes are ended."""
    address = f"tcp://127.0.0.1:{free_port()}"
    folder.mkdir(parents=True, exist_ok=True)
    port = address.rpartition(":")[2]
    dask = [sys.executable, "-m", "dask"]
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]]
    worker = ["--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
    worker += ["--host", "127.0.0.1", "--local-directory", str(folder), "--death-timeout", "60"]
    commands += [[*dask, "worker", address, *worker]] * 2
    with (folder / "cluster.log").open("w") as log, contextlib.ExitStack() as ended:
        for command in commands:
            process = subprocess.Popen(
                command,
                env=dict(environment or os.environ),
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            ended.callback(_end, process)
        _wait_for_workers(address)
        yield address


def _wait_for_workers(address: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with Client(address, timeout=seconds, set_as_default=False) as client:  # type: ignore[no-untyped-call]
                client.wait_for_workers(2, timeout=seconds)
            return  # noqa: TRY300
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
