"""Servers killed mid-run: it ends FINISHED with no gap, or FAILED with the reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.faults.servers import Postgres, Server, mlflow_at, prefect_at
from tests.faults.undisturbed import Outcome, store_of
from tests.flows.workplace import QUICK, Workplace, in_work, prefect_rows, server_of, wait_for
from tests.infra.stack.processes import composed, postgres_programs, what_is_missing

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

EPOCHS = 3
_ASKED = ("train", *QUICK[:-1], str(EPOCHS), "--json")


@pytest.fixture
def place(tmp_path: Path, sample_zip: Path) -> Workplace:
    return Workplace(tmp_path / "place", sample_zip)


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[Server]:
    with prefect_at(tmp_path / "prefect") as server:
        yield server


def trained_while(
    place: Workplace, stage: str, fault: Any, *arguments: str, **servers: str
) -> tuple[int, str, str]:
    """Train, and let a fault strike while a stage is at work."""
    process = place.start(*_ASKED, "--source", str(place.source), *arguments, **servers)
    wait_for(lambda: in_work(place.data / "stages" / stage), process)
    fault()
    out, err = process.communicate(timeout=1500)
    return process.returncode, out, err


def trained(place: Workplace, *arguments: str, **servers: str) -> dict[str, Any]:
    code, out, err = place.run(*_ASKED, "--source", str(place.source), *arguments, **servers)
    assert code == 0, err[-3000:]
    result: dict[str, Any] = json.loads(out)
    return result


def check_whole(client: MlflowClient, result: dict[str, Any]) -> None:
    """See that a run is finished, and nothing that it logged is missing."""
    run = client.get_run(result["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert [metric.step for metric in history] == list(range(1, EPOCHS + 1))
    assert run.data.metrics["test_accuracy"] == result["test"]["accuracy"]["value"]
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"report.html", "result.json", "train", "evaluate", "stratified-split"} <= names


def test_mlflow_killed_and_restarted_leaves_no_gap(place: Workplace, tmp_path: Path) -> None:
    folder = tmp_path / "mlflow"
    with mlflow_at(folder, f"sqlite:///{folder}/mlflow.db") as server, server_of(place):
        at = {"MLFLOW_TRACKING_URI": server.url}
        code, out, err = trained_while(place, "train", server.restart, **at)
        assert code == 0, err[-3000:]
        check_whole(MlflowClient(server.url), json.loads(out))


def test_mlflow_gone_for_good_is_told_and_its_run_closed_later(
    place: Workplace, tmp_path: Path
) -> None:
    folder = tmp_path / "mlflow"
    with mlflow_at(folder, f"sqlite:///{folder}/mlflow.db") as server, server_of(place):
        at = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
        code, _, err = trained_while(place, "train", server.kill, **at)
        assert code == 1
        last = err.splitlines()[-1]
        assert last.startswith("lfw: ")
        assert server.url in last
        server.start()
        result = trained(place, **at)
        client = MlflowClient(server.url)
        check_whole(client, result)
        runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
        [other] = [r for r in runs if r.info.run_id != result["mlflow_run_id"]]
        assert other.info.status in {"FAILED", "KILLED"}
        assert other.data.tags["failure"]


def test_prefect_killed_and_restarted_the_run_goes_on(place: Workplace, prefect: Server) -> None:
    at = {"PREFECT_API_URL": prefect.url}
    code, out, err = trained_while(place, "train", prefect.restart, **at)
    assert code == 0, err[-3000:]
    check_whole(store_of(place), json.loads(out))


def test_prefect_gone_for_good_fails_the_run_with_the_reason(
    place: Workplace, prefect: Server
) -> None:
    at = {"PREFECT_API_URL": prefect.url, "PREFECT_CLIENT_MAX_RETRIES": "1"}
    code, _, err = trained_while(place, "train", prefect.kill, **at)
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith("lfw: ")
    assert prefect.url in last
    client = store_of(place)
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FAILED"
    assert run.data.tags["failure"]
    prefect.start()
    check_whole(client, trained(place, **at))


def test_postgresql_restarted_leaves_no_gap(place: Workplace, tmp_path: Path) -> None:
    if missing := what_is_missing():
        pytest.skip(f"the team's stack needs {', '.join(missing)}")
    programs = postgres_programs(composed()["services"]["postgres"]["image"])
    assert programs is not None
    with (
        Postgres(programs) as database,
        mlflow_at(tmp_path / "mlflow", database.url) as server,
        server_of(place),
    ):
        at = {"MLFLOW_TRACKING_URI": server.url}
        code, out, err = trained_while(place, "train", database.restart, **at)
        assert code == 0, err[-3000:]
        first = json.loads(out)
        check_whole(MlflowClient(server.url), first)
        assert Outcome.of(trained(place, **at)) == Outcome.of(first)


def test_the_local_prefect_server_killed_fails_the_run_and_the_next_starts_another(
    place: Workplace,
) -> None:
    def kill_server() -> None:
        import psutil

        state = json.loads((place.data / "prefect" / "server.json").read_text())
        psutil.Process(state["pid"]).kill()

    code, _, err = trained_while(place, "train", kill_server, PREFECT_CLIENT_MAX_RETRIES="1")
    assert code == 1
    assert err.splitlines()[-1].startswith("lfw: ")
    check_whole(store_of(place), trained(place))
    query = "select state_type from flow_run order by created"
    assert [state for (state,) in prefect_rows(place, query)] == ["CRASHED", "COMPLETED"]
    query = "select message from flow_run_state where type = 'CRASHED'"
    assert prefect_rows(place, query) == [("its Prefect server answered no longer",)]
