"""A registered version is loaded unless that would run what a pickle says."""

import os
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.pyfunc.model import PythonModel

from lfw.errors import LfwError
from tasks.registry import load_version

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
