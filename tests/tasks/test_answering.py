"""Answers that are put together of kept parts are those of the packed network."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from numpy.typing import NDArray

from lfw.embedding.store import CARD
from lfw.embedding.vectors import vectors_of
from lfw.errors import LfwError
from lfw.features import FeatureClassifier
from lfw.fetch import Dataset
from lfw.linear import Head, Linear
from lfw.networks import SHAPE
from lfw.serving import save_model
from lfw.vector_names import name_of_embedding
from tasks import answering
from tasks.answering import HEAD, answers_by_head, check_packed
from tasks.stages import StageOutput, Summary

NETWORK = "0123456789abcdef" * 4
IMAGES = 9
ROWS = pd.DataFrame(
    {
        "image_path": [f"A/A_{k:04d}.jpg" for k in range(IMAGES)],
        "sha256": [f"{k:064d}" for k in range(IMAGES)],
    }
)
HEAD_OF_TWO = Head(Linear(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)), None)


@pytest.fixture
def pixels(monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    """Images that are read by their paths: number k is k shades lighter than the first."""
    light = np.arange(IMAGES, dtype=np.uint8).reshape(-1, 1, 1, 1)
    whole = np.broadcast_to(20 * light, (IMAGES, *SHAPE)).copy()

    def read(_dataset: Dataset, paths: list[str]) -> NDArray[np.uint8]:
        return whole[[ROWS["image_path"].tolist().index(path) for path in paths]]

    monkeypatch.setattr(answering, "_pixels", read)
    return whole


def packed(folder: Path, *, with_head: bool) -> StageOutput:
    """A network that answers by how light an image is."""
    given = keras.Input(SHAPE)
    light = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(given))
    network = keras.Model(given, keras.layers.Dense(2, activation="softmax")(light))
    save_model(network, folder)
    if with_head:
        FeatureClassifier("embedding", HEAD_OF_TWO).save(folder / HEAD)
    files = dict.fromkeys([path.name for path in folder.iterdir()], "")
    return StageOutput("train", "key", folder, files, "run", Summary(""))


def asked(trained: StageOutput, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    network = keras.models.load_model(trained / "model.keras")
    return np.asarray(network(pixels, training=False).numpy())


def test_a_network_that_answers_as_its_parts_did_passes(
    tmp_path: Path, pixels: NDArray[np.uint8], dataset: Dataset
) -> None:
    trained = packed(tmp_path, with_head=True)
    check_packed(dataset, ROWS, trained, asked(trained, pixels))


@pytest.mark.parametrize("off", [0.01, np.nan])
def test_a_network_that_answers_otherwise_ends_the_run(
    tmp_path: Path, pixels: NDArray[np.uint8], dataset: Dataset, off: float
) -> None:
    trained = packed(tmp_path, with_head=True)
    expected = asked(trained, pixels)
    expected[-1, 0] += off
    with pytest.raises(LfwError, match=f"The network in {tmp_path} answers otherwise"):
        check_packed(dataset, ROWS, trained, expected)


def test_without_a_head_beside_it_the_network_itself_was_asked(
    tmp_path: Path, dataset: Dataset
) -> None:
    trained = packed(tmp_path, with_head=False)
    check_packed(dataset, ROWS, trained, np.zeros((IMAGES, 2), np.float32))


@pytest.fixture
def dataset() -> Dataset:
    """None that is looked at."""
    return None  # type: ignore[return-value]


def logged_run(folder: Path, *, with_head: bool) -> str:
    """The MLflow run of a training: its head, and the card of its embedding."""
    client = MlflowClient()
    run_id = str(client.create_run("0").info.run_id)
    card = folder / CARD
    card.write_text(json.dumps({"network_sha256": NETWORK}), encoding="utf-8")
    client.log_artifact(run_id, str(card), "find-embedding")
    if with_head:
        FeatureClassifier("embedding", HEAD_OF_TWO).save(folder / HEAD)
        client.log_artifact(run_id, str(folder / HEAD), "train")
    return run_id


def keep_vectors(data: Path, count: int) -> None:
    """Keep the vectors of the first images: every third is of the second class."""
    told = np.eye(2, dtype=np.float32)[[int(k % 3 == 2) for k in range(count)]]
    kept = data / "vectors" / f"{name_of_embedding(NETWORK)}.npz"
    paths, digests = ROWS["image_path"].tolist()[:count], ROWS["sha256"].tolist()[:count]
    vectors_of(paths, digests, lambda _paths: told, kept)


def test_a_logged_head_answers_by_kept_vectors(store: Path, tmp_path: Path) -> None:
    run_id = logged_run(tmp_path, with_head=True)
    keep_vectors(store, IMAGES)
    shuffled = ROWS.iloc[::-1]
    found = answers_by_head(run_id, shuffled)
    assert found is not None
    assert found.tolist() == [int(k % 3 == 2) for k in range(IMAGES)][::-1]


@pytest.mark.parametrize(("with_head", "kept"), [(False, IMAGES), (True, IMAGES - 1), (True, 0)])
def test_without_the_head_or_all_vectors_the_model_has_to_answer(
    store: Path, tmp_path: Path, with_head: bool, kept: int
) -> None:
    run_id = logged_run(tmp_path, with_head=with_head)
    if kept:
        keep_vectors(store, kept)
    assert answers_by_head(run_id, ROWS) is None


@pytest.mark.usefixtures("store")
def test_a_run_that_is_gone_answers_nothing() -> None:
    assert answers_by_head("0" * 32, ROWS) is None
