"""A run takes the version that an alias names when it begins, wherever the alias goes meanwhile."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mlflow import MlflowClient

from flows import compare_models, train_faces
from lfw.embedding.store import CARD, SHIPPED
from lfw.errors import InputError
from lfw.parameters import CompareParameters, TrainParameters
from tasks import comparing
from tasks.comparing import settle_embedding
from tasks.embedding import EMBEDDING_NAME, embedding_number, find_embedding
from tasks.stages import Stage, Work


@pytest.fixture
def promote(store: Path, tmp_path: Path) -> Callable[[str], None]:
    """Make a version champion; there are two, and the first is."""
    client = MlflowClient()
    client.create_registered_model(EMBEDDING_NAME)
    card = json.loads((SHIPPED / CARD).read_text())
    for version in ("1", "2"):
        folder = tmp_path / f"version-{version}"
        shutil.copytree(SHIPPED, folder)
        (folder / CARD).write_text(json.dumps(card | {"label": f"of version {version}"}))
        tags = {"network_sha256": card["network_sha256"]}
        client.create_model_version(EMBEDDING_NAME, str(folder), tags=tags)

    def move(version: str) -> None:
        client.set_registered_model_alias(EMBEDDING_NAME, "champion", version)

    move("1")
    return move


def test_files_are_those_of_the_version_that_the_key_names(
    promote: Callable[[str], None], tmp_path: Path
) -> None:
    number = embedding_number("embedding", "champion")
    assert number == "1"
    key = find_embedding.key("embedding", number)
    assert key == find_embedding.key("embedding", "champion"), "they share a result"
    promote("2")
    assert find_embedding.key("embedding", number) == key
    work = Work(tmp_path / "work", lambda _: None, "run")
    work.folder.mkdir()
    found = find_embedding.function(work, "embedding", number)
    assert found.facts["version"] == "1"
    assert "lfw-embedding version 1" in found.markdown
    assert json.loads((work.folder / CARD).read_text())["label"] == "of version 1"


@pytest.mark.usefixtures("promote")
def test_a_model_without_an_embedding_takes_none(tmp_path: Path) -> None:
    assert embedding_number("hog", "champion") is None
    assert find_embedding.key("hog", None) == find_embedding.key("hog", "champion")
    found = find_embedding.function(Work(tmp_path, lambda _: None, "run"), "hog", None)
    assert found.facts == {}
    with pytest.raises(InputError, match="embedding = '7': lfw-embedding has no such version"):
        embedding_number("embedding", "7")


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "offer_shipped", lambda: None)


@pytest.mark.usefixtures("offered")
def test_every_cell_of_a_comparison_takes_the_same_version(promote: Callable[[str], None]) -> None:
    settled = settle_embedding(CompareParameters(models=("embedding", "hog"), seeds=(0, 1)))
    promote("2")
    asked = [(cell.model, cell.embedding) for cell in settled.cells()]
    assert asked == [("embedding", "1"), ("hog", "champion")] * 2
    without = CompareParameters(models=("hog",))
    assert settle_embedding(without) == without


class Watched:
    """A run whose stages do nothing, and that says what they were given."""

    manifest, run_id = None, "run"

    def __init__(self) -> None:
        self.given: dict[str, tuple[Any, ...]] = {}

    def stage(self, stage: Stage[...], *args: Any) -> None:
        self.given[stage.name] = args

    def fetch(self, _origin: None) -> None: ...

    def replay_history(self, _trained: None) -> None: ...

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        return result


def put_in(flow: ModuleType, run: Watched, monkeypatch: pytest.MonkeyPatch, *idle: str) -> None:
    """Let a flow take a run that is watched; what is named in it does nothing."""
    for name in idle:
        monkeypatch.setattr(flow, name, lambda *_: {})
    monkeypatch.setattr(flow, "tracked_run", lambda _: contextlib.nullcontext((run, None)))


@pytest.mark.usefixtures("promote")
def test_a_training_takes_the_version_that_was_champion_when_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Watched()
    idle = ("check_selection", "offer_shipped", "apply_gate", "settle_alias", "write_report")
    put_in(train_faces, run, monkeypatch, *idle, "training_result")
    train_faces.train_faces.fn()
    assert run.given["find-embedding"] == (TrainParameters().model, "1")


@pytest.mark.usefixtures("promote", "offered")
def test_a_comparison_takes_the_version_that_was_champion_when_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, asked = Watched(), list[CompareParameters]()
    monkeypatch.setattr(compare_models, "run_cells", lambda *args: asked.append(args[-1]))
    idle = ("check_place", "apply_gate", "show_comparison", "end_for_failures")
    put_in(compare_models, run, monkeypatch, *idle, "comparison_result")
    compare_models.compare_models.fn()
    assert {cell.embedding for cell in asked[0].cells(("embedding",))} == {"1"}
