"""Learning an embedding and resting a classifier on it, from the command line, on the sample."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from lfw.embedding.network import DIMENSIONS
from lfw.embedding.store import MANIFEST, SPREAD
from lfw.head_ways import POOLED
from lfw.images import read_rgb
from lfw.spread import Spread
from tests.flows.workplace import CHOSEN, Workplace, reused

PRETRAIN = ("--exclude-top", "3", "--epochs", "1")


@pytest.fixture(scope="module")
def first(place: Workplace) -> dict[str, Any]:
    """A classifier on the shipped embedding."""
    return ask(place, "train", *CHOSEN)


@pytest.fixture(scope="module")
def learned(place: Workplace) -> dict[str, Any]:
    """An embedding of the sample's people. (tests/faults kills one, and goes on with it.)"""
    result = ask(place, "pretrain", *PRETRAIN)
    assert not any((place.data / "checkpoints").iterdir())
    return result


def ask(place: Workplace, command: str, *arguments: str) -> dict[str, Any]:
    return place.ask(command, "--source", str(place.source), *arguments)


@pytest.mark.long  # make test has it on the real data
def test_the_default_model_rests_on_the_shipped_embedding(
    first: dict[str, Any], client: MlflowClient, place: Workplace
) -> None:
    assert first["model"] == "embedding"
    assert first["outside_data"] is False
    champion = client.get_model_version_by_alias("lfw-embedding", "champion")
    assert champion.tags["people_seen"] == "1550"
    run = client.get_run(str(champion.run_id))
    assert (run.info.run_name, run.info.status) == ("the shipped embedding", "FINISHED")
    assert client.get_run(first["mlflow_run_id"]).info.status == "FINISHED"
    model = mlflow.pyfunc.load_model(f"models:/lfw-faces/{first['model_version']}")
    [split] = (place.data / "stages" / "stratified-split").glob("*/split.csv")
    rows = [line.split(",") for line in split.read_text().splitlines()]
    tested = [row for row in rows if row[0] == "test"]
    root = place.source / "lfw-deepfunneled" / "lfw-deepfunneled"
    answers = model.predict(np.stack([read_rgb(root / row[2]) for row in tested]))
    right = answers[first["classes"]].to_numpy().argmax(axis=1)
    accuracy = np.mean(
        [first["classes"][k] == row[1] for k, row in zip(right, tested, strict=True)]
    )
    assert accuracy == pytest.approx(first["test"]["accuracy"]["value"])


@pytest.mark.long
def test_another_split_takes_the_kept_vectors_and_says_whether_fine_tuning_was_kept(
    place: Workplace, first: dict[str, Any], client: MlflowClient
) -> None:
    [kept] = (place.data / "vectors").glob("*.npz")
    before = known(kept)
    sizes = first["split_sizes"]
    assert len(before) >= sizes["train"] + sizes["validation"]
    tuned = ask(place, "train", *CHOSEN, "--seed", "5", "--epochs", "1")
    assert not reused(tuned)["train"]
    assert reused(tuned)["find-embedding"]
    assert tuned["split_digest"] != first["split_digest"]
    assert known(kept) > before, "new ones are put to those that were there"
    run = client.get_run(tuned["mlflow_run_id"])
    assert run.data.metrics["fine_tuned"] in {0.0, 1.0}
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 1


def known(kept: Path) -> set[str]:
    """Digests of the images whose vectors are kept."""
    with np.load(kept) as vectors:
        return set(vectors["sha256"].tolist())


def test_a_pretraining_is_registered(learned: dict[str, Any], client: MlflowClient) -> None:
    assert learned["embedding"]["epochs"] == 1
    assert learned["embedding"]["left_out"] == 3
    history = client.get_metric_history(learned["mlflow_run_id"], "loss")
    assert [metric.step for metric in history] == [1]
    watched = json.loads(
        client.get_model_version("lfw-embedding", learned["model_version"]).tags["validation"]
    )
    assert set(watched) == {"pairs_auc", "pairs_accuracy", "pairs_same", "pairs_different"}
    kept = mlflow.artifacts.download_artifacts(f"models:/lfw-embedding/{learned['model_version']}")
    [spread] = Path(kept).rglob(SPREAD)
    assert Spread.read(spread).covariance.shape == (DIMENSIONS, DIMENSIONS)
    assert min(watched["pairs_same"], watched["pairs_different"]) > 0
    version = client.get_model_version("lfw-embedding", learned["model_version"])
    assert version.tags["data.kind"] == "synthetic"
    assert list(version.aliases) == [], "synthetic embeddings get no alias"
    model = mlflow.pyfunc.load_model(f"models:/lfw-embedding/{learned['model_version']}")
    assert model.predict(np.full((2, 250, 250, 3), 90, dtype=np.uint8)).shape == (2, DIMENSIONS)


