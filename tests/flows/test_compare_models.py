"""Comparisons, from the command line, on a real Prefect server, MLflow store and Dask cluster."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from infra.prefect_server import client_environment
from lfw.digest import file_digest
from tests.cluster import dask_cluster, free_port
from tests.flows.workplace import CHOSEN, Workplace, prefect_rows, ran

HOG = ("--models", "hog")
STAGES_OF_A_CELL = {"stratified-split", "train", "baselines", "open-set", "evaluate"}


def compare(place: Workplace, *arguments: str, **more: str) -> dict[str, Any]:
    asked = ("compare", "--source", str(place.source), *HOG, *arguments)
    found: dict[str, Any] = place.ask(*asked, **more)["comparison"]
    return found


def train_hog(place: Workplace, seed: str) -> dict[str, Any]:
    asked = ("--model", "hog", "--seed", seed)
    return place.ask("train", "--source", str(place.source), *CHOSEN, *asked)


def parent_of(client: MlflowClient) -> Run:
    """The MLflow run of the newest comparison."""
    [experiment] = [e for e in client.search_experiments() if e.name == "compare-models"]
    runs = client.search_runs([experiment.experiment_id])
    return next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)


def comparison_of(parent: Run) -> dict[str, Any]:
    kept = mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/result.json")
    found: dict[str, Any] = json.loads(kept)["comparison"]
    return found


@pytest.fixture(scope="module")
def before(place: Workplace) -> dict[str, Any]:
    """A training of the same kind as a cell."""
    return train_hog(place, "0")


@pytest.fixture(scope="module")
def asked(place: Workplace, before: dict[str, Any]) -> tuple[int, str, str]:
    """Two cells that go well and two that fail, in threads: exit code, output and messages."""
    grid = ("--selections", "3x15", "3x500", "--seeds", "0", "1")
    return place.run("compare", "--source", str(place.source), *HOG, *grid, "--json")


def test_a_failed_cell_takes_no_other_along_and_cells_are_trainings(
    place: Workplace,
    before: dict[str, Any],
    asked: tuple[int, str, str],
    client: MlflowClient,
) -> None:
    code, out, err = asked
    assert (code, out) == (1, "")
    last = err.splitlines()[-1]
    assert "2 of 4 cells failed" in last
    assert "hog on top 3 x 500, seed 0" in last
    assert "Traceback" not in err

    parent = parent_of(client)
    runs = client.search_runs([parent.info.experiment_id])
    children = [run for run in runs if run.info.run_id != parent.info.run_id]
    cells = {run.info.run_name.removesuffix(" · SYNTHETIC"): run for run in children}
    assert parent.info.status == "FAILED"
    assert parent.data.metrics["cells_failed"] == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in cells.values()} == {parent.info.run_id}
    states = {name: run.info.status for name, run in cells.items()}
    assert states == {
        "hog · top 3 x 15 · seed 0": "FINISHED",
        "hog · top 3 x 15 · seed 1": "FINISHED",
        "hog · top 3 x 500 · seed 0": "FAILED",
        "hog · top 3 x 500 · seed 1": "FAILED",
    }
    assert "500" in cells["hog · top 3 x 500 · seed 0"].data.tags["failure"]

    first = cells["hog · top 3 x 15 · seed 0"]
    trained = client.get_run(before["mlflow_run_id"])
    assert first.data.tags["reused_from.train"] == before["mlflow_run_id"]
    missing = set(trained.data.metrics) - set(first.data.metrics)
    assert missing <= {"images", "data_bytes"}, "the parent has fetched the data"
    for name in ("test_accuracy", "test_macro_f1", "baseline_hog_lda_accuracy"):
        assert first.data.metrics[name] == trained.data.metrics[name]
    assert not client.search_model_versions("name='lfw-faces'")[1:], "cells are not registered"

    row = mlflow.artifacts.load_dict(f"{first.info.artifact_uri}/result.json")
    for stage, digest in (("evaluate", "answers"), ("baselines", "baseline_answers")):
        answers = client.download_artifacts(first.info.run_id, f"{stage}/answers.csv")
        assert row[f"{digest}_sha256"] == file_digest(Path(answers))

    comparison = comparison_of(parent)
    by_seed = {(row["selection"], row["seed"]): row for row in comparison["cells"]}
    assert not STAGES_OF_A_CELL & set(by_seed["top 3 x 15", 0]["stages_run"])
    assert set(by_seed["top 3 x 15", 1]["stages_run"]) >= STAGES_OF_A_CELL
    assert "500" in by_seed["top 3 x 500", 1]["failure"]
    table = {row["classifier"]: row for row in comparison["table"]}
    assert set(table) == {"hog", "majority", "eigenfaces_svm", "hog_lda"}
    assert (table["hog"]["seeds"], table["hog"]["test_images"]) == (2, 9)
    assert table["hog"]["min"] <= table["hog"]["mean"] <= table["hog"]["max"]

    after = train_hog(place, "1")
    assert not STAGES_OF_A_CELL & ran(after), "a cell serves a training, too"

    keys = prefect_rows(
        place,
        "select key from artifact where type = 'table' and replace(flow_run_id, '-', '') = ?",
        parent.data.tags["prefect.flow_run_id"].replace("-", ""),
    )
    assert {key for (key,) in keys} == {"comparison", "comparison-tests", "comparison-cells"}
    assert "hog_lda (baseline)" in parent.data.tags["mlflow.note.content"]
    kept = {file.path for file in client.list_artifacts(parent.info.run_id, "compare")}
    assert {f"compare/{name}" for name in ("comparison.csv", "tests.csv", "comparison.png")} <= kept


@pytest.mark.usefixtures("asked")
def test_wherever_cells_and_audit_run_they_come_to_the_same(
    place: Workplace, client: MlflowClient, databases: Path
) -> None:
    here = comparison_of(parent_of(client))
    elsewhere = Workplace(place.folder / "elsewhere", place.source, databases, forked=True)
    url = place.server()
    environment = elsewhere.environment() | client_environment(elsewhere.data, url)
    grid = ("--selections", "3x15", "--seeds", "0", "1")
    with dask_cluster(place.folder / "dask", environment) as address:
        runner = ("--runner", "dask", "--dask-address", address)
        there = compare(elsewhere, *grid, *runner, PREFECT_API_URL=url)
    assert (there["table"], there["tests"]) == (here["table"], here["tests"])
    assert set(there["cells"][0]["stages_run"]) >= STAGES_OF_A_CELL
    for stage in ("resolution-audit", "stratified-split", "baselines"):
        assert files(elsewhere, stage) <= files(place, stage)


@pytest.mark.long
@pytest.mark.usefixtures("asked")
def test_cells_run_in_processes(place: Workplace) -> None:
    spread = compare(place, "--selections", "3x15", "--seeds", "6", "7", "--runner", "processes")
    assert [cell["failure"] for cell in spread["cells"]] == [None, None]
    assert set(spread["cells"][0]["stages_run"]) >= STAGES_OF_A_CELL


@pytest.mark.usefixtures("asked")
def test_one_seed_is_not_enough_data_for_a_test_over_splits(
    place: Workplace, client: MlflowClient
) -> None:
    code, out, _ = place.run(
        *("compare", "--source", str(place.source), *HOG, "--selections", "3x15", "--seeds", "0")
    )
    assert code == 0
    assert "not enough data" in out
    found = comparison_of(parent_of(client))
    pairs = {(row["first"], row["second"]): row for row in found["tests"]}
    assert set(pairs) == {("hog", "eigenfaces_svm"), ("hog", "hog_lda")}
    for row in pairs.values():
        assert (row["t_p"], row["t_holm"]) == (None, None)
        assert 0 <= row["mcnemar_p"] <= row["mcnemar_holm"] <= 1


def files(place: Workplace, stage: str) -> set[str]:
    """Digests of the files of every result of a stage."""
    records = (place.data / "stages" / stage).glob("*/stage.json")
    return {json.dumps(json.loads(record.read_text())["files"]) for record in records}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--models", "vgg"), "vgg"),
        (("--selections", "six"), "'six' is no selection"),
        (("--seeds", "1", "1"), "seeds has 1 more than once"),
        (("--dask-address", "tcp://127.0.0.1:1"), "is for the runner dask"),
        (("--selections", "Nobody_Here,Nor_There"), "Nobody_Here"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    place: Workplace,
    answered: Callable[..., tuple[int, str, str]],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    code, out, err = answered("compare", "--source", str(place.source), *arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_a_cluster_that_is_not_there_is_told(place: Workplace) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    code, out, err = place.run(
        "audit", "--source", str(place.source), "--runner", "dask", "--dask-address", address
    )
    assert (code, out) == (2, "")
    assert "no Dask scheduler answers" in err.splitlines()[-1]


def test_a_version_that_is_not_there_is_told_before_any_cell(place: Workplace) -> None:
    grid = ("--models", "hog", "embedding", "--selections", "3x15", "--seeds", "0")
    code, out, err = place.run(
        *("compare", "--source", str(place.source), *grid, "--embedding", "99", "--json"),
        *("--experiment", "elsewhere"),
    )
    assert (code, out) == (2, "")
    assert "embedding = '99': lfw-embedding has no such version" in err.splitlines()[-1]
    assert "stratified-split" not in err
