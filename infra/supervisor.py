"""Processes that run beside a command and end with it, however it ends.

Started by ``infra.prefect_server`` and ``infra.processes`` as ``python -m infra.supervisor``:

``prefect FOLDER LOCK``
    is the Prefect server of a data folder. It ends when no client is left.
``guard COMMAND...``
    runs a command and ends its whole process tree when its own standard input closes.
"""

import asyncio
import concurrent.futures
import contextlib
import ctypes
import fcntl
import gc
import itertools
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

HOST = "127.0.0.1"
PREFECT_PORT = 4200
STATE = "server.json"
CLIENTS_LOCK = "clients.lock"
DATABASE = "prefect.db"

_END_SECONDS = 10.0
_GRACE_SECONDS = 4.0
_FLUSH_SECONDS = 1
_QUIET_SECONDS = 1.25 * _FLUSH_SECONDS  # of the event loop: its queues are flushed meanwhile
_LOOK_SECONDS = 0.125
_DRAIN_SECONDS = 60.0
_WRITER_SECONDS = 20.0
_GARBAGE_SECONDS = 1.0
_YOUNG_TURNS = 30  # to look through what is old, too, takes longer
_PR_SET_CHILD_SUBREAPER = 36


def prefect_environment(folder: Path, port: int) -> dict[str, str]:
    """Return the settings of the local Prefect server.

    Parameters
    ----------
    folder
        The server's own folder, absolute; everything that it writes goes there.
    port
        The port on 127.0.0.1 on which it listens.
    """
    url = f"http://{HOST}:{port}"
    return {
        "DO_NOT_TRACK": "true",
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        # Only its own pages may call it from a browser: the default lets every web site.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"{url},http://localhost:{port}",
        "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / DATABASE}",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": os.environ.get("PREFECT_SERVER_LOGGING_LEVEL", "WARNING"),
        # The default commits each state of each task run by itself.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        # In whole seconds: a part of one becomes 0, and the recorder never rests.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": str(_FLUSH_SECONDS),
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": str(_FLUSH_SECONDS),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        # The default writes into site-packages.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),
    }


