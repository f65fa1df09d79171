"""Scoring, from the command line, by a model of the small sample; and that model, served."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from infra.processes import GuardedProcess, answers, free_port
from lfw.any_image import read_any
from tests.flows.workplace import Workplace, prefect_rows
from tests.infra.support import wait_until

MODEL = "lfw-faces"


@pytest.fixture(scope="module")
def trained(place: Workplace) -> dict[str, Any]:
    """A first version of the model."""
    return place.train()


@pytest.fixture(scope="module")
def images(place: Workplace, sample_folder: Path) -> Path:
    """A folder of images, an archive and a text in it, under a name that is a trap."""
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    chosen = sorted(root.rglob("*_0001.jpg"))[:8]
    folder = place.folder / "new" / "<script>alert(1)<" / "x"
    folder.mkdir(parents=True)
    for path in chosen[:6]:
        shutil.copyfile(path, folder / path.name)
    (folder / "note.jpg").write_text("No image, but a text.")
    (folder / ".DS_Store").write_text("x")
    with zipfile.ZipFile(place.folder / "new" / "more.zip", "w") as archive:
        for path in chosen[6:]:
            archive.write(path, path.name)
    return place.folder / "new"


def test_without_a_model_it_says_how_to_get_one(place: Workplace, images: Path) -> None:
    fresh = {"LFW_DATA": str(place.folder / "fresh"), "PREFECT_API_URL": place.server()}
    code, out, err = place.run("score", str(images), **fresh)
    assert (code, out) == (2, "")
    assert "lfw-faces has no version 'champion'" in err.splitlines()[-1]


@pytest.mark.usefixtures("trained")
def test_images_get_a_table_a_contact_sheet_and_two_linked_runs(
    place: Workplace, images: Path, client: MlflowClient
) -> None:
    output = place.folder / "answers.csv"
    asked = ("--model-version", "1", "--output", str(output), "--runner", "processes", "--json")
    code, out, err = place.run("score", str(images), *asked)
    assert code == 0, err[-4000:]
    result = json.loads(out)
    scores = result["scores"]
    assert (scores["images_scored"], scores["files_unreadable"], scores["files_skipped"]) == (
        8,
        1,
        1,
    )
    assert sum(scores["answers"].values()) == 8
    assert result["table"] == str(output)
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    _check_answers(rows, client)
    [sheet] = result["contact_sheet"]
    html = Path(sheet).read_text(encoding="utf-8")
    assert html.count("<li><img") == 8
    assert "<script" not in html
    assert "synthetic faces of invented people" in html

    run = client.get_run(result["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["images_scored"] == 8
    assert run.data.tags["model_version"] == "1"
    assert run.data.tags["prefect.flow_run_id"] == result["flow_run_id"]
    assert client.get_experiment(run.info.experiment_id).name == "score-faces"
    logged = {file.path for file in client.list_artifacts(run.info.run_id, "scores")}
    assert logged == {"scores/scores.csv", "scores/unreadable.csv", "scores/contact-sheet.html"}
    [(labels,)] = prefect_rows(
        place,
        "select labels from flow_run where replace(id, '-', '') = ?",
        result["flow_run_id"].replace("-", ""),
    )
    assert json.loads(labels)["mlflow.run_id"] == run.info.run_id
    [(shown,)] = prefect_rows(place, "select data from artifact where key = 'scores'")
    assert "8 images scored" in shown
    assert "note.jpg" in shown
    assert "<script>" not in shown


def _check_answers(rows: list[dict[str, str]], client: MlflowClient) -> None:
    """Compare with what the registered model itself answers."""
    assert len(rows) == 8
    served = mlflow.pyfunc.load_model(f"models:/{MODEL}/1")
    for row in rows:
        path = Path(row["path"])
        if path.parent.suffix == ".zip":
            with zipfile.ZipFile(path.parent) as archive:
                content = archive.read(path.name)
        else:
            content = path.read_bytes()
        [expected] = served.predict(read_any(content)[None]).to_dict("records")
        assert row["answer"] == expected["name"]
        assert float(row["probability"]) == pytest.approx(expected["probability"], abs=1e-4)


@pytest.mark.usefixtures("trained")
def test_without_json_it_ends_with_tables_and_where_the_files_are(
    place: Workplace, images: Path
) -> None:
    code, out, err = place.run("score", str(images), "--model-version", "1", COLUMNS="400")
    assert code == 0, err[-4000:]
    for said in ("8 images scored", "Not read: 1", "note.jpg", "model lfw-faces version 1"):
        assert said in out
    [sheet] = re.findall(r"contact sheet: (.*)", out)
    assert Path(sheet).is_file()
    assert Path(sheet).parents[1] == place.data / "scores"


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name what to score"),
        (("/nowhere/at",), "/nowhere/at cannot be read: No such file"),
        (("{images}", "--model-version", "best"), "model_version = 'best'"),
        (("{images}", "--output", "/nowhere/x.csv"), "no file can be written at /nowhere/x.csv"),
        (("{images}", "--output", "x.jpg"), "name a file that ends in .csv"),
        (("{images}",), "lfw-faces has no version 'champion'"),
        (("{note}", "--model-version", "1"), "note.jpg: not an image"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    place: Workplace, images: Path, arguments: tuple[str, ...], said: str
) -> None:
    [note] = images.rglob("note.jpg")
    given = [one.format(images=images, note=note) for one in arguments]
    code, out, err = place.run("score", *given)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not list((place.data / "scores").glob(".partial*"))


@pytest.fixture(scope="module")
def served(place: Workplace, trained: dict[str, Any]) -> Iterator[str]:
    """The address of the registered model, served by MLflow as its champion."""
    store = f"sqlite:///{place.data}/mlflow/mlflow.db"
    version = str(trained["model_version"])
    MlflowClient(store).set_registered_model_alias(MODEL, "champion", version)
    port = free_port(0)
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{MODEL}@champion"),
        *("--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)),
    ]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    server = GuardedProcess(
        "The served model",
        command,
        place.folder / "served.log",
        {"MLFLOW_TRACKING_URI": store, "PATH": path},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        up = wait_until(lambda: server.ended() or answers(f"{address}/ping"), 240)
        server.check()
        assert up, (place.folder / "served.log").read_text()[-4000:]
        yield address
    finally:
        server.stop()
        MlflowClient(store).delete_registered_model_alias(MODEL, "champion")
    assert not answers(f"{address}/ping")


def test_the_served_model_answers_as_the_loaded_one(
    served: str, images: Path, client: MlflowClient
) -> None:
    paths = sorted(images.rglob("*_0001.jpg"))[:2]
    pixels = np.stack([read_any(path.read_bytes()) for path in paths])
    command = [sys.executable, "-m", "lfw.any_image", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"inputs": pixels.tolist()}
    reply = httpx.post(
        f"{served}/invocations",
        content=done.stdout,
        headers={"Content-Type": "application/json"},
        timeout=120,
        trust_env=False,
    )
    assert reply.status_code == 200, reply.text
    found = pd.DataFrame(reply.json()["predictions"])
    expected = mlflow.pyfunc.load_model(f"models:/{MODEL}/1").predict(pixels)
    assert found["name"].tolist() == expected["name"].tolist()
    numbers = expected.columns[1:]
    assert np.allclose(found[numbers], expected[numbers], atol=1e-4)


def test_the_served_model_refuses_another_size_and_says_so(served: str) -> None:
    small = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    reply = httpx.post(
        f"{served}/invocations", json={"inputs": small.tolist()}, timeout=120, trust_env=False
    )
    assert reply.status_code == 400
    assert "250" in reply.text