@pytest.mark.long  # tests/tasks/test_embedding_registry.py has the like in no time
def test_a_repeated_pretraining_tells_the_alias_of_now(
    place: Workplace, learned: dict[str, Any], client: MlflowClient
) -> None:
    number = learned["model_version"]
    client.set_registered_model_alias("lfw-embedding", "challenger", number)
    client.set_model_version_tag("lfw-embedding", number, "alias_reason", "By hand.")
    try:
        again = ask(place, "pretrain", *PRETRAIN)
    finally:
        client.delete_registered_model_alias("lfw-embedding", "challenger")
    assert all(reused(again).values())
    assert (learned["model_alias"], again["model_alias"]) == (None, "challenger")
    assert again["embedding"]["why"] == "By hand."


@pytest.mark.long
def test_a_classifier_rests_on_a_learned_embedding(
    place: Workplace, learned: dict[str, Any], client: MlflowClient
) -> None:
    clean = ask(place, "train", *CHOSEN, "--embedding", learned["model_version"])
    assert clean["model"] == "embedding"
    heads = client.download_artifacts(clean["mlflow_run_id"], "train/heads.csv")
    assert POOLED in set(pd.read_csv(heads)["head"])
    asked = client.get_run(clean["mlflow_run_id"]).data.params
    assert asked["embedding"] == learned["model_version"]
    below = client.get_model_version("lfw-embedding", learned["model_version"])
    made = client.get_model_version("lfw-faces", clean["model_version"])
    assert made.tags["embedding_version"] == learned["model_version"]
    assert made.tags["embedding_sha256"] == below.tags["network_sha256"]


@pytest.mark.long
def test_a_comparison_shares_results_with_trainings_and_names_its_embedding(
    place: Workplace, first: dict[str, Any], client: MlflowClient
) -> None:
    grid = ("--models", "embedding", "--selections", "3x15", "--seeds", "0")
    found = ask(place, "compare", *grid)["comparison"]
    champion = client.get_model_version_by_alias("lfw-embedding", "champion")
    [cell] = found["cells"]
    assert found["embedding"] == cell["embedding"] == str(champion.version)
    assert not {"find-embedding", "stratified-split", "train", "evaluate"} & set(cell["stages_run"])


def test_people_that_an_embedding_saw_are_refused(
    place: Workplace, learned: dict[str, Any]
) -> None:
    code, out, err = place.run(
        *("train", "--source", str(place.source), "--top", "5", "--images-per-person", "9"),
        *("--embedding", learned["model_version"], "--json"),
    )
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert "the embedding was trained on" in last
    assert "would be a leak" in last
    seen = pd.read_csv(kept_manifest(learned))
    named = last.partition("trained on ")[2].partition(":")[0].split(", ")
    assert named
    assert set(named) <= set(seen["name"][seen["role"] == "train"])
    assert "Traceback" not in err


def test_view_1_is_judged_by_the_version_asked_for(
    place: Workplace, learned: dict[str, Any], client: MlflowClient
) -> None:
    version = learned["model_version"]
    found = ask(place, "verify", "--embedding", version)
    assert f"lfw-embedding version {version}, on the pairs" in found["verification"]["how"]
    seen = pd.read_csv(kept_manifest(learned))
    judged = pd.read_csv(client.download_artifacts(found["mlflow_run_id"], "verify/verdicts.csv"))
    people = set(judged["name1"]) | set(judged["name2"])
    assert people
    assert not people & set(seen["name"][seen["role"] == "train"])


def kept_manifest(learned: dict[str, Any]) -> Path:
    """Find the manifest of whom a version was learned from."""
    kept = mlflow.artifacts.download_artifacts(f"models:/lfw-embedding/{learned['model_version']}")
    [manifest] = Path(kept).rglob(MANIFEST)
    return manifest
