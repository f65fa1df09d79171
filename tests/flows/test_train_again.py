"""Trainings again: what they reuse, what they run anew, and how they go on after their death."""

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.flows.workplace import (
    CHOSEN,
    HOG,
    QUICK,
    STAGES,
    Workplace,
    prefect_rows,
    ran,
    reused,
    wait_for,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, sample_folder: Path) -> Path:
    """A folder that may be changed."""
    return Path(shutil.copytree(sample_folder, tmp_path_factory.mktemp("source") / "source"))


def train(place: Workplace, *arguments: str) -> dict[str, Any]:
    return place.ask("train", "--source", str(place.source), *HOG, *arguments)


@pytest.fixture(scope="module")
def first(place: Workplace) -> dict[str, Any]:
    """The first run of all."""
    return train(place)


@pytest.mark.usefixtures("first")
def test_another_seed_splits_and_trains_anew(place: Workplace, first: dict[str, Any]) -> None:
    other = train(place, "--seed", "7")
    assert other["split_digest"] != first["split_digest"]
    assert {"stratified-split", "train", "evaluate"} <= ran(other)
    assert reused(other)["resolution-audit"]
    why = {record["name"]: record["why"] for record in other["stages"]}
    assert "seed (0 → 7)" in why["stratified-split"]


@pytest.mark.usefixtures("first")
def test_what_changed_or_vanished_runs_with_all_that_rests_on_it(place: Workplace) -> None:
    path = place.code / "lfw" / "bias.py"
    before = path.read_text()
    path.write_text(before.replace("ENOUGH = 30", "ENOUGH = 31"))
    for answers in (place.data / "stages" / "baselines").glob("*/answers.csv"):
        answers.unlink()
    try:
        changed = train(place)
    finally:
        path.write_text(before)
    # The test figures are the same: not registered anew.
    assert ran(changed) == {"bias-report", "baselines", "evaluate"}
    why = {record["name"]: record["why"] for record in changed["stages"]}
    assert "code of lfw.bias" in why["bias-report"]
    assert "code of lfw.bias" in why["evaluate"]
    assert why["baselines"] == "its earlier files were removed or changed"


@pytest.mark.usefixtures("first")
def test_a_touched_list_runs_what_reads_it(place: Workplace) -> None:
    path = place.source / "pairs.csv"
    before = path.read_bytes()
    rows = before.split(b"\r\n")
    rows[1], rows[2] = rows[2], rows[1]
    path.write_bytes(b"\r\n".join(rows))
    try:
        changed = train(place)
    finally:
        path.write_bytes(before)
    assert "read-lists" in ran(changed)
    assert not {"resolution-audit", "train"} & ran(changed)


@pytest.mark.usefixtures("first")
def test_a_touched_image_is_audited_and_the_damage_told(place: Workplace) -> None:
    image = next((place.source / "lfw-deepfunneled").rglob("*_0001.jpg"))
    before = image.read_bytes()
    image.write_bytes(before[: len(before) // 2])
    try:
        changed = train(place)
        assert "resolution-audit" in ran(changed)
        assert any(image.name in text and "damaged" in text for text in changed["warnings"])
        code, out, err = place.run(
            "train", "--source", str(place.source), *HOG, "--audit-gate", "fail", "--json"
        )
    finally:
        image.write_bytes(before)
    assert (code, out) == (1, "")
    assert image.name in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "stages",
    [
        ("evaluate",),
        pytest.param(("resolution-audit", "train", "register"), marks=pytest.mark.faults),
    ],
)
def test_killed_again_and_again_it_goes_on_with_the_stage_it_was_in(
    place: Workplace, client: MlflowClient, stages: tuple[str, ...]
) -> None:
    asked = ("--errata", str(_errata(place, stages[-1])), "--seed", str(10 + len(stages)))
    killed: dict[str, str] = {}
    for stage in stages:
        place.kill_in(stage, *HOG, *asked, "--experiment", "elsewhere")
        [left_open] = open_runs(client)  # those that were killed before it are closed by it
        killed[stage] = left_open.info.run_id
    result = train(place, *asked)
    left = STAGES[STAGES.index(stages[-1]) :]
    assert ran(result) == set(left), "finished stages are not run again"
    assert open_runs(client) == []
    for (stage, run_id), follower in zip(
        killed.items(), [*list(killed.values())[1:], result["mlflow_run_id"]], strict=True
    ):
        run = client.get_run(run_id)
        assert run.info.status == "KILLED"
        assert run.data.tags["failure"] == "its process was killed"
        [(state,)] = prefect_rows(
            place,
            "select state_type from flow_run where replace(id, '-', '') = ?",
            run.data.tags["prefect.flow_run_id"].replace("-", ""),
        )
        assert state == "CRASHED"
        tags = client.get_run(follower).data.tags
        finished = STAGES[1 : STAGES.index(stage)]
        assert {f"reused_from.{name}" for name in finished} <= set(tags)
        assert f"reused_from.{stage}" not in tags
        leftovers = (place.data / "stages" / stage).glob(".partial-*")
        assert list(leftovers) == []


@pytest.mark.usefixtures("first")
def test_killed_before_its_work_began_it_is_closed_by_the_next(place: Workplace) -> None:
    flow_run_id = place.kill_before_work(*HOG)
    train(place)
    query = "select state_type from flow_run where replace(id, '-', '') = ?"
    assert prefect_rows(place, query, flow_run_id) == [("CRASHED",)]


def open_runs(client: MlflowClient) -> list[Run]:
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, "attributes.status = 'RUNNING'"))


def _errata(place: Workplace, name: str) -> Path:
    path = place.folder / "errata.csv"
    path.write_text(f"subject,problem,other\n{name},misspelt_name,Somebody\n")
    return path


@pytest.mark.usefixtures("first")
def test_a_failed_run_is_failed_on_both_sides(place: Workplace, client: MlflowClient) -> None:
    source = ("--source", str(place.source))
    code, out, err = place.run("train", *source, *CHOSEN, "--embedding", "99", "--json")
    assert (code, out) == (2, "")
    assert "embedding = '99': lfw-embedding has no such version" in err.splitlines()[-1]
    assert "Traceback" not in err
    [experiment] = [e for e in client.search_experiments() if e.name == "train-faces"]
    last = client.search_runs([experiment.experiment_id], max_results=1)[0]
    assert last.info.status == "FAILED"
    assert "embedding = '99'" in last.data.tags["failure"]


def test_interrupted_it_ends_as_failed(place: Workplace, client: MlflowClient) -> None:
    process = place.start("train", "--source", str(place.source), *QUICK, "--seed", "99")
    wait_for(lambda: len(open_runs(client)) == 1, process, pause=0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "lfw: interrupted; run the same command again: finished stages are reused." in err
    assert open_runs(client) == []
