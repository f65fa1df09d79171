import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from infra.mlflow_store import artifact_root
from tests.infra.support import answers, processes_of, read_line, wait_until

STAGES = (
    *("fetch-and-unpack", "read-lists", "path-expansion", "resolution-audit", "bias-report"),
    *("stratified-split", "train", "baselines", "evaluate", "register"),
)
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


def new_experiment(mlflow_url: str) -> str:
    """Create an experiment and return where its artifacts go."""
    api = f"{mlflow_url}/api/2.0/mlflow/experiments"
    number = httpx.post(f"{api}/create", json={"name": "faces"}).json()["experiment_id"]
    found = httpx.get(f"{api}/get", params={"experiment_id": number}).json()
    return str(found["experiment"]["artifact_location"])


def post(api: httpx.Client, path: str, body: Mapping[str, object]) -> httpx.Response:
    """Ask as Prefect's client does: while its database is busy, the server answers 503."""
    for _ in range(20):
        answer = api.post(path, json=body)
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    return answer.raise_for_status()


def new_schedule(api_url: str) -> str:
    """Create a deployment that is due every day and return its id."""
    daily = {"schedule": {"cron": "0 3 * * *", "timezone": "UTC"}, "active": True}
    with httpx.Client(base_url=api_url, trust_env=False) as api:
        flow = post(api, "/flows/", {"name": "scheduled"}).json()["id"]
        deployment = {"name": "daily", "flow_id": flow, "schedules": [daily]}
        return str(post(api, "/deployments/", deployment).json()["id"])


