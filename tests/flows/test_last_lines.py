"""A short run's last lines reach the Prefect server that ends with it, and the command ends."""

from pathlib import Path

import pytest

from tests.flows.workplace import Workplace, prefect_rows

SELDOM = {"PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "30"}
"""How seldom Prefect sends lines by itself, in seconds: every run is over before."""


@pytest.fixture
def alone(tmp_path: Path, source: Path, databases: Path) -> Workplace:
    """A workplace without a server that stays up: each command starts one, and ends it."""
    return Workplace(tmp_path / "place", source, databases)


def last_lines(place: Workplace) -> list[str]:
    """What each flow run said at its end."""
    rows = prefect_rows(
        place,
        "select flow_run_id, message from log where name = 'prefect.flow_runs' and message like "
        "'Finished in state%' order by timestamp",
    )
    assert len({run for run, _ in rows}) == len(rows)
    return [message for _, message in rows]


def last_line(place: Workplace) -> str:
    [(message,)] = prefect_rows(place, "select message from log order by timestamp desc limit 1")
    return str(message)


def test_last_lines_of_a_run_are_kept(alone: Workplace) -> None:
    asked = ("bias", "--source", str(alone.source), "--top", "3", "--json")
    for runs in (1, 2):
        code, _, err = alone.run(*asked, **SELDOM)
        assert code == 0, err
        assert "Error logging to API" not in err
        assert last_lines(alone) == ["Finished in state Completed()"] * runs
        assert last_line(alone) == "Finished in state Completed()"


def test_last_lines_of_a_failed_run_are_kept(alone: Workplace) -> None:
    code, out, err = alone.run("rollback", "--because", "complaints", **SELDOM)  # of no version
    assert (code != 0, out) == (True, "")
    assert "Error logging to API" not in err
    [ended] = last_lines(alone)
    assert ended.startswith("Finished in state Failed(")
    assert last_line(alone) == ended
