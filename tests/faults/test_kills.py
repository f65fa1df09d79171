"""`kill -9` at random moments: the same command again ends right.

``LFW_KILLS`` says how many moments of a run on the sample (30 by default), ``LFW_KILLS_REAL`` how
many of one on the real archive, if ``LFW_SOURCE`` names it (10), and ``LFW_KILL_SEED`` which. The
seed of a failure is in its message.
"""

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.undisturbed import (
    Outcome,
    asked,
    check_nothing_is_left,
    finished_stages,
    kill,
    open_runs,
    store_of,
    temporary,
    trained,
)
from tests.flows.workplace import Workplace, in_work, reused, server_of, wait_for

pytestmark = pytest.mark.faults

KILLS = {
    "sample": int(os.environ.get("LFW_KILLS", "30")),
    "archive": int(os.environ.get("LFW_KILLS_REAL", "10")),
}
SEED = int(os.environ.get("LFW_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
_LOG = "kills.tsv"


class Undisturbed(NamedTuple):
    """A workplace, and what a run in it comes to that nothing disturbs."""

    place: Workplace
    outcome: Outcome
    seconds: float


@pytest.fixture(scope="module")
def on_sample(tmp_path_factory: pytest.TempPathFactory, sample_zip: Path) -> Iterator[Undisturbed]:
    with _undisturbed(tmp_path_factory, sample_zip) as made:
        yield made


@pytest.fixture(scope="module")
def on_archive(
    tmp_path_factory: pytest.TempPathFactory, real_archive: Path
) -> Iterator[Undisturbed]:
    with _undisturbed(tmp_path_factory, real_archive) as made:
        yield made


@contextlib.contextmanager
def _undisturbed(factory: pytest.TempPathFactory, source: Path) -> Iterator[Undisturbed]:
    place = Workplace(factory.mktemp("kills"), source)
    tmp = str(temporary(place))
    with server_of(place):
        trained(place, TMPDIR=tmp)
        start_over(place)
        began = time.monotonic()
        result = trained(place, TMPDIR=tmp)
        yield Undisturbed(place, Outcome.of(result), time.monotonic() - began)


def start_over(place: Workplace) -> None:
    """Remove the data set and all that was made of it; the stores keep their runs."""
    for name in ("datasets", "downloads", "stages"):
        shutil.rmtree(place.data / name, ignore_errors=True)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(KILLS["sample"]))
def test_killed_at_any_moment_it_goes_on(on_sample: Undisturbed, number: int) -> None:
    _kill_and_go_on(on_sample, number)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(KILLS["archive"]))
def test_killed_on_the_archive_it_goes_on(on_archive: Undisturbed, number: int) -> None:
    _kill_and_go_on(on_archive, number)


def _kill_and_go_on(undisturbed: Undisturbed, number: int) -> None:
    place, outcome, seconds = undisturbed
    moment = random.Random(f"{SEED}/{number}").uniform(0, seconds)  # noqa: S311
    print(f"seed {SEED}, number {number}: killed after {moment:.2f} of {seconds:.1f} s")
    start_over(place)
    tmp = str(temporary(place))
    process = place.start(*asked(place), TMPDIR=tmp)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        kill(process.pid)
    process.communicate()
    before, still_open = finished_stages(place), open_runs(store_of(place))
    again = trained(place, TMPDIR=tmp)
    print(f"{len(before)} stages were finished, {len(still_open)} runs open")
    assert Outcome.of(again) == outcome
    wrong = {name for name, _ in before if not reused(again)[name]}
    assert wrong == set(), f"finished before the kill, and run again: {again['stages']}"
    closed = [store_of(place).get_run(run.info.run_id) for run in still_open]
    assert [run.info.status for run in closed] == ["KILLED"] * len(closed)
    assert all("killed" in run.data.tags["failure"] for run in closed)
    check_nothing_is_left(place)
    with (place.folder / _LOG).open("a", encoding="utf-8") as log:
        log.write(f"{SEED}\t{number}\t{moment:.2f}\t{len(before)}\t{len(still_open)}\n")


def test_the_doctor_closes_and_removes_what_a_killed_run_left(on_sample: Undisturbed) -> None:
    place = on_sample.place
    tmp = str(temporary(place))
    start_over(place)
    process = place.start(*asked(place), TMPDIR=tmp)
    wait_for(lambda: in_work(place.data / "stages" / "train"), process)
    kill(process.pid)
    process.communicate()
    [still_open] = open_runs(store_of(place))
    code, _, err = place.run("doctor", "--repair", TMPDIR=tmp)
    assert code == 0, err
    assert f"closed as KILLED: MLflow run {still_open.info.run_id}" in err
    assert store_of(place).get_run(still_open.info.run_id).info.status == "KILLED"
    check_nothing_is_left(place)
