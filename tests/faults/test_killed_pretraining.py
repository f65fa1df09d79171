"""A pretraining that is killed goes on at its last finished epoch."""

import json
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from tests.flows.workplace import Workplace, server_of

pytestmark = pytest.mark.faults

PRETRAIN = ("--exclude-top", "3", "--epochs", "2")


@pytest.fixture
def place(tmp_path: Path, sample_folder: Path, databases: Path) -> Iterator[Workplace]:
    made = Workplace(tmp_path / "place", sample_folder, databases)
    with server_of(made):
        yield made


@pytest.mark.timeout(1200)
def test_killed_after_its_first_epoch_it_runs_the_second_alone(place: Workplace) -> None:
    checkpoints = place.data / "checkpoints"
    command = ("pretrain", "--source", str(place.source), *PRETRAIN)
    place.kill_when(lambda: any(checkpoints.glob("*/state.json")), *command)
    [kept] = checkpoints.glob("*/state.json")
    first = json.loads(kept.read_text())["history"]
    assert [row["epoch"] for row in first] == [1]

    result = place.ask("pretrain", "--source", str(place.source), *PRETRAIN)
    assert not any(checkpoints.iterdir())
    mlflow.set_tracking_uri(f"sqlite:///{place.data}/mlflow/mlflow.db")
    history = MlflowClient().get_metric_history(result["mlflow_run_id"], "loss")
    assert [metric.step for metric in history] == [1, 2]
    assert history[0].value == pytest.approx(first[0]["loss"]), "the epoch before the kill"