def write_atomically(path: Path, text: str) -> None:
    """Replace the text of a file so that a reader sees the old text or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def run_prefect(folder: Path, server_lock: int) -> int:
    """Run the Prefect server in this process until its last client is gone.

    Parameters
    ----------
    folder
        The server's own folder, absolute.
    server_lock
        The descriptor of the lock that says that a server runs; held until this process ends.

    Returns
    -------
    int
        The exit code: 0 when it ended because no client was left.
    """
    os.set_inheritable(server_lock, False)
    listener = _listen(PREFECT_PORT)
    port = int(listener.getsockname()[1])
    os.environ.update(prefect_environment(folder, port))
    gc.disable()  # as _collect_garbage explains

    import uvicorn
    from prefect.server.api.server import create_app
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from infra.retrying import RetryWhenBusy

    # A web site whose name leads here, too, would pass for one of the server's own pages.
    app = TrustedHostMiddleware(
        RetryWhenBusy(create_app(final=True)), allowed_hosts=[HOST, "localhost"]
    )

    class Server(uvicorn.Server):  # its event loop is there from here on
        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            watching = (folder, f"http://{HOST}:{port}/api", self, asyncio.get_running_loop())
            threading.Thread(target=_end_with_last_client, args=watching, daemon=True).start()
            await super().serve(sockets)

    server = Server(
        uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=int(_END_SECONDS))
    )
    threading.Thread(target=_collect_garbage, args=(server,), daemon=True).start()
    server.run(sockets=[listener])
    return 0 if server.started else 3


def guard(command: Sequence[str]) -> int:
    """Run a command; end it and all its descendants when standard input closes.

    The one who started the guard holds the other end of that pipe, so the command ends with it
    even when it is killed.

    Returns
    -------
    int
        The command's exit code, or 0 if it was told to end.
    """
    told_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told_to_end.set())
    _adopt_orphans()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
    threading.Thread(target=_wait_for_end_of_input, args=(told_to_end.set,), daemon=True).start()
    while process.poll() is None and not told_to_end.wait(0.1):
        pass
    code = process.poll()
    _end_descendants(process)
    return 0 if code is None else code


def _listen(preferred: int) -> socket.socket:
    """Bind here and hand the socket over: a port that is only looked up can be taken meanwhile."""
    for port in (preferred, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(128)
        except OSError:
            listener.close()
            if port == 0:
                raise
        else:
            return listener
    raise AssertionError("unreachable")


def _collect_garbage(server: object) -> None:
    """Look for garbage in this thread alone, never in the one of the event loop.

    Cursors of SQLite become garbage with the tracebacks that name them. To free one waits for the
    statement that its connection executes by then, and that may wait for a lock that another
    request holds. If the event loop is the one that waits, that request can not go on: all stands
    still for the 60 seconds that SQLite waits for a lock.
    """
    while not getattr(server, "started", False):
        time.sleep(0.1)
    gc.collect()
    gc.freeze()  # what is there from the start stays, and need not be looked through again
    for turn in itertools.count(1):
        time.sleep(_GARBAGE_SECONDS)
        gc.collect(1 if turn % _YOUNG_TURNS else 2)


def _end_with_last_client(
    folder: Path, url: str, server: object, loop: asyncio.AbstractEventLoop
) -> None:
    while not getattr(server, "started", False):
        time.sleep(0.02)
    failures = _Failures()
    logging.getLogger("prefect.server").addHandler(failures)
    state = {"url": url, "pid": os.getpid(), "created": psutil.Process().create_time()}
    write_atomically(folder / STATE, json.dumps(state))
    clients = os.open(folder / CLIENTS_LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    # Granted when every client has let go or is dead. Never released: who comes now waits for the
    # end of this server, so that two never work on one database.
    fcntl.flock(clients, fcntl.LOCK_EX)
    # Even if the data folder was deleted, or the event loop has come to its end meanwhile.
    with contextlib.suppress(
        OSError, sqlite3.Error, RuntimeError, concurrent.futures.CancelledError
    ):
        (folder / STATE).unlink(missing_ok=True)
        _wait_until_quiet(folder / DATABASE, loop, failures)
    # All is written, and nobody is left to answer. To end the services one by one takes seconds
    # more, and what they would still do is as well done after the next start.
    os._exit(0)


class _Failures(logging.Handler):
    """Counts what the server complains of: a flush that failed is tried again at the next."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        self.seen += 1


def _wait_until_quiet(database: Path, loop: asyncio.AbstractEventLoop, failures: _Failures) -> None:
    """Wait until the server writes no more: it drops what its queues still hold when it ends.

    The server's own event loop counts the time, since its queues are flushed by that: a busy
    machine makes both slower.
    """
    deadline = time.monotonic() + _DRAIN_SECONDS
    with contextlib.closing(
        sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=_WRITER_SECONDS)
    ) as connection:
        version, failed, quiet = _written(connection), failures.seen, 0.0
        while time.monotonic() < deadline and quiet < _QUIET_SECONDS:
            rest = asyncio.run_coroutine_threadsafe(asyncio.sleep(_LOOK_SECONDS), loop)
            rest.result(max(0.0, deadline - time.monotonic()))
            before, version = (version, failed), _written(connection)
            failed = failures.seen
            quiet = quiet + _LOOK_SECONDS if (version, failed) == before else 0.0


def _written(connection: sqlite3.Connection) -> int:
    """Wait for who is writing, and give a number that is another one after every change."""
    connection.execute("BEGIN IMMEDIATE")
    connection.rollback()
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _wait_for_end_of_input(tell: Callable[[], object]) -> None:
    while os.read(0, 1024):
        pass
    tell()


def _adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, so that none can slip away."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()  # first alone: a server or a runner ends its own children in order
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = psutil.Process().children(recursive=True)
        for child in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(number)
        psutil.wait_procs(left, timeout=_GRACE_SECONDS / 2)


def main(arguments: Sequence[str]) -> int:
    """Run one of the two roles.

    Parameters
    ----------
    arguments
        ``["prefect", folder, lock descriptor]`` or ``["guard", command, ...]``.
    """
    if arguments[0] == "prefect":
        return run_prefect(Path(arguments[1]), int(arguments[2]))
    return guard(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
