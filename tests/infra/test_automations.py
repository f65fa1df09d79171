"""Automations on a real Prefect server, set off by real events; schedules turned on there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.automations import ON_FAILURE, ON_PROMOTION
from tests.flows.workplace import Workplace, prefect_rows, server_of
from tests.infra.support import wait_until

REGISTER = "from flows.serve import deployments\nfor one in deployments(): one.apply()"
TURN_ON = """
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as prefect:
    weekly = prefect.read_deployment_by_name("pretrain-embedding/weekly")
    prefect.update_deployment_schedule(weekly.id, weekly.schedules[0].id, active=True)
"""
SERVE_AGAIN = """
from flows.serve import deployments, leave_schedules
served = deployments()
leave_schedules(served)
for one in served: one.apply()
"""
ON = """
select flow.name from deployment_schedule schedule join deployment on deployment_id = deployment.id
join flow on flow_id = flow.id where schedule.active
"""
EMIT = """
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
emit_event("lfw.model.promoted", {"prefect.resource.id": "lfw.model-version.lfw-faces.3"})
EventsWorker.instance().drain()
"""
STARTED = """
select run.parameters from flow_run run join flow on run.flow_id = flow.id
where flow.name = ? and run.deployment_id is not null
"""


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, sample_folder: Path, databases: Path
) -> Iterator[Workplace]:
    """A server that has the deployments; nobody takes their runs."""
    made = Workplace(tmp_path_factory.mktemp("automations"), sample_folder, databases)
    with server_of(made):
        python(made, REGISTER)
        yield made


def python(place: Workplace, code: str) -> None:
    subprocess.run(
        [sys.executable, "-c", code],
        env=place.environment(PREFECT_API_URL=place.server()),
        cwd=place.folder,
        check=True,
        timeout=120,
    )


def started(place: Workplace, flow: str) -> list[dict[str, Any]]:
    """Parameters of the runs that automations have started."""
    return [json.loads(parameters) for (parameters,) in prefect_rows(place, STARTED, flow)]


def test_a_failed_training_has_the_data_audited(place: Workplace) -> None:
    for _ in range(2):  # the second time replaces the first
        code, out, err = place.run("automate")
        assert code == 0, err[-2000:]
        assert out == f"{ON_FAILURE}\n"
    names = prefect_rows(place, "select name from automation")
    assert names == [(ON_FAILURE,)]
    empty = place.folder / "empty"
    empty.mkdir()
    code, _, err = place.run("train", "--source", str(empty))
    assert code != 0, err[-2000:]
    assert wait_until(lambda: started(place, "audit-dataset") == [{}], 60)


def test_a_promotion_has_images_scored_again(place: Workplace) -> None:
    code, out, err = place.run("automate", "--watched", str(place.source))
    assert code == 0, err[-2000:]
    assert out == f"{ON_FAILURE}\n{ON_PROMOTION}\n"
    python(place, EMIT)
    watched = [{"paths": [str(place.source)]}]
    assert wait_until(lambda: started(place, "score-faces") == watched, 60)


def test_what_does_not_exist_is_not_watched(place: Workplace, tmp_path: Path) -> None:
    code, out, err = place.run("automate", "--watched", str(tmp_path / "none"))
    assert (code, out) == (2, "")
    assert f"watched: there is no {tmp_path / 'none'}." in err


def test_a_schedule_is_off_until_it_is_turned_on_and_then_stays_on(place: Workplace) -> None:
    assert prefect_rows(place, ON) == []
    python(place, TURN_ON)
    python(place, SERVE_AGAIN)
    assert prefect_rows(place, ON) == [("pretrain-embedding",)]
