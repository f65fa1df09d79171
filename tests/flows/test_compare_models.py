"""Comparisons, from the command line, on a real Prefect server, MLflow store and Dask cluster."""

import json
import os
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from infra.prefect_server import client_environment, prefect_server
from tests.cluster import dask_cluster, free_port
from tests.flows.workplace import Workplace, prefect_rows, ran

HOG = ("--models", "hog")
STAGES_OF_A_CELL = {"stratified-split", "train", "baselines", "open-set", "evaluate"}


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, sample_folder: Any
) -> Iterator[tuple[Workplace, str]]:
    """A workplace whose server stays up, and the server's address."""
    made = Workplace(tmp_path_factory.mktemp("place"), sample_folder)
    former = os.environ.pop("PREFECT_API_URL", None)
    try:
        with prefect_server(made.data) as url:
            yield made, url
    finally:
        if former is not None:
            os.environ["PREFECT_API_URL"] = former


def client_of(place: Workplace) -> MlflowClient:
    mlflow.set_tracking_uri(f"sqlite:///{place.data}/mlflow/mlflow.db")
    return MlflowClient()


def compare(place: Workplace, *arguments: str) -> dict[str, Any]:
    code, out, err = place.run("compare", "--source", str(place.source), *arguments, "--json")
    assert code == 0, err[-4000:]
    result: dict[str, Any] = json.loads(out)
    return result


def train_hog(place: Workplace, seed: str) -> dict[str, Any]:
    selection = ("--top", "3", "--images-per-person", "15", "--model", "hog", "--seed", seed)
    code, out, err = place.run("train", "--source", str(place.source), *selection, "--json")
    assert code == 0, err[-4000:]
    result: dict[str, Any] = json.loads(out)
    return result


def test_a_failed_cell_takes_no_other_along_and_cells_are_trainings(
    place: tuple[Workplace, str],
) -> None:
    work, _ = place
    before = train_hog(work, "0")
    grid = ("--selections", "3x15", "3x500", "--seeds", "0", "1")
    code, out, err = work.run("compare", "--source", str(work.source), *HOG, *grid, "--json")
    assert (code, out) == (1, "")
    last = err.splitlines()[-1]
    assert "2 of 4 cells failed" in last
    assert "hog on top 3 x 500, seed 0" in last
    assert "Traceback" not in err

    client = client_of(work)
    [experiment] = [e for e in client.search_experiments() if e.name == "compare-models"]
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    cells = {run.info.run_name.removesuffix(" · SYNTHETIC"): run for run in runs if run != parent}
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

    result = json.loads(mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/result.json"))
    by_seed = {(row["selection"], row["seed"]): row for row in result["comparison"]["cells"]}
    assert not STAGES_OF_A_CELL & set(by_seed["top 3 x 15", 0]["stages_run"])
    assert set(by_seed["top 3 x 15", 1]["stages_run"]) >= STAGES_OF_A_CELL
    assert "500" in by_seed["top 3 x 500", 1]["failure"]
    table = {row["classifier"]: row for row in result["comparison"]["table"]}
    assert set(table) == {"hog", "majority", "eigenfaces_svm", "hog_lda"}
    assert (table["hog"]["seeds"], table["hog"]["test_images"]) == (2, 9)
    assert table["hog"]["min"] <= table["hog"]["mean"] <= table["hog"]["max"]

    after = train_hog(work, "1")
    assert not STAGES_OF_A_CELL & ran(after), "a cell serves a training, too"

    keys = prefect_rows(
        work,
        "select key from artifact where type = 'table' and replace(flow_run_id, '-', '') = ?",
        parent.data.tags["prefect.flow_run_id"].replace("-", ""),
    )
    assert {key for (key,) in keys} == {"comparison", "comparison-tests", "comparison-cells"}
    assert "(hog_lda)" in parent.data.tags["mlflow.note.content"]
    kept = {file.path for file in client.list_artifacts(parent.info.run_id, "compare")}
    assert {f"compare/{name}" for name in ("comparison.csv", "tests.csv", "comparison.png")} <= kept


def test_one_seed_is_not_enough_data_for_a_test_over_splits(place: tuple[Workplace, str]) -> None:
    work, _ = place
    found = compare(work, *HOG, "--selections", "3x15", "--seeds", "0")["comparison"]
    pairs = {(row["first"], row["second"]): row for row in found["tests"]}
    assert set(pairs) == {("hog", "eigenfaces_svm"), ("hog", "hog_lda")}
    for row in pairs.values():
        assert (row["t_p"], row["t_holm"]) == (None, None)
        assert 0 <= row["mcnemar_p"] <= row["mcnemar_holm"] <= 1
    code, out, _ = work.run(
        *("compare", "--source", str(work.source), *HOG, "--selections", "3x15", "--seeds", "0")
    )
    assert code == 0
    assert "not enough data" in out


def test_wherever_cells_and_audit_run_they_come_to_the_same(place: tuple[Workplace, str]) -> None:
    work, url = place
    grid = (*HOG, "--selections", "3x15", "--seeds", "5")
    here = compare(work, *grid)["comparison"]
    elsewhere = Workplace(work.folder / "elsewhere", work.source)
    elsewhere.data.mkdir(parents=True)
    environment = elsewhere.environment() | client_environment(elsewhere.data, url)
    with dask_cluster(work.folder / "dask", environment) as address:
        elsewhere_asked = ("--runner", "dask", "--dask-address", address, "--json")
        asked = ("compare", "--source", str(work.source), *grid, *elsewhere_asked)
        code, out, err = elsewhere.run(*asked, PREFECT_API_URL=url)
        assert code == 0, err[-4000:]
    there = json.loads(out)["comparison"]
    assert (there["table"], there["tests"]) == (here["table"], here["tests"])
    assert set(there["cells"][0]["stages_run"]) >= STAGES_OF_A_CELL
    for stage in ("resolution-audit", "stratified-split", "baselines"):
        assert files(elsewhere, stage) <= files(work, stage)
    spread = compare(elsewhere, *HOG, "--selections", "3x15", "--seeds", "6", "7",
                     "--runner", "processes")["comparison"]  # fmt: skip
    assert [cell["failure"] for cell in spread["cells"]] == [None, None]


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
    place: tuple[Workplace, str], arguments: tuple[str, ...], said: str
) -> None:
    work, _ = place
    code, out, err = work.run("compare", "--source", str(work.source), *arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_a_cluster_that_is_not_there_is_told(place: tuple[Workplace, str]) -> None:
    work, _ = place
    address = f"tcp://127.0.0.1:{free_port()}"
    code, out, err = work.run(
        "audit", "--source", str(work.source), "--runner", "dask", "--dask-address", address
    )
    assert (code, out) == (2, "")
    assert "no Dask scheduler answers" in err.splitlines()[-1]
