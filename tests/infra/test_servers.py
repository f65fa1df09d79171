import contextlib
import fcntl
import http.server
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from infra import servers
from lfw.errors import InputError, LfwError

USE_SERVER = """
import sys
from pathlib import Path
from infra.servers import prefect_server
with prefect_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""

RUN_FLOW = """
import os, sys
from pathlib import Path
from infra.servers import client_environment, prefect_server
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

PREPARE = """
import sys
from pathlib import Path
from infra.servers import prepare_tracking_store
prepare_tracking_store(Path(sys.argv[1]))
"""

START_GUARDED = """
import sys, time
from pathlib import Path
from infra.servers import GuardedProcess
folder = Path(sys.argv[1])
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
process = GuardedProcess("It", sleep, folder / "guarded.log", {"MARK": str(folder)})
print("started", flush=True)
time.sleep(60)
"""

SERVE = """
import sys
from pathlib import Path
from infra.ui import serve_everything
from lfw.errors import LfwError
try:
    serve_everything(Path(sys.argv[1]), [sys.executable, "-c", sys.argv[2]])
except LfwError as error:
    sys.exit(str(error))
"""


@pytest.fixture(autouse=True)
def no_named_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for all: only the first start of a server pays for its database."""
    path = tmp_path_factory.mktemp("servers")
    yield path
    assert wait_until(lambda: not processes_of(path), 20)


@pytest.fixture
def named_server() -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


def processes_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = [*process.cmdline(), *process.environ().values()]
            if process.pid != os.getpid() and any(str(folder) in word for word in words):
                found.append(process)
    return found


def supervisors_of(folder: Path) -> list[psutil.Process]:
    return [p for p in processes_of(folder) if p.cmdline()[2:4] == ["infra.supervisor", "prefect"]]


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


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


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def new_experiment(mlflow_url: str) -> str:
    """Create an experiment and return where its artifacts go."""
    api = f"{mlflow_url}/api/2.0/mlflow/experiments"
    number = httpx.post(f"{api}/create", json={"name": "faces"}).json()["experiment_id"]
    found = httpx.get(f"{api}/get", params={"experiment_id": number}).json()
    return str(found["experiment"]["artifact_location"])


def new_schedule(api_url: str) -> str:
    """Create a deployment that is due every day and return its id."""
    daily = {"schedule": {"cron": "0 3 * * *", "timezone": "UTC"}, "active": True}
    with httpx.Client(base_url=api_url, trust_env=False) as api:
        flow = api.post("/flows/", json={"name": "scheduled"}).json()["id"]
        deployment = {"name": "daily", "flow_id": flow, "schedules": [daily]}
        return str(api.post("/deployments/", json=deployment).raise_for_status().json()["id"])


def scheduled_runs(api_url: str, deployment: str) -> int:
    only = {"deployments": {"id": {"any_": [deployment]}}}
    answer = httpx.post(f"{api_url}/flow_runs/filter", json=only)
    return sum(run["state_type"] == "SCHEDULED" for run in answer.json())


# --- Prefect ---------------------------------------------------------------------------------


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
    monkeypatch.setenv("PREFECT_API_URL", url.format(port=servers.free_port(0)))
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


def test_neither_prefect_nor_mlflow_is_imported_with_the_module() -> None:
    code = "import sys, infra.ui; assert not {'prefect', 'mlflow', 'uvicorn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- MLflow ----------------------------------------------------------------------------------


def test_a_fresh_store_is_made_once_by_processes_that_start_together(folder: Path) -> None:
    command = [sys.executable, "-c", PREPARE, str(folder)]
    preparing = [subprocess.Popen(command), subprocess.Popen(command)]
    assert [process.wait() for process in preparing] == [0, 0]

    began = time.monotonic()
    servers.prepare_tracking_store(folder)
    assert time.monotonic() - began < 1
    with contextlib.closing(sqlite3.connect(folder / "mlflow" / "mlflow.db")) as database:
        places = database.execute("SELECT artifact_location FROM experiments").fetchall()
    assert places == [(f"{servers.artifact_root(folder)}/0",)]


def test_the_tracking_uri_is_the_users_or_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert servers.tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    assert servers.tracking_uri(tmp_path) == "http://tracking.example:5000"
    servers.prepare_tracking_store(tmp_path)
    with servers.mlflow_server(tmp_path) as url:
        assert url == "http://tracking.example:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(InputError, match="neither"), servers.mlflow_server(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


# --- all together ----------------------------------------------------------------------------


def test_a_guarded_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    # The grandchild leaves its session, ignores SIGTERM and loses its parent.
    grandchild_code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    start = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {!r}]"
    child_code = f"{start.format(grandchild_code)}, start_new_session=True)"
    keep = f"{start.format(child_code)}).wait(); import time; time.sleep(60)"
    log = tmp_path / "guarded.log"
    process = servers.GuardedProcess(
        "It", [sys.executable, "-c", keep], log, {"MARK": str(tmp_path)}
    )
    assert wait_until(lambda: bool(log.read_text().strip()), 20)
    grandchild = psutil.Process(int(log.read_text()))
    process.check()
    process.stop()
    assert not grandchild.is_running()
    assert not processes_of(tmp_path)
    with pytest.raises(LfwError, match=r"It ended unexpectedly.*guarded\.log"):
        process.check()


def test_a_guarded_process_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_GUARDED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert read_line(process) == "started"
        assert len(processes_of(tmp_path)) >= 2
        process.kill()
        process.wait()
        assert wait_until(lambda: not processes_of(tmp_path), 10)


def test_everything_is_served_until_ctrl_c(folder: Path) -> None:
    serve = "import os, time; print(os.environ['PREFECT_API_URL'], flush=True); time.sleep(600)"
    with (
        subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder), serve],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.kill)  # a failed check must not wait for it
        lines = [read_line(process) for _ in range(5)]
        addresses = dict(line.split(maxsplit=1) for line in lines)
        assert answers(f"{addresses['Prefect']}/api/health")
        assert answers(f"{addresses['MLflow']}/health")
        assert new_experiment(addresses["MLflow"]) == f"{servers.artifact_root(folder)}/1"
        log = folder / "logs" / "deployments.log"
        assert wait_until(lambda: log.read_text() == f"{addresses['Prefect']}/api\n", 10)

        api = f"{addresses['Prefect']}/api"
        deployment = new_schedule(api)
        # Prefect 3.8 with SQLAlchemy 2.1 plans nothing and only says so in the server's log.
        assert wait_until(lambda: scheduled_runs(api, deployment) > 0, 30)

        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGINT)  # an impatient user
        _, errors = process.communicate(timeout=30)
        assert time.monotonic() - began < 15
        assert process.returncode == 0
        assert errors == ""
    assert not processes_of(folder)


def test_the_death_of_one_ends_all_and_names_its_log(named_server: str, tmp_path: Path) -> None:
    named = {"PREFECT_API_URL": named_server, "MLFLOW_TRACKING_URI": named_server}
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(tmp_path), "raise SystemExit('no such flow')"],
        env={**os.environ, **named},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert "The deployments ended unexpectedly (exit code 1); see" in done.stderr
    assert "deployments.log" in done.stderr
    assert "no such flow" in done.stderr
    assert "Traceback" not in done.stderr
    assert not processes_of(tmp_path)
