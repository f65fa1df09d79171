"""Who a version was learned from is told as far as it can be, and what cannot be is not hidden."""

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from lfw.embedding.store import MANIFEST, SHIPPED, read_embedding
from tasks.embedding import EMBEDDING_NAME
from tasks.marking import FACES, classes_of, used

NAMES = ["Ann_Lee", "Smith, John", "José", 'O"Neil']


@pytest.mark.parametrize("length", [*range(len(json.dumps(NAMES)) + 1)])
def test_a_list_of_classes_that_was_cut_is_read_as_far_as_it_goes(length: int) -> None:
    tags = {"classes": json.dumps(NAMES)[:length]}
    version = ModelVersion(FACES, "1", 0, tags=[])
    version._tags = tags
    read = classes_of(version)
    assert read == NAMES[: len(read)]
    assert len(read) >= tags["classes"].count('", "')
    assert length < len(json.dumps(NAMES)) or read == NAMES


@pytest.mark.usefixtures("store")
def test_an_embedding_without_its_manifest_may_know_anybody(tmp_path: Path) -> None:
    known = min(read_embedding(SHIPPED).cohort.seen)
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copyfile(SHIPPED / MANIFEST, folder / MANIFEST)
    client = MlflowClient()
    client.create_registered_model(EMBEDDING_NAME)
    version = client.create_model_version(EMBEDDING_NAME, str(folder))
    assert used(version, {known, "Nobody_Here"}) == {known: "its embedding was learned from them"}
    (folder / MANIFEST).unlink()
    assert "manifest is gone" in used(version, {"Nobody_Here"})["Nobody_Here"]
    folder.rmdir()
    assert "manifest is gone" in used(version, {"Nobody_Here"})["Nobody_Here"]
