"""The team's stack as processes: a run from end to end, back-up and restore, a laptop's move.

The tests build on each other, in this order.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from infra.automations import ON_FAILURE, ON_PROMOTION
from tests.infra.stack.asking import (
    LFW,
    as_client,
    ask_mlflow,
    ask_prefect,
    doctor,
    ended,
    objects,
    runs_of,
    set_state,
    start_run,
)
from tests.infra.stack.processes import INSTALL, ROOT, TeamStack, what_is_missing
from tests.infra.stack.snippets import AGAIN, ECHO, PREDICT, PROMOTED
from tests.infra.support import wait_until

MISSING = what_is_missing()
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"the team's stack needs {INSTALL}"),
    pytest.mark.timeout(900),
]

ASKED = {"top": 3, "images_per_person": 15, "model": "hog"}


# --- logins ------------------------------------------------------------------------------------


def test_both_servers_refuse_who_does_not_log_in(stack: TeamStack) -> None:
    for url in (
        f"{stack.url('prefect')}/api/admin/version",
        f"{stack.url('mlflow')}/api/2.0/mlflow/experiments/get?experiment_id=0",
        f"{stack.url('mlflow')}/api/2.0/mlflow-artifacts/artifacts",
    ):
        assert httpx.get(url).status_code == 401, url
        assert httpx.get(url, auth=("admin", "password1234")).status_code == 401, url
    assert ask_mlflow(stack, "experiments/get", experiment_id=0)["experiment"]
    assert ask_prefect(stack, "admin/version")


def test_the_store_refuses_who_has_no_key(stack: TeamStack) -> None:
    assert httpx.get(stack.url("store")).status_code == 403
    assert httpx.put(f"{stack.url('store')}/stolen").status_code == 403


def test_both_servers_refuse_other_hosts_and_web_sites(stack: TeamStack) -> None:
    user, _, password = stack.secret("prefect_login").partition(":")
    version = f"{stack.url('prefect')}/api/admin/version"
    known = httpx.get(version, auth=(user, password), headers={"Host": "prefect:4200"})
    assert known.status_code == 200
    for path in ("/api/admin/version", "/api/health", "/"):
        evil = httpx.get(
            f"{stack.url('prefect')}{path}",
            auth=(user, password),
            headers={"Host": "evil.example"},
        )
        assert evil.status_code == 400, path
    url = f"{stack.url('mlflow')}/api/2.0/mlflow/experiments/get?experiment_id=0"
    auth = ("admin", stack.secret("mlflow_admin_password"))
    assert httpx.get(url, auth=auth).status_code == 200
    assert httpx.get(url, auth=auth, headers={"Host": "evil.example"}).status_code == 403
    foreign = httpx.post(
        f"{stack.url('mlflow')}/api/2.0/mlflow/experiments/create",
        auth=auth,
        headers={"Origin": "https://evil.example"},
        json={"name": "evil"},
    )
    assert foreign.status_code == 403
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    api = f"{stack.url('prefect')}/api/flows/filter"
    answer = httpx.options(api, headers=asked)
    assert "access-control-allow-origin" not in answer.headers


# --- a run from end to end ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(stack: TeamStack) -> dict[str, Any]:
    """A run that a worker took: its Prefect run, its MLflow run and its model version."""
    stack.run("deployments")
    stack.start("worker")
    run = ended(stack, start_run(stack, "train-faces/on-demand", parameters=ASKED))
    assert run["state_type"] == "COMPLETED", run["state"]["message"] + stack.story()
    stack.wait("worker")
    stack.stop("worker")
    version = ask_mlflow(stack, "model-versions/get", name="lfw-faces", version="1")
    return {"flow_run_id": run["id"], "version": version["model_version"]}


def test_a_worker_takes_a_deployment_from_end_to_end(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    version = trained["version"]
    assert version["status"] == "READY"
    run = ask_mlflow(stack, "runs/get", user="worker", run_id=version["run_id"])["run"]
    assert run["info"]["status"] == "FINISHED"
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert tags["prefect.flow_run_id"] == trained["flow_run_id"]
    assert tags["prefect.flow_run_url"].startswith(f"{stack.url('prefect')}/")
    stored = objects(stack)
    uri = run["info"]["artifact_uri"]
    assert uri.startswith("mlflow-artifacts:/")
    folder = uri.removeprefix("mlflow-artifacts:/")
    assert stored[f"{folder}/result.json"] > 100
    assert any(key.endswith("/MLmodel") and "/models/m-" in key for key in stored)


def test_the_store_takes_a_disk_one_volume_at_a_time(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    """By seven, the store's own log takes a small disk, and artifacts are refused (code 500)."""
    topology = httpx.get(f"{stack.url('master')}/dir/status").json()["Topology"]
    volumes = [(one["collection"], one["writables"] or []) for one in topology["Layouts"]]
    assert [len(taken) for name, taken in volumes if name == "mlflow"] == [1]
    assert all(len(taken) <= 1 for _, taken in volumes), volumes


