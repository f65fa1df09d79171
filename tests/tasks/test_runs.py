"""What a run tells of its stages is the same wherever it is told."""

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from mlflow import MlflowClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks import runs
from tasks.runs import Run
from tasks.stages import Summary, Work, stage


@stage("number", key=lambda number: {"number": number})
def note_number(work: Work, number: int) -> Summary:
    return Summary(str(number))


class Forgetful:
    """In the place of the stage's Prefect task: it knows no earlier result."""

    def with_options(self, **_: Any) -> Any:
        def run(key: str, work: Work, *more: Any, return_state: bool) -> State[Any]:
            return Completed(data=note_number._execute(key, work, *more))

        return run


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> list[ArtifactCreate]:
    """What is attached to task runs."""
    found: list[ArtifactCreate] = []
    client = MagicMock()
    client.__enter__.return_value.create_artifact = found.append
    monkeypatch.setattr(runs, "get_client", lambda **_: client)
    monkeypatch.setattr(runs, "get_run_logger", MagicMock)
    return found


def test_a_stage_is_reused_or_made_in_this_run_on_all_pages(
    store: Path, attached: list[ArtifactCreate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_number, "task", Forgetful())
    client = MlflowClient()
    ids = [client.create_run("0").info.run_id for _ in range(2)]
    told = []
    for run_id in ids:
        run = Run(store, run_id, "a run", lambda _: None)
        run.stage(note_number, 7)
        told.append(run.records[0].reused)
    assert told == [False, True]
    assert [one.description for one in attached] == ["Made in this run", "Reused"]
    tags = [client.get_run(run_id).data.tags.get("reused_from.number") for run_id in ids]
    assert tags == [None, ids[0]]
