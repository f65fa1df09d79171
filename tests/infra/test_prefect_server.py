import asyncio
import contextlib
import fcntl
import json
import logging
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from infra import prefect_server as servers
from infra import supervisor
from infra.processes import free_port
from lfw.errors import InputError, LfwError
from tests.infra.support import answers, processes_of, read_line, wait_until

USE_SERVER = """
import sys
import threading
from pathlib import Path
from infra.prefect_server import prefect_server
with prefect_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""

RUN_FLOW = """
import os, sys
from pathlib import Path
from infra.prefect_server import client_environment, prefect_server
folder = Path(sys.argv[1])
with prefect_server(folder) as url:
    os.environ.update(client_environment(folder, url))
    from prefect import flow, task
    @task
    def double(number): return 2 * number
    @flow
    def numbers(): return [future.result() for future in double.map(range(60))]
    assert sum(numbers()) == 3540
"""


def supervisors_of(folder: Path) -> list[psutil.Process]:
    return [p for p in processes_of(folder) if p.cmdline()[2:4] == ["infra.supervisor", "prefect"]]


@contextlib.contextmanager
def client(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", USE_SERVER, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_concurrent_clients_share_one_server_which_ends_when_the_last_is_killed(
    folder: Path,
) -> None:
    with client(folder) as first, client(folder) as second:
        url = read_line(first)
        assert url.startswith("http://127.0.0.1:")
        assert read_line(second) == url
        assert len(supervisors_of(folder)) == 1
        assert answers(f"{url}/version")
        assert "<html" in httpx.get(url.removesuffix("/api"), follow_redirects=True).text.lower()

        first.communicate()  # closes its input: it leaves the block
        assert first.returncode == 0
        assert answers(f"{url}/health")

        second.kill()
        second.wait()
        assert wait_until(lambda: not processes_of(folder), 20)
    assert not answers(f"{url}/health")
    assert not (folder / "prefect" / "server.json").exists()


def test_children_of_a_client_do_not_hold_the_server(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    with servers._holding(tmp_path):
        fork.start()
        executed = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        alone = os.open(tmp_path / "clients.lock", os.O_RDWR)
        assert wait_until(lambda: servers._try_lock(alone, fcntl.LOCK_EX), 5)
        os.close(alone)
        assert fork.is_alive()
        assert executed.poll() is None
    finally:
        executed.kill()
        executed.wait()
        fork.kill()
        fork.join()


def test_a_stale_state_is_replaced_and_the_history_of_a_run_is_complete_at_the_end(
    folder: Path,
) -> None:
    # A process that lives, but is not the one that wrote the state.
    stale = {"url": "http://127.0.0.1:1/api", "pid": os.getpid(), "created": 1.0}
    (folder / "prefect").mkdir(exist_ok=True)
    (folder / "prefect" / "server.json").write_text(json.dumps(stale))
    assert servers.local_server(folder) is None

    done = subprocess.run(
        [sys.executable, "-c", RUN_FLOW, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not processes_of(folder)  # the last client waits for the end
    with contextlib.closing(sqlite3.connect(folder / "prefect" / "prefect.db")) as database:
        task_runs = database.execute("SELECT state_type, count(*) FROM task_run GROUP BY 1")
        assert task_runs.fetchall() == [("COMPLETED", 60)]
        assert database.execute("SELECT state_type FROM flow_run").fetchall() == [("COMPLETED",)]


@pytest.mark.parametrize("fails_at", [None, 0.5, 0.9])
def test_the_end_waits_for_what_is_flushed_late(tmp_path: Path, fails_at: float | None) -> None:
    """Two flushes, a second apart as the server's are; the last one fails first, or does not."""
    database = tmp_path / "prefect.db"
    log = logging.getLogger(f"{__name__}.{fails_at}")
    log.propagate = False
    failures = supervisor._Failures()
    log.addHandler(failures)

    def write(number: int) -> None:
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("INSERT INTO flushed VALUES (?)", [number])

    async def flush() -> None:
        await asyncio.sleep(supervisor._FLUSH_SECONDS)
        write(1)
        if fails_at is not None:
            await asyncio.sleep(fails_at)
            log.error("Error flushing")
        await asyncio.sleep(supervisor._FLUSH_SECONDS)
        write(2)

    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE flushed (number INTEGER)")
    loop = asyncio.new_event_loop()
    turning = threading.Thread(target=loop.run_forever)
    turning.start()
    asyncio.run_coroutine_threadsafe(flush(), loop)
    supervisor._wait_until_quiet(database, loop, failures)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT number FROM flushed").fetchall()
    loop.call_soon_threadsafe(loop.stop)
    turning.join()
    loop.close()
    assert found == [(1,), (2,)]


def test_a_server_that_dies_early_is_reported_at_once_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "prefect.db").write_text("this is no database " * 100)
    with (
        pytest.raises(LfwError, match=r"ended while it started; see .*server\.log.*\n") as caught,
        servers.prefect_server(tmp_path),
    ):
        pass
    assert "not a database" in str(caught.value)
    assert not processes_of(tmp_path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/api", "127.0.0.1:{port}"])
def test_a_named_server_that_does_not_answer_is_an_input_error(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url.format(port=free_port(0)))
    began = time.monotonic()
    with (
        pytest.raises(InputError, match="No Prefect server answers at PREFECT_API_URL"),
        servers.prefect_server(tmp_path),
    ):
        pass
    assert time.monotonic() - began < 10
    assert not list(tmp_path.iterdir())


def test_a_named_server_is_used(
    named_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", named_server)
    with servers.prefect_server(tmp_path) as url:
        assert url == named_server
    assert answers(f"{named_server}/health")
    assert not list(tmp_path.iterdir())


def test_a_client_writes_into_the_data_folder_and_keeps_what_the_user_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_RESULTS_LOCAL_STORAGE_PATH", "elsewhere")
    environment = servers.client_environment(tmp_path, "http://127.0.0.1:4200/api")
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert environment["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert environment["PREFECT_SERVER_EPHEMERAL_ENABLED"] == "false"
    assert environment["PREFECT_RESULTS_LOCAL_STORAGE_PATH"] == "elsewhere"


GARBAGE = """
import gc, threading, time
from types import SimpleNamespace
from infra import supervisor

freed = []

class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        freed.append(threading.current_thread().name)

gc.disable()
server = SimpleNamespace(started=True)
threading.Thread(
    target=supervisor._collect_garbage, args=(server,), name="aside", daemon=True
).start()
end = time.monotonic() + 60
while not freed and time.monotonic() < end:
    Cycle()
    time.sleep(0.001)
print(sorted(set(freed)))
"""


def test_garbage_is_freed_aside_from_the_event_loop() -> None:
    """To free a cursor may wait for a lock that only a request of the loop gives back."""
    code = [sys.executable, "-c", GARBAGE]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    assert done.stdout == "['aside']\n"


def test_the_server_looks_for_garbage_nowhere_else(tmp_path: Path) -> None:
    look = "import gc, sys; print(gc.isenabled(), file=sys.stderr)"
    command = [sys.executable, "-m", "infra.supervisor", "prefect", str(tmp_path)]
    (tmp_path / "uvicorn.py").write_text(f"{look}\nraise SystemExit(7)\n")
    with (tmp_path / "lock").open("w") as lock:
        done = subprocess.run(
            [*command, str(lock.fileno())],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
            pass_fds=(lock.fileno(),),
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (7, "False\n")