def test_of_all_that_trains_one_run_is_offered_to_workers_at_a_time(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    first, second = (
        start_run(stack, f"{flow}/on-demand") for flow in ("train-faces", "compare-models")
    )

    def offered() -> set[str]:
        found = ask_prefect(stack, "work_pools/lfw/get_scheduled_flow_runs", limit=100)
        return {one["flow_run"]["id"] for one in found} & {first, second}

    assert offered() == {first}
    set_state(stack, first, "RUNNING")
    assert offered() == set()
    set_state(stack, first, "COMPLETED")
    assert offered() == {second}
    set_state(stack, second, "CANCELLED")


def test_a_nightly_training_that_fails_is_tried_again_and_then_the_data_is_audited(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    said = stack.run("worker", *LFW, "automate", "--watched", str(stack.folder / "data"))
    assert set(said.splitlines()) >= {ON_FAILURE, ON_PROMOTION}
    stack.start("worker")
    soon = {"env": {"PREFECT_FLOW_DEFAULT_RETRY_DELAY_SECONDS": "1"}}  # as shipped, 5 minutes
    nightly = {"parameters": {"source": "/nowhere"}, "job_variables": soon}
    failed = ended(stack, start_run(stack, "train-faces/nightly", **nightly))
    assert (failed["state_name"], failed["run_count"]) == ("Failed", 2), stack.log("worker")
    assert "/nowhere" in failed["state"]["message"]
    assert wait_until(lambda: bool(runs_of(stack, "audit-dataset")), 60), stack.log("prefect")
    [audit] = runs_of(stack, "audit-dataset")
    assert ended(stack, audit["id"])["state_type"] == "COMPLETED", stack.log("worker")
    stack.stop("worker")


def test_a_promotion_has_the_watched_images_scored_again(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    stack.run("worker", "python", "-c", PROMOTED)
    assert wait_until(lambda: bool(runs_of(stack, "score-faces")), 60), stack.log("prefect")
    [scoring] = runs_of(stack, "score-faces")
    assert scoring["parameters"] == {"paths": [str(stack.folder / "data")]}


def test_no_secret_is_in_a_log_an_object_a_result_or_a_command_line(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    files = [path for path in stack.secrets.iterdir() if not path.name.endswith(".json")]
    secrets = [path.read_text(encoding="utf-8").strip().rpartition(":")[2] for path in files]
    assert len(secrets) == 9
    patterns = [word for secret in secrets for word in ("-e", secret)]
    for kept in ("logs", "data", "home", "store"):
        command = ["grep", "-rlaF", *patterns, str(stack.folder / kept)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 1, found.stdout + found.stderr
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            assert not any(secret in line for secret in secrets), line.split()[:3]


def test_setting_up_again_changes_nothing_that_is_there(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    said = stack.run("deployments", "python", "-c", AGAIN)
    assert "nightly schedule is on: True" in said
    assert "set the password of MLflow's user 'worker'" in said
    assert "the work pool 'lfw' was there" in said
    assert len(ask_prefect(stack, "deployments/filter", sort="NAME_ASC")) >= 5
    queue = ask_prefect(stack, "work_pools/lfw/queues/training")
    assert queue["concurrency_limit"] == 1


def test_the_doctor_says_whether_the_logins_are_taken(
    stack: TeamStack, trained: dict[str, Any]
) -> None:
    servers = ("Prefect server", "MLflow store")
    right = doctor(stack)
    assert {right[name] for name in servers} == {"ok"}
    unsaid = doctor(stack, PREFECT_API_AUTH_STRING="", MLFLOW_TRACKING_USERNAME="")
    assert {unsaid[name] for name in servers} == {"warn"}
    others = {"PREFECT_API_AUTH_STRING": "a:b", "MLFLOW_TRACKING_PASSWORD": "c"}
    wrong = doctor(stack, 1, **others)
    assert {wrong[name] for name in servers} == {"fail"}


# --- back-up, a laptop's move, restore ---------------------------------------------------------


def stop_servers(stack: TeamStack) -> None:
    stack.stop("prefect", "mlflow")


def start_servers(stack: TeamStack) -> None:
    stack.start("prefect")
    stack.start("mlflow")
    stack.wait("prefect", "mlflow")


@pytest.fixture(scope="module")
def saved(stack: TeamStack, trained: dict[str, Any]) -> tuple[Path, dict[str, int]]:
    """A back-up, and what was in the bucket then."""
    said = stack.run("tools")
    return Path(said.strip().rpartition("backup: ")[2]), objects(stack)


def test_a_backup_is_whole_and_nobodys_else(
    stack: TeamStack, saved: tuple[Path, dict[str, int]]
) -> None:
    folder, stored = saved
    names = {path.name for path in folder.iterdir()}
    assert names == {"prefect.dump", "mlflow.dump", "bucket.tar", "manifest.json"}
    assert folder.stat().st_mode & 0o077 == 0
    assert json.loads((folder / "manifest.json").read_text())["objects"] == len(stored)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_nothing_is_restored_under_a_running_server_or_from_a_damaged_backup(
    stack: TeamStack, saved: tuple[Path, dict[str, int]]
) -> None:
    folder, stored = saved
    command = ("python", "-m", "infra.stack.restore", str(folder), "--replace")
    assert "connections to the database" in stack.run("tools", *command, expect=1)
    stop_servers(stack)
    assert "is not empty" in stack.run("tools", *command[:-1], expect=1)
    dump = folder / "mlflow.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "is damaged (mlflow.dump)" in stack.run("tools", *command, expect=1)
    dump.write_bytes(whole)
    assert objects(stack) == stored


def wipe(stack: TeamStack) -> None:
    stop_servers(stack)
    for name in ("prefect", "mlflow"):
        stack.superuser(f"DROP DATABASE {name}", f"DROP ROLE {name}")
    stack.make_databases()
    emptying = (
        "from infra.stack.bucket import Bucket; b = Bucket(); b.delete([k for k, _ in b.objects()])"
    )
    stack.run("tools", "python", "-c", emptying)
    assert objects(stack) == {}


@pytest.mark.long
def test_a_laptop_moves_into_a_new_stack(
    stack: TeamStack, saved: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    wipe(stack)
    stack.run("mlflow-schema")
    laptop = tmp_path / "at home"
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.stack.laptop", str(laptop)],
        cwd=ROOT,
        env={**stack.environment("worker"), "MLFLOW_TRACKING_URI": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    was = json.loads(done.stdout.splitlines()[-1])
    mounted = laptop.rename(tmp_path / "laptop")
    command = ("python", "-m", "infra.stack.move", str(mounted))
    assert "2 experiments, 1 runs, 1 model versions" in stack.run("tools", *command)
    assert "has runs already" in stack.run("tools", *command, expect=1)

    stack.start("mlflow")
    stack.wait("mlflow")
    run = ask_mlflow(stack, "runs/get", run_id=was["run_id"])["run"]
    assert run["info"]["run_name"] == "on a laptop"
    assert {"key": "people", "value": "Ärzte, Ö"} in run["data"]["params"]
    history = ask_mlflow(stack, "metrics/get-history", run_id=was["run_id"], metric_key="accuracy")
    assert [point["value"] for point in history["metrics"]] == [0.0, 0.25, 0.5]
    listed = ask_mlflow(stack, "artifacts/list", run_id=was["run_id"], path="notes")
    assert listed["files"] == [{"path": "notes/today.txt", "is_dir": False, "file_size": 4}]
    login = ("admin", stack.secret("mlflow_admin_password"))
    numbered = httpx.post(
        f"{stack.url('mlflow')}/api/2.0/mlflow/experiments/create",
        json={"name": "later"},
        auth=login,
    )
    assert int(numbered.json()["experiment_id"]) > int(was["experiment_id"])
    admin = {"MLFLOW_TRACKING_USERNAME": login[0], "MLFLOW_TRACKING_PASSWORD": login[1]}
    loaded = stack.run_as(admin, "worker", "python", "-c", ECHO)
    assert "[1, 2]" in loaded.splitlines()
    stack.stop("mlflow")


def test_a_restored_stack_is_as_it_was(
    stack: TeamStack, saved: tuple[Path, dict[str, int]], trained: dict[str, Any]
) -> None:
    folder, stored = saved
    wipe(stack)
    command = ("python", "-m", "infra.stack.restore", str(folder), "--replace")
    assert f"{len(stored)} objects" in stack.run("tools", *command)
    assert objects(stack) == stored
    start_servers(stack)
    flow_run = ask_prefect(stack, f"flow_runs/{trained['flow_run_id']}")
    assert flow_run["state"]["type"] == "COMPLETED"
    assert ask_prefect(stack, "deployments/name/train-faces/on-demand")
    run_id = trained["version"]["run_id"]
    assert ask_mlflow(stack, "runs/get", run_id=run_id)["run"]["info"]["status"] == "FINISHED"
    seen = as_client(stack, PREDICT, "1")
    assert seen["run_id"] == run_id
    assert seen["rows"] == 2
    assert seen["columns"][:2] == ["name", "probability"]
