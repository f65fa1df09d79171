"""A version that a stage made is known again by its run: in a new registry numbers begin anew."""

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from tasks.pretraining import register_embedding
from tasks.registry import register_model
from tasks.stages import Stage, StageOutput, Summary

STAGES = pytest.mark.parametrize(
    ("stage", "name"), [(register_model, "lfw-faces"), (register_embedding, "lfw-embedding")]
)
MINE = "a" * 32


def made_by(run_id: str, name: str) -> StageOutput:
    """What a stage left that made version 1."""
    facts = {"name": name, "version": "1", "uri": "models:/m-1"}
    return StageOutput("register", "key", Path(), {}, run_id, Summary("", facts))


def register(name: str, run_id: str, folder: Path) -> None:
    client = MlflowClient()
    client.create_registered_model(name)
    client.create_model_version(name, str(folder), run_id=run_id)


@STAGES
def test_the_version_that_a_run_made_is_there(stage: Stage[...], name: str, store: Path) -> None:
    register(name, MINE, store)
    assert stage.still_holds(made_by(MINE, name))


@STAGES
def test_another_runs_version_of_the_same_number_is_not_it(
    stage: Stage[...], name: str, store: Path
) -> None:
    register(name, "b" * 32, store)
    assert not stage.still_holds(made_by(MINE, name))


@STAGES
def test_a_version_that_was_deleted_is_gone(stage: Stage[...], name: str, store: Path) -> None:
    assert not stage.still_holds(made_by(MINE, name)), "there is no such model"
    register(name, MINE, store)
    MlflowClient().delete_model_version(name, "1")
    assert not stage.still_holds(made_by(MINE, name))


@STAGES
@pytest.mark.parametrize("code", ["INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "UNAUTHENTICATED"])
def test_a_server_in_trouble_does_not_say_that_a_version_is_gone(
    stage: Stage[...], name: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MlflowException("not now", ErrorCode.Value(code))

    monkeypatch.setattr(MlflowClient, "get_model_version", refuse)
    with pytest.raises(MlflowException, match="not now"):
        stage.still_holds(made_by(MINE, name))
