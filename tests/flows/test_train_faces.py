"""The main job, from the command line, on a real Prefect server and a real MLflow store."""

import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from lfw.images import read_rgb
from tests.faults.servers import mlflow_at
from tests.flows.workplace import (
    CHOSEN,
    QUICK,
    STAGES,
    Workplace,
    prefect_rows,
    ran,
    reused,
    server_of,
    wait_for,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sample_folder: Path) -> Iterator[Workplace]:
    """A workplace whose data set is a folder that may be changed, and whose server stays up."""
    folder = tmp_path_factory.mktemp("place")
    source = folder / "source"
    shutil.copytree(sample_folder, source)
    made = Workplace(folder, source)
    with server_of(made):
        yield made


@pytest.fixture(scope="module")
def first(place: Workplace) -> dict[str, Any]:
    """The first run of all."""
    return place.train()


@pytest.fixture
def client(place: Workplace) -> MlflowClient:
    mlflow.set_tracking_uri(f"sqlite:///{place.data}/mlflow/mlflow.db")
    return MlflowClient()


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


def test_the_same_again_reuses_every_stage(
    first: dict[str, Any], place: Workplace, client: MlflowClient
) -> None:
    again = place.train()
    assert reused(again) == dict.fromkeys(STAGES, True), again["stages"]
    assert again["split_digest"] == first["split_digest"]
    assert again["model_version"] == first["model_version"]
    assert again["test"] == first["test"]
    assert again["mlflow_run_id"] != first["mlflow_run_id"]
    report = Path(again["run_report"]["file"]).read_text(encoding="utf-8")
    assert again["mlflow_run_id"] in report, "a report of this run, though every stage was reused"
    assert first["mlflow_run_id"] not in report
    assert f"of run <code>{first['mlflow_run_id'][:8]}</code>" in report
    run = client.get_run(again["mlflow_run_id"])
    assert run.data.tags["reused_from.train"] == first["mlflow_run_id"]
    assert run.data.metrics["test_accuracy"] == first["test"]["accuracy"]["value"]
    history = client.get_metric_history(run.info.run_id, "val_loss")
    assert [metric.step for metric in history] == [1, 2]


@pytest.mark.usefixtures("first")
def test_another_seed_splits_and_trains_anew(place: Workplace, first: dict[str, Any]) -> None:
    other = place.train("--seed", "7")
    assert other["split_digest"] != first["split_digest"]
    assert {"stratified-split", "train", "evaluate"} <= ran(other)
    assert reused(other)["resolution-audit"]
    why = {record["name"]: record["why"] for record in other["stages"]}
    assert "seed (0 → 7)" in why["stratified-split"]


@pytest.mark.usefixtures("first")
def test_a_changed_function_runs_what_rests_on_it(place: Workplace) -> None:
    path = place.code / "lfw" / "bias.py"
    before = path.read_text()
    path.write_text(before.replace("ENOUGH = 30", "ENOUGH = 31"))
    try:
        changed = place.train()
    finally:
        path.write_text(before)
    assert ran(changed) == {"bias-report", "evaluate"}, "the same test figures: not registered anew"
    why = {record["name"]: record["why"] for record in changed["stages"]}
    assert "code of lfw.bias" in why["bias-report"]


@pytest.mark.usefixtures("first")
def test_a_comment_runs_nothing_again(place: Workplace) -> None:
    path = place.code / "lfw" / "split.py"
    before = path.read_text()
    path.write_text(before + "\n# a remark\n")
    try:
        assert ran(place.train()) == set()
    finally:
        path.write_text(before)


@pytest.mark.usefixtures("first")
def test_a_touched_list_runs_what_reads_it(place: Workplace) -> None:
    path = place.source / "pairs.csv"
    before = path.read_bytes()
    rows = before.split(b"\r\n")
    rows[1], rows[2] = rows[2], rows[1]
    path.write_bytes(b"\r\n".join(rows))
    try:
        changed = place.train()
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
        changed = place.train()
        assert "resolution-audit" in ran(changed)
        assert any(image.name in text and "damaged" in text for text in changed["warnings"])
        code, out, err = place.run(
            "train", "--source", str(place.source), *QUICK, "--audit-gate", "fail", "--json"
        )
    finally:
        image.write_bytes(before)
    assert (code, out) == (1, "")
    assert image.name in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.usefixtures("first")
def test_removed_files_of_a_stage_are_made_again(place: Workplace) -> None:
    for path in (place.data / "stages" / "baselines").glob("*/answers.csv"):
        path.unlink()
    result = place.train()
    assert "baselines" in ran(result)
    why = {record["name"]: record["why"] for record in result["stages"]}
    assert why["baselines"] == "its earlier files were removed or changed"


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("stage", "seed"), [("resolution-audit", None), ("train", "11"), ("register", "12")]
)
def test_killed_in_a_stage_it_goes_on(
    place: Workplace, client: MlflowClient, stage: str, seed: str | None
) -> None:
    arguments = ("--seed", seed) if seed else ("--errata", str(_errata(place)))
    place.kill_in(stage, *arguments, "--experiment", "elsewhere")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    open_runs = client.search_runs(experiments, "attributes.status = 'RUNNING'")
    assert len(open_runs) == 1
    result = place.train(*arguments)
    order = STAGES.index(stage)
    assert stage in ran(result)
    assert not set(STAGES[1:order]) & ran(result), "finished stages are not run again"
    killed = client.get_run(open_runs[0].info.run_id)
    assert killed.info.status == "KILLED"
    assert killed.data.tags["failure"] == "its process was killed"
    assert not client.search_runs(experiments, "attributes.status = 'RUNNING'")
    [(state,)] = prefect_rows(
        place,
        "select state_type from flow_run where replace(id, '-', '') = ?",
        killed.data.tags["prefect.flow_run_id"].replace("-", ""),
    )
    assert state == "CRASHED"
    leftovers = [p for p in (place.data / "stages").rglob(".partial-*") if p.parent.name == stage]
    assert leftovers == []


