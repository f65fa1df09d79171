"""The workplace that a file's tests share: its server stays up, its data set is their choice."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from infra import cli
from tests.flows.workplace import Workplace, server_of


@pytest.fixture(scope="module")
def source(sample_folder: Path) -> Path:
    """The data set. A file whose tests change it, or need another, has a fixture of its own."""
    return sample_folder


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, source: Path, databases: Path
) -> Iterator[Workplace]:
    """A workplace whose server stays up."""
    made = Workplace(tmp_path_factory.mktemp("place"), source, databases, forked=True)
    with server_of(made):
        yield made


@pytest.fixture
def client(place: Workplace) -> MlflowClient:
    """The workplace's MLflow."""
    mlflow.set_tracking_uri(f"sqlite:///{place.data}/mlflow/mlflow.db")
    return MlflowClient()


@pytest.fixture
def answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command that is answered before it needs a server: here, not in a process of its own.

    It gives the exit code, the output and the messages, as :meth:`Workplace.run` does.
    """

    def no_server(*_: object) -> None:
        pytest.fail("the command went on to its flow")

    for name in list(os.environ):
        if name.startswith(("KAGGLE_", "LFW_", "MLFLOW_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LFW_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(cli, "_on_a_server", no_server)

    def run(*arguments: str, **more: str) -> tuple[int, str, str]:
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["lfw", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Cyclopts application invoked without tokens")
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run
