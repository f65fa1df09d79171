"""Commands in processes that begin with the libraries imported, which saves each some seconds.

One process imports them and is forked for each command (`multiprocessing`'s fork server). The
project's own code and Prefect are imported anew by each, from the command's own environment. All
have one seed of hashes; what must not rest on that is tested in processes of their own.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.flows.libraries"])


def run_forked(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> tuple[int, str, str]:
    """Run a command to its end.

    Parameters
    ----------
    arguments
        Of the command line, without the program.
    folder
        Where it works.
    environment
        All its variables.
    timeout
        Seconds after which it is killed, with all that it started.

    Returns
    -------
    tuple
        Its exit code (negative for a signal), its output and its messages.

    Raises
    ------
    subprocess.TimeoutExpired
        If it was killed.
    """
    with tempfile.TemporaryDirectory(prefix="forked-") as room:
        said = [Path(room, name) for name in ("out", "err")]
        process = _CONTEXT.Process(
            target=_become, args=(list(arguments), folder, dict(environment), said)
        )
        process.start()
        try:
            process.join(timeout)
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(list(arguments), timeout)
        finally:
            if process.exitcode is None and process.pid is not None:
                os.killpg(process.pid, signal.SIGKILL)
        out, err = (path.read_text(encoding="utf-8") for path in said)
        return process.exitcode, out, err


def _become(
    arguments: list[str], folder: Path, environment: dict[str, str], said: list[Path]
) -> None:
    """Be the command, as `python -m infra.cli` in its folder and environment would be."""
    os.setsid()
    os.chdir(folder)
    outputs = [os.open(path, os.O_WRONLY | os.O_CREAT, 0o600) for path in said]
    for number, opened in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.path = [str(folder), *environment["PYTHONPATH"].split(os.pathsep), *_packages()]
    sys.argv = ["lfw", *arguments]
    try:
        runpy.run_module("infra.cli", run_name="__main__", alter_sys=True)
    finally:
        # What an interpreter does at its end, and a process of multiprocessing leaves out.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


def _packages() -> list[str]:
    """Give the places of the standard library and of what is installed."""
    return [place for place in sys.path if place.startswith((sys.prefix, sys.base_prefix))]