def listening_addresses(folder: Path) -> set[str]:
    """On which addresses the processes of a data folder can be reached."""
    found: set[str] = set()
    for process in processes_of(folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            listening = (c for c in process.net_connections("inet") if c.status == "LISTEN")
            found.update(connection.laddr.ip for connection in listening)
    return found


def scheduled_runs(api_url: str, deployment: str) -> int:
    only = {"deployments": {"id": {"any_": [deployment]}}}
    answer = httpx.post(f"{api_url}/flow_runs/filter", json=only)
    return sum(run["state_type"] == "SCHEDULED" for run in answer.json())


def test_neither_prefect_nor_mlflow_is_imported_with_the_module() -> None:
    code = "import sys, infra.ui; assert not {'prefect', 'mlflow', 'uvicorn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


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
        lines = [read_line(process) for _ in range(6)]
        addresses = dict(line.split(maxsplit=1) for line in lines)
        assert answers(f"{addresses['Prefect']}/api/health")
        assert answers(f"{addresses['MLflow']}/health")
        assert new_experiment(addresses["MLflow"]) == f"{artifact_root(folder)}/1"
        assert listening_addresses(folder) == {"127.0.0.1"}
        for url in (f"{addresses['Prefect']}/api/health", f"{addresses['MLflow']}/#/"):
            foreign = httpx.get(url, headers={"Host": "evil.example"}, trust_env=False)
            assert foreign.status_code in {400, 403}, url  # a name of theirs that leads here
            asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
            answer = httpx.options(url, headers=asked, trust_env=False)
            assert "access-control-allow-origin" not in answer.headers
        log = folder / "logs" / "deployments.log"
        assert wait_until(lambda: log.read_text() == f"{addresses['Prefect']}/api\n", 10)

        api = f"{addresses['Prefect']}/api"
        deployment = new_schedule(api)
        # A scheduler that fails says so in the server's log only.
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


def start(api: httpx.Client, deployment: str, **parameters: object) -> str:
    """Start a run as the form of the Prefect UI does, and give its id."""
    path = f"/deployments/name/{deployment}"
    assert wait_until(lambda: api.get(path).status_code == 200, 30)
    number = api.get(path).json()["id"]
    body = {"parameters": parameters}
    return str(post(api, f"/deployments/{number}/create_flow_run", body).json()["id"])


def ended(api: httpx.Client, run: str) -> dict[str, Any]:
    """Wait for the end of a run."""
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(api.get(f"/flow_runs/{run}").json())
        return found["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

    assert wait_until(is_over, 300), found.get("state")
    return found


def one_waits(api: httpx.Client, deployment: str, parameters: dict[str, Any]) -> str:
    """Start two runs at once, see that one is made to wait, and give the other one."""
    runs = [start(api, deployment, **parameters) for _ in range(2)]
    names: list[str] = []

    def waits() -> bool:
        names[:] = [api.get(f"/flow_runs/{run}").json()["state_name"] for run in runs]
        return "AwaitingConcurrencySlot" in names

    assert wait_until(waits, 60), names
    waiting = runs.pop(names.index("AwaitingConcurrencySlot"))
    # It would start half a minute after the other one has ended.
    api.delete(f"/flow_runs/{waiting}").raise_for_status()
    return runs[0]


def check_runs(api: httpx.Client, asked: Mapping[str, Mapping[str, object]]) -> None:
    """Start a run of each deployment at once: all end well."""
    runs = {name: start(api, name, **parameters) for name, parameters in asked.items()}
    states = {name: ended(api, run)["state"] for name, run in runs.items()}
    amiss = {
        name: state["message"] for name, state in states.items() if state["type"] != "COMPLETED"
    }
    assert not amiss


class Served(NamedTuple):
    """What `lfw ui` serves."""

    api: httpx.Client
    mlflow: str


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve everything from another folder; at Ctrl-C it ends, and nothing is left."""
    environ = {**os.environ, "LFW_DATA": str(folder / "data"), "HOME": str(folder)}
    (folder / "elsewhere").mkdir()
    with (
        subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "ui"],
            env=environ,
            cwd=folder / "elsewhere",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.kill)  # a failed check must not wait for it
        lines = [read_line(process) for _ in range(6)]
        addresses = dict(line.split(maxsplit=1) for line in lines)
        with httpx.Client(base_url=f"{addresses['Prefect']}/api", trust_env=False) as api:
            yield Served(api, addresses["MLflow"])
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
    assert not processes_of(folder)


def check_stages(api: httpx.Client, run: str) -> None:
    """Every stage of a run is there, completed, and has its artifact."""
    only = {"flow_runs": {"id": {"any_": [run]}}}

    def states() -> dict[str, str]:
        found = post(api, "/task_runs/filter", only).json()
        return {task["name"]: task["state_type"] for task in found}

    # The server files what happened to tasks a moment after it has happened.
    assert wait_until(lambda: set(states().values()) == {"COMPLETED"}, 20), states()
    assert set(states()) >= set(STAGES)
    shown = {one["key"]: one["task_run_id"] for one in post(api, "/artifacts/filter", only).json()}
    assert set(shown) >= {*STAGES, "stages", "mlflow-run"}
    assert all(shown[stage] for stage in STAGES)


def test_what_is_started_at_the_prefect_ui_ends_well_and_shows_its_stages(
    tmp_path: Path, sample_folder: Path
) -> None:
    people = ["Abrix_Arfadle", "Lumo_Boltobin"]
    sample = {"source": str(sample_folder)}
    image = next(sample_folder.rglob("*_0001.jpg"))
    with served(tmp_path) as (api, mlflow):
        # On demand it is started by the tests of the web pages and of the team's stack.
        asked = {**sample, "people": people, "model": "hog"}
        run = ended(api, one_waits(api, "train-faces/nightly", asked))
        assert run["state_type"] == "COMPLETED", run["state"]
        assert "SYNTHETIC" in run["name"]
        check_stages(api, run["id"])
        tracked = {"run_id": run["labels"]["mlflow.run_id"]}
        found = httpx.get(f"{mlflow}/api/2.0/mlflow/runs/get", params=tracked).json()["run"]
        assert found["info"]["status"] == "FINISHED"
        tags = {tag["key"]: tag["value"] for tag in found["data"]["tags"]}
        assert tags["prefect.flow_run_id"] == run["id"]
        score = {"paths": [str(image)], "model_version": "1"}
        check_runs(api, {"score-faces/on-demand": score})


@pytest.mark.long
def test_runs_of_the_other_kinds_end_well(tmp_path: Path, sample_folder: Path) -> None:
    sample = {"source": str(sample_folder)}
    grid = {"models": ["hog"], "selections": ["Abrix_Arfadle,Lumo_Boltobin"], "seeds": [0]}
    asked: dict[str, dict[str, object]] = {
        "audit-dataset/weekly": {**sample},
        "compare-models/on-demand": {**sample, **grid},
        "pretrain-embedding/weekly": {**sample, "epochs": 1, "exclude_min_images": 5},
    }
    with served(tmp_path) as (api, _):
        check_runs(api, asked)
