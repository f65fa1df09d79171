"""The main job, from the command line, on a real Prefect server and a real MLflow store."""

import json
import re
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from lfw.images import read_rgb
from tests.databases import copy_databases
from tests.faults.servers import mlflow_at
from tests.flows.workplace import CHOSEN, QUICK, STAGES, Workplace, prefect_rows, ran, reused


@pytest.fixture(scope="module")
def first(place: Workplace) -> dict[str, Any]:
    """The first run of all."""
    return place.train()


@pytest.fixture(scope="module")
def again(place: Workplace, first: dict[str, Any]) -> tuple[str, str]:
    """What the same command prints when it is run again, after a remark in the code."""
    path = place.code / "lfw" / "split.py"
    before = path.read_text()
    path.write_text(before + "\n# a remark\n")
    try:
        code, out, err = place.run("train", "--source", str(place.source), *QUICK)
    finally:
        path.write_text(before)
    assert code == 0, err[-4000:]
    return out, err


def test_the_result_says_what_was_asked(first: dict[str, Any]) -> None:
    assert len(first["classes"]) == 3
    assert first["classes"] == sorted(first["classes"])
    assert sum(first["split_sizes"].values()) == first["selected_images"] == 45
    assert first["split_sizes"] == {"train": 30, "validation": 6, "test": 9}
    assert set(first["baselines"]) == {"majority", "eigenfaces_svm", "hog_lda"}
    for scores in (first["test"], *first["baselines"].values()):
        for name in ("accuracy", "macro_f1", "balanced_accuracy"):
            assert 0 <= scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"] <= 1
    assert [row["support"] for row in first["test"]["per_class"]] == [3, 3, 3]
    assert [record["name"] for record in first["stages"]] == STAGES
    assert first["source"]["kind_of_data"] == "synthetic"


