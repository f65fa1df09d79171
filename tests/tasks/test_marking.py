"""Who a version was learned from is told as far as it can be, and what cannot be is not hidden."""

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.cli import gc
from mlflow.entities.model_registry import ModelVersion

from lfw.embedding.store import MANIFEST, SHIPPED, read_embedding
from tasks.embedding import EMBEDDING_NAME
from tasks.marking import FACES, FORGOTTEN, classes_of, mark, mark_versions, used

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
    (folder / MANIFEST).write_text("name\nBob\n")
    assert "its manifest cannot be read" in used(version, {"Nobody_Here"})["Nobody_Here"]
    (folder / MANIFEST).unlink()
    assert "its manifest cannot be read" in used(version, {"Nobody_Here"})["Nobody_Here"]
    folder.rmdir()
    assert "its manifest cannot be read" in used(version, {"Nobody_Here"})["Nobody_Here"]


@pytest.fixture
def known() -> str:
    """Somebody whom the shipped embedding was learned from."""
    return min(read_embedding(SHIPPED).cohort.seen)


def register(tmp_path: Path, model: str) -> ModelVersion:
    """Make a version of lfw-faces, with what its run logged of whom it is learned from."""
    client = MlflowClient()
    experiment = client.create_experiment("made", str(tmp_path / "made"))
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, "part,name\ntrain,Ann_Lee\n", "stratified-split/split.csv")
    client.log_text(run_id, "role,name\ntest,Bob\n", "stratified-split/strangers.csv")
    if model == "embedding":
        client.log_artifact(run_id, str(SHIPPED / MANIFEST), "find-embedding")
    client.create_registered_model(FACES)
    tags = {"model": model, "classes": '["Ann_Lee"]'}
    return client.create_model_version(FACES, str(tmp_path), run_id, tags=tags)


@pytest.mark.usefixtures("store")
def test_whom_a_version_used_is_read_from_what_its_run_logged(tmp_path: Path, known: str) -> None:
    asked = {"Ann_Lee", "Bob", known, "Nobody_Here"}
    learned = "its embedding was learned from them"
    assert used(register(tmp_path, "embedding"), asked) == {
        "Ann_Lee": "a class",
        "Bob": "a stranger",
        known: learned,
    }


@pytest.mark.usefixtures("store")
def test_a_model_without_an_embedding_needs_no_manifest(tmp_path: Path, known: str) -> None:
    assert used(register(tmp_path, "hog"), {known, "Nobody_Here"}) == {}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("stratified-split/split.csv", "its split"),
        ("stratified-split/strangers.csv", "its list of strangers"),
        ("find-embedding/manifest.csv", "its embedding's manifest"),
    ],
)
@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n"], ids=["gone", "empty", "damaged"])
def test_where_a_list_is_gone_it_may_know_anybody(
    file: str, name: str, text: str | None, tmp_path: Path
) -> None:
    version = register(tmp_path, "embedding")
    [path] = tmp_path.rglob(file)
    path.unlink() if text is None else path.write_text(text)
    found = used(version, {"Ann_Lee", "Nobody_Here"})
    assert found == {
        "Ann_Lee": "a class",
        "Nobody_Here": f"{name} cannot be read, and it may be learned from them",
    }


def test_a_version_whose_run_was_removed_is_marked(store: Path, tmp_path: Path) -> None:
    version, client = register(tmp_path, "embedding"), MlflowClient()
    client.delete_run(str(version.run_id))
    assert mark_versions({"Nobody_Here"}) == [], "what is in the trash can be read"
    uri = f"sqlite:///{store}/mlflow/mlflow.db"
    removal = ["--backend-store-uri", uri, "--run-ids", str(version.run_id)]
    assert CliRunner(env=dict(os.environ)).invoke(gc, removal).exit_code == 0

    [marked] = mark_versions({"Nobody_Here", "Ann_Lee"})

    gone = "its embedding's manifest, its split, its list of strangers cannot be read"
    assert marked.people["Nobody_Here"] == f"{gone}, and it may be learned from them"
    assert marked.people["Ann_Lee"] == "a class"
    tagged = client.get_model_version(FACES, version.version)
    assert json.loads(tagged.tags[FORGOTTEN]) == marked.people


@pytest.mark.usefixtures("store")
def test_a_version_without_a_run_may_know_anybody(tmp_path: Path) -> None:
    client = MlflowClient()
    client.create_registered_model(FACES)
    version = client.create_model_version(FACES, str(tmp_path))
    assert "may be learned from them" in used(version, {"Nobody_Here"})["Nobody_Here"]


@pytest.mark.usefixtures("store")
def test_what_was_known_of_a_version_is_not_replaced_by_a_guess(tmp_path: Path) -> None:
    version = register(tmp_path, "hog")
    mark(version, {"Ann_Lee": "a class"})
    tagged = MlflowClient().get_model_version(FACES, version.version)
    marked = mark(tagged, {"Ann_Lee": "its split cannot be read", "Bob": "a stranger"})
    assert marked.people == {"Ann_Lee": "a class", "Bob": "a stranger"}
