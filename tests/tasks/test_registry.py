"""A registered version says what it rests on, and is loaded unless it is a pickle."""

import os
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.pyfunc.model import PythonModel

from lfw.embedding.store import SHIPPED, read_embedding
from lfw.errors import LfwError
from lfw.fetch import Dataset
from lfw.parameters import TrainParameters
from lfw.sources import Source
from tasks import registry
from tasks.registry import load_version, register_model
from tasks.stages import StageOutput, Summary, Work

OPEN = """
import mlflow
from mlflow.pyfunc.model import PythonModel

class Counts(PythonModel):
    def predict(self, context, model_input, params=None):
        return [len(model_input)]

mlflow.models.set_model(Counts())
"""


class Harmful(PythonModel):
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002
        return model_input


def left(stage: str, **facts: Any) -> StageOutput:
    return StageOutput(stage, "key", Path(), {}, "run", Summary("", facts))


@pytest.mark.parametrize("model", ["embedding", "hog"])
def test_a_version_says_on_which_embedding_it_rests(
    model: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_log_model", lambda *_: (str(store), None))
    network = read_embedding(SHIPPED).digest
    facts = {"version": "4", "network_sha256": network} if model == "embedding" else {}
    client = MlflowClient()
    run = client.create_run(client.create_experiment("own", str(store / "artifacts")))
    accuracy = {"value": 0.9, "low": 0.8, "high": 0.95}
    register_model.function(
        Work(tmp_path, lambda _: None, run.info.run_id),
        Dataset("/", "/", Source("folder", "/"), "photographs", None, "", "d", "d", "d"),
        left("stratified-split", classes=["Ann_Lee", "Bob_Ray"], digest="d"),
        left("find-embedding", **facts),
        left("train"),
        left("open-set"),
        left("evaluate", below=[], scores={"accuracy": accuracy}),
        TrainParameters(model=model),
    )
    made = client.get_model_version("lfw-faces", "1")
    described = str(made.description)
    said = f" It rests on lfw-embedding version 4 (network {network[:12]})."
    if model == "embedding":
        assert (made.tags["embedding_version"], made.tags["embedding_sha256"]) == ("4", network)
        assert described.endswith(said)
    else:
        assert not [name for name in made.tags if name.startswith("embedding")]
        assert "lfw-embedding" not in described


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    done = tmp_path / "done"
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"), python_model=Harmful(done), pip_requirements=[]
    )
    if done.exists():  # made when it was saved
        done.rmdir()

    with pytest.raises(LfwError, match=r"model is a pickle, .* and is not loaded"):
        load_version(str(tmp_path / "model"))

    assert not done.exists()


def test_code_that_lies_open_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "counts.py").write_text(OPEN)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"), python_model=str(tmp_path / "counts.py"), pip_requirements=[]
    )
    assert load_version(str(tmp_path / "model")).predict(np.zeros((3, 2))) == [3]


def test_a_models_code_does_not_stay_on_the_import_path(tmp_path: Path) -> None:
    (tmp_path / "counts.py").write_text(OPEN)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "helper.py").write_text("")
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"),
        python_model=str(tmp_path / "counts.py"),
        code_paths=[str(tmp_path / "more")],
        pip_requirements=[],
    )
    before = sys.path.copy()
    load_version(str(tmp_path / "model"))
    assert sys.path == before
    mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert sys.path != before, "MLflow takes it out by now: ours is no longer needed"
    sys.path[:] = before
