"""What a fault must leave as it was: checks that tests of faults share."""

import json
import os
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from lfw.files import PARTIAL
from tasks.stages import read_output
from tests.flows.workplace import HOG, Workplace, prefect_rows

_OVER = {"COMPLETED", "CRASHED", "FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Outcome:
    """What a training came to, whenever and wherever it is run."""

    data_digest: str
    split_digest: str
    test: dict[str, Any]
    baselines: dict[str, Any]

    @classmethod
    def of(cls, result: dict[str, Any]) -> "Outcome":
        names = ("data_digest", "split_digest", "test", "baselines")
        return cls(**{name: result[name] for name in names})


def asked(place: Workplace, *arguments: str) -> tuple[str, ...]:
    """Give the arguments of the quickest training."""
    return ("train", "--source", str(place.source), *HOG, *arguments)


def trained(place: Workplace, *arguments: str, **more: str) -> dict[str, Any]:
    """Train, and give the result."""
    code, out, err = place.run(*asked(place, *arguments), "--json", **more)
    assert code == 0, err[-4000:]
    result: dict[str, Any] = json.loads(out)
    return result


def finished_stages(place: Workplace) -> set[tuple[str, str]]:
    """Give the stages whose results are there, whole, with their keys."""
    records = (place.data / "stages").glob("*/*/stage.json")
    found = [(path.parents[1].name, read_output(path.parent)) for path in records]
    return {(name, output.folder.name) for name, output in found if output is not None}


def store_of(place: Workplace) -> MlflowClient:
    return MlflowClient(f"sqlite:///{place.data}/mlflow/mlflow.db")


def open_runs(client: MlflowClient) -> list[Any]:
    """Give the MLflow runs that are RUNNING."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, "attributes.status = 'RUNNING'"))


def check_nothing_is_left(place: Workplace) -> None:
    """See that no run is open, no database torn, and no half-written or temporary file there."""
    assert open_runs(store_of(place)) == []
    states = {state for (state,) in prefect_rows(place, "select distinct state_type from flow_run")}
    assert states <= _OVER, states
    for database in (place.data / "mlflow" / "mlflow.db", place.data / "prefect" / "prefect.db"):
        with sqlite3.connect(database, timeout=60) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",), database
    assert leftovers(place) == []


def leftovers(place: Workplace) -> list[str]:
    """Name what was half-written or meant to be passing, and is still there."""
    half = [str(path) for path in place.data.rglob(f"{PARTIAL}*")]
    passing = [*temporary(place).iterdir(), *(place.data / "tmp").glob("*")]
    return half + [str(path) for path in passing if path.name != "sweep"]


def temporary(place: Workplace) -> Path:
    """Give the folder that a workplace's processes have for temporary files."""
    folder = place.folder / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


def kill(group: int) -> None:
    """Kill all processes of a group at once, as a power cut would."""
    os.killpg(group, signal.SIGKILL)
