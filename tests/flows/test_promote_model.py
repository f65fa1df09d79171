"""Champions: earned, given by a person, taken back; and what automations are told of it."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from lfw.evaluation import mcnemar
from lfw.images import read_many
from lfw.sample import write_sample
from tests.flows.workplace import Workplace, prefect_rows

SELECTION = ("--top", "8", "--images-per-person", "22", "--test-share", "0.5", "--model", "hog")
NAME = "lfw-faces"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs") / "source"
    write_sample(folder, scale=0.3)
    # Without its first line the sample passes for photographs: its versions may be champion.
    (folder / "lfw_readme.csv").write_text("Taken for photographs by a test.\n")
    return folder


def train(place: Workplace, *arguments: str) -> dict[str, Any]:
    return place.ask("train", "--source", str(place.source), *SELECTION, *arguments)


@pytest.fixture(scope="module")
def first(place: Workplace) -> dict[str, Any]:
    return train(place)


@pytest.fixture(scope="module")
def second(place: Workplace, first: dict[str, Any]) -> dict[str, Any]:
    """The same task, split anew."""
    return train(place, "--seed", "1")


def test_the_first_version_that_passes_the_gates_is_champion(
    first: dict[str, Any], client: MlflowClient
) -> None:
    assert first["split_sizes"]["test"] >= 30
    assert first["model_alias"] == "champion"
    version = client.get_model_version(NAME, first["model_version"])
    assert version.tags["alias_reason"] == first["alias_reason"]
    assert "passed every gate" in first["alias_reason"]


def aliases(client: MlflowClient) -> dict[str, str]:
    given = client.get_registered_model(NAME).aliases
    return {alias: str(version) for alias, version in given.items()}


def rows_of(result: dict[str, Any]) -> pd.DataFrame:
    uri = f"runs:/{result['mlflow_run_id']}/stratified-split/split.csv"
    return pd.read_csv(mlflow.artifacts.download_artifacts(uri))


def test_the_next_is_compared_on_images_that_are_new_to_the_champion(
    first: dict[str, Any], second: dict[str, Any], client: MlflowClient
) -> None:
    known, tested = rows_of(first), rows_of(second)
    known, tested = known[known["part"] != "test"], tested[tested["part"] == "test"]
    new = tested[~tested["image_path"].isin(known["image_path"])]
    assert 30 <= len(new) < len(tested)
    tags = client.get_model_version(NAME, second["model_version"]).tags
    assert int(tags["compared.images"]) == len(new)

    champion = mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    challenger = mlflow.pyfunc.load_model(f"models:/{NAME}/2")
    root = next(Path(first["source"]["location"]).rglob("*_0001.jpg")).parents[1]
    pixels = read_many(root, new["image_path"].tolist())
    truth = np.array([first["classes"].index(name) for name in new["name"]])
    said = [
        m.predict(pixels)[first["classes"]].to_numpy().argmax(1) for m in (challenger, champion)
    ]
    assert [int((answer == truth).sum()) for answer in said] == [
        int(tags["compared.right"]),
        int(tags["compared.champion_right"]),
    ]
    assert float(tags["compared.p"]) == pytest.approx(mcnemar(truth, *said), rel=1e-5)
    assert "not shown to be better" in tags["alias_reason"]
    assert second["model_alias"] == "challenger"
    assert aliases(client) == {"champion": "1", "challenger": "2"}


def test_a_person_may_make_it_champion_and_take_it_back(
    place: Workplace, second: dict[str, Any], client: MlflowClient
) -> None:
    source = ("--source", str(place.source))
    code, _, err = place.run("promote", *source)
    assert code == 2
    assert "version 2 is not made champion. It is right on" in err
    assert "lfw promote --because" in err

    given = place.ask("promote", *source, "--because", "a fresh draw")
    assert (given["model_version"], given["former_champion"]) == ("2", "1")
    assert given["model_alias"] == "champion"
    assert aliases(client) == {"champion": "2"}
    reason = client.get_model_version(NAME, "2").tags["alias_reason"]
    assert reason.startswith("Because: a fresh draw (It is right on")
    run = client.get_run(given["mlflow_run_id"])
    assert run.info.status == "FINISHED"

    back = place.ask("rollback", "--because", "complaints")
    assert (back["model_version"], back["former_champion"]) == ("1", "2")
    assert aliases(client) == {"champion": "1"}
    assert "taken back: complaints" in client.get_model_version(NAME, "1").tags["alias_reason"]
    assert "in favour of version 1" in client.get_model_version(NAME, "2").tags["alias_reason"]
    code, _, err = place.run("rollback")
    assert code == 2
    assert "version 1 of lfw-faces is the first champion" in err
    code, _, err = place.run("promote", *source, "--model-version", "2")
    assert code == 2
    assert "It was taken back: complaints" in err


@pytest.mark.parametrize(
    ("version", "said"), [("1", "is champion already"), ("7", "has no version '7'")]
)
def test_what_cannot_be_promoted_is_answered(
    place: Workplace, second: dict[str, Any], version: str, said: str
) -> None:
    source = ("--source", str(place.source))
    code, out, err = place.run("promote", *source, "--model-version", version)
    assert (code, out) == (2, "")
    assert said in err


def test_automations_are_told(place: Workplace, second: dict[str, Any]) -> None:
    query = "select resource_id, payload from events where event = ? order by occurred"
    promoted = prefect_rows(place, query, "lfw.model.promoted")
    assert [resource for resource, _ in promoted] == [
        "lfw.model-version.lfw-faces.1",
        "lfw.model-version.lfw-faces.2",
    ]
    assert json.loads(promoted[1][1])["former"] == "1"
    [(resource, payload)] = prefect_rows(place, query, "lfw.model.rolled-back")
    assert resource == "lfw.model-version.lfw-faces.1"
    assert json.loads(payload)["former"] == "2"