def test_mlflow_has_the_whole_run(first: dict[str, Any], client: MlflowClient) -> None:
    run = client.get_run(first["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    assert run.info.run_name.startswith("compact · top 3 x 15 · seed 0")
    assert run.data.params["epochs"] == "2"
    assert run.data.params["images_per_person"] == "15"
    assert run.data.tags["prefect.flow_run_id"] == first["flow_run_id"]
    assert first["flow_run_id"] in run.data.tags["prefect.flow_run_url"]
    assert run.data.tags["data.kind"] == "synthetic"
    assert run.data.metrics["test_accuracy"] == first["test"]["accuracy"]["value"]
    assert run.data.metrics["baseline_eigenfaces_svm_accuracy"] >= 0
    history = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert [metric.step for metric in history] == [1, 2]
    assert run.inputs is not None
    [data] = run.inputs.dataset_inputs
    assert data.dataset.digest == first["data_digest"][:36]
    found = {
        file.path
        for stage in client.list_artifacts(run.info.run_id)
        for file in client.list_artifacts(run.info.run_id, stage.path)
    }
    for path in (
        "stratified-split/split.csv",
        "fetch-and-unpack/manifest.csv",
        "evaluate/confusion.png",
        "evaluate/per-class.csv",
        "train/learning-curves.png",
        "bias-report/people.png",
        "resolution-audit/sizes.csv",
    ):
        assert path in found


def test_prefect_has_every_task_with_its_artifact(first: dict[str, Any], place: Workplace) -> None:
    tasks = prefect_rows(
        place,
        "select name, state_type from task_run where replace(flow_run_id, '-', '') = ?",
        first["flow_run_id"].replace("-", ""),
    )
    assert {name for name, _ in tasks} == {
        *STAGES,
        "audit-gate",
        "selection-check",
        "offer-shipped-embedding",
        "run-report",
        "settle-alias",
    }
    assert {state for _, state in tasks} == {"COMPLETED"}
    artifacts = prefect_rows(
        place,
        "select a.key, t.name from artifact a left join task_run t on a.task_run_id = t.id "
        "where replace(a.flow_run_id, '-', '') = ?",
        first["flow_run_id"].replace("-", ""),
    )
    assert {(stage, stage) for stage in STAGES} <= set(artifacts)
    assert {"mlflow-run", "stages"} <= {key for key, _ in artifacts}
    [(name, labels)] = prefect_rows(
        place,
        "select name, labels from flow_run where replace(id, '-', '') = ?",
        first["flow_run_id"].replace("-", ""),
    )
    assert name.startswith("compact · top 3 x 15 · seed 0")
    assert json.loads(labels)["mlflow.run_id"] == first["mlflow_run_id"]


def test_the_report_is_in_mlflow_and_linked_from_prefect(
    first: dict[str, Any], place: Workplace, client: MlflowClient
) -> None:
    run_id, version = first["mlflow_run_id"], first["model_version"]
    page = client.download_artifacts(run_id, "report.html", str(place.folder))
    html = Path(page).read_text(encoding="utf-8")
    [link, task] = prefect_rows(
        place,
        "select a.data, t.name from artifact a join task_run t on a.task_run_id = t.id "
        "where a.key = 'run-report' and replace(a.flow_run_id, '-', '') = ?",
        first["flow_run_id"].replace("-", ""),
    )[0]
    assert task == "run-report"
    assert first["run_report"]["url"] in link
    assert f"/runs/{run_id}/artifacts/report.html" in link
    assert Path(first["run_report"]["file"]).read_text(encoding="utf-8") == html
    for text in (
        *(name.replace("_", " ") for name in first["classes"]),
        *(first["flow_run_id"], run_id, f"lfw-faces version {version}"),
        *(first["split_digest"], first["data_digest"], "SYNTHETIC DATA"),
        client.get_model_version(first["model_name"], version).tags["source_digest"],
        f"{100 * first['test']['accuracy']['value']:.1f}\N{NO-BREAK SPACE}%",
        "uv run lfw train",
        "--model compact",
    ):
        assert text in html
    for scores in (first["test"], *first["baselines"].values()):
        for name in ("accuracy", "macro_f1", "balanced_accuracy"):
            interval = "[{low:.3f}, {high:.3f}]".format(**scores[name])
            assert f'{scores[name]["value"]:.3f} <span class="iv">{interval}</span>' in html
    assert 'id="learning"' in html
    assert "Not enough data" in html
    assert client.get_run(run_id).data.tags["mlflow.note.content"].count("report.html") == 1


def test_the_registered_model_answers_with_names(
    first: dict[str, Any], client: MlflowClient, place: Workplace
) -> None:
    name, version = first["model_name"], first["model_version"]
    registered = client.get_model_version(name, version)
    assert registered.tags["split_digest"] == first["split_digest"]
    assert registered.tags["data_digest"] == first["data_digest"]
    assert registered.tags["prefect.flow_run_id"] == first["flow_run_id"]
    assert len(registered.tags["source_digest"]) == 64
    assert registered.tags["data.kind"] == "synthetic"
    assert client.get_registered_model(name).aliases == {}, "synthetic models get no alias"
    model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    split = (place.data / "stages" / "stratified-split").glob("*/split.csv")
    rows = [line.split(",") for path in split for line in path.read_text().splitlines()]
    paths = [row[2] for row in rows if row[0] == "test"]
    root = place.source / "lfw-deepfunneled" / "lfw-deepfunneled"
    pixels = np.stack([read_rgb(root / path) for path in paths])
    answers = model.predict(pixels)
    assert list(answers.columns) == ["name", "probability", *first["classes"]]
    assert set(answers["name"]) <= set(first["classes"])
    np.testing.assert_allclose(answers[first["classes"]].sum(axis=1), 1, atol=1e-5)
    truth = [row[1] for row in rows if row[0] == "test"]
    accuracy = np.mean([a == b for a, b in zip(answers["name"], truth, strict=True)])
    assert accuracy == pytest.approx(first["test"]["accuracy"]["value"])


@pytest.mark.usefixtures("again")
def test_the_same_again_reuses_every_stage(first: dict[str, Any], client: MlflowClient) -> None:
    [experiment] = [e for e in client.search_experiments() if e.name == "train-faces"]
    run = client.search_runs([experiment.experiment_id], max_results=1)[0]
    kept = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/result.json")
    result = json.loads(kept)
    assert result["mlflow_run_id"] == run.info.run_id != first["mlflow_run_id"]
    assert reused(result) == dict.fromkeys(STAGES, True), result["stages"]
    assert result["split_digest"] == first["split_digest"]
    assert result["model_version"] == first["model_version"]
    assert result["test"] == first["test"]
    report = Path(result["run_report"]["file"]).read_text(encoding="utf-8")
    assert run.info.run_id in report, "a report of this run, though every stage was reused"
    assert first["mlflow_run_id"] not in report
    assert f"of run <code>{first['mlflow_run_id'][:8]}</code>" in report
    assert run.data.tags["reused_from.train"] == first["mlflow_run_id"]
    assert run.data.metrics["test_accuracy"] == first["test"]["accuracy"]["value"]
    history = client.get_metric_history(run.info.run_id, "val_loss")
    assert [metric.step for metric in history] == [1, 2]


def test_without_json_it_ends_with_tables(again: tuple[str, str]) -> None:
    out, err = again
    for text in ("compact", "eigenfaces_svm", "stratified-split", "reused", "version"):
        assert text in out
    named = set(re.findall(r"[Ff]low run '([^']*)'", err))
    assert named == {"compact · top 3 x 15 · seed 0"}, "the log has the name that the pages have"
    [line] = [line for line in out.splitlines() if line.startswith("report ")]
    assert Path(line.removeprefix("report ")).name == "report.html"
    assert Path(line.removeprefix("report ")).is_file()


@pytest.mark.long  # the team's stack has one, too
@pytest.mark.usefixtures("first")
def test_a_real_tracking_server_gets_the_run_and_both_models(
    place: Workplace, databases: Path
) -> None:
    kept = paths_in(place.data / "mlflow" / "artifacts")
    copy_databases(databases, place.folder / "tracking")
    store = f"sqlite:///{place.folder}/tracking/mlflow/mlflow.db"
    with mlflow_at(place.folder / "tracking", store) as server:
        asked = ("train", "--source", str(place.source), *CHOSEN, "--json")
        code, out, err = place.run(*asked, MLFLOW_TRACKING_URI=server.url)
        assert code == 0, err[-4000:]
        result = json.loads(out)
        assert result["model"] == "embedding"
        assert not {"fetch-and-unpack", "read-lists", "resolution-audit"} & ran(result)
        assert result["run_report"]["url"].startswith(server.url)
        assert paths_in(place.data / "mlflow" / "artifacts") == kept, "nothing is kept here"

        remote = MlflowClient(server.url)
        run = remote.get_run(result["mlflow_run_id"])
        assert run.info.status == "FINISHED"
        assert run.info.artifact_uri.startswith("mlflow-artifacts:"), "the server takes them"
        assert "report.html" in [file.path for file in remote.list_artifacts(run.info.run_id)]
        found = remote.list_artifacts(run.info.run_id, "find-embedding")
        assert "find-embedding/manifest.csv" in [file.path for file in found]

        shipped = remote.get_model_version_by_alias("lfw-embedding", "champion")
        assert (shipped.status, shipped.tags["shipped"]) == ("READY", "true")
        assert remote.get_run(str(shipped.run_id)).info.status == "FINISHED"
        version = remote.get_model_version(result["model_name"], result["model_version"])
        assert (version.status, version.run_id) == ("READY", run.info.run_id)
        mlflow.set_tracking_uri(server.url)
        model = mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}")
        images = sorted(place.source.rglob(f"{result['classes'][0]}_*.jpg"))[:2]
        answers = model.predict(np.stack([read_rgb(path) for path in images]))
        assert answers[result["classes"]].idxmax(axis=1).tolist() == [result["classes"][0]] * 2
        assert answers[result["classes"]].sum(axis=1).between(0.5, 1.001).all()


def paths_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_audit_and_bias_alone(place: Workplace) -> None:
    code, out, err = place.run("audit", "--source", str(place.source), "--json")
    assert code == 0, err
    audit = json.loads(out)["audit"]
    assert audit["problems"] == {}
    assert audit["same_photos"] >= 1
    code, out, err = place.run("bias", "--source", str(place.source), "--top", "3", "--json")
    assert code == 0, err
    assert 0 < json.loads(out)["bias"]["gini"] < 1