def _errata(place: Workplace) -> Path:
    path = place.folder / "errata.csv"
    path.write_text("subject,problem,other\nNobody,misspelt_name,Somebody\n")
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


@pytest.mark.usefixtures("first")
def test_a_misspelt_name_is_answered_before_anything_is_tracked(
    place: Workplace, client: MlflowClient
) -> None:
    before = len(client.search_runs([e.experiment_id for e in client.search_experiments()]))
    code, out, err = place.run(
        "train", "--source", str(place.source), "--people", "Nobody_Here", "Nor_There"
    )
    assert (code, out) == (2, "")
    assert "Nobody_Here" in err.splitlines()[-1]
    assert "Traceback" not in err
    after = len(client.search_runs([e.experiment_id for e in client.search_experiments()]))
    assert after == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seed", "-1"), "seed = '-1'"),
        (("--epochs", "0"), "epochs"),
        (("--top", "3", "--min-images", "9"), "choose people in one way"),
        (("--model", "vgg"), "model = 'vgg'"),
        (("--source", "/nowhere/at.zip"), "there is no /nowhere/at.zip"),
        (("--errata", "/nowhere/errata.csv"), "there is no file /nowhere/errata.csv"),
        (("--source", "http://[x"), "no address"),
        (("--bogus",), "bogus"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    place: Workplace, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = place.run("train", *arguments)
    assert (code, out) == (2, "")
    [line] = err.strip().splitlines()
    assert said in line


@pytest.mark.usefixtures("first")
def test_a_real_tracking_server_gets_the_run_and_both_models(place: Workplace) -> None:
    kept = files_in(place.data / "mlflow" / "artifacts")
    (place.folder / "tracking").mkdir()
    store = f"sqlite:///{place.folder}/tracking/mlflow.db"
    with mlflow_at(place.folder / "tracking", store) as server:
        asked = ("train", "--source", str(place.source), *CHOSEN, "--json")
        code, out, err = place.run(*asked, MLFLOW_TRACKING_URI=server.url)
        assert code == 0, err[-4000:]
        result = json.loads(out)
        assert result["model"] == "embedding"
        assert not {"fetch-and-unpack", "read-lists", "resolution-audit"} & ran(result)
        assert result["run_report"]["url"].startswith(server.url)
        assert files_in(place.data / "mlflow" / "artifacts") == kept, "nothing is kept here"

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
        assert answers[result["classes"]].sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-3)


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_dead_tracking_server_is_told_at_once(place: Workplace) -> None:
    began = time.monotonic()
    code, out, err = place.run("train", MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert (code, out) == (2, "")
    assert "No MLflow server answers" in err
    assert time.monotonic() - began < 20


def test_an_unusable_data_folder_is_told_at_once(place: Workplace) -> None:
    code, out, err = place.run("train", LFW_DATA="/proc/nothing/here")
    assert (code, out) == (2, "")
    [line] = err.strip().splitlines()
    assert "cannot be written to" in line


def test_audit_and_bias_alone(place: Workplace) -> None:
    code, out, err = place.run("audit", "--source", str(place.source), "--json")
    assert code == 0, err
    audit = json.loads(out)["audit"]
    assert audit["problems"] == {}
    assert audit["same_photos"] >= 1
    code, out, err = place.run("bias", "--source", str(place.source), "--top", "3", "--json")
    assert code == 0, err
    assert 0 < json.loads(out)["bias"]["gini"] < 1


@pytest.mark.usefixtures("first")
def test_without_json_it_ends_with_tables(place: Workplace) -> None:
    code, out, err = place.run("train", "--source", str(place.source), *QUICK)
    assert code == 0, err
    for text in ("compact", "eigenfaces_svm", "stratified-split", "reused", "version"):
        assert text in out
    named = set(re.findall(r"[Ff]low run '([^']*)'", err))
    assert named == {"compact · top 3 x 15 · seed 0"}, "the log has the name that the pages have"
    [line] = [line for line in out.splitlines() if line.startswith("report ")]
    assert Path(line.removeprefix("report ")).name == "report.html"
    assert Path(line.removeprefix("report ")).is_file()


def test_interrupted_it_ends_as_failed(place: Workplace, client: MlflowClient) -> None:
    process = place.start("train", "--source", str(place.source), *QUICK, "--seed", "99")
    [experiment] = [e for e in client.search_experiments() if e.name == "train-faces"]

    def running() -> bool:
        found = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
        return len(found) == 1

    wait_for(running, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "lfw: interrupted; the same command goes on from the last finished stage." in err
    assert not running()
