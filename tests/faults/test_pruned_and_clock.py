"""Data removed behind the cache's back, and a clock that jumps back by an hour."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import spoil_image
from tests.faults.undisturbed import (
    Outcome,
    asked,
    check_nothing_is_left,
    store_of,
    temporary,
    trained,
)
from tests.flows.workplace import Workplace, in_work, reused, server_of, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sample_zip: Path) -> Iterator[Workplace]:
    made = Workplace(tmp_path_factory.mktemp("pruned"), sample_zip)
    with server_of(made):
        yield made


@pytest.fixture(scope="module")
def outcome(place: Workplace) -> Outcome:
    return Outcome.of(trained(place, TMPDIR=str(temporary(place))))


def _one_image(place: Workplace) -> None:
    spoil_image(place.data / "datasets")


def _every_result(place: Workplace) -> None:
    for record in (place.data / "stages").glob("*/*/stage.json"):
        record.unlink()


def _prefects_records(place: Workplace) -> None:
    shutil.rmtree(place.data / "home" / "storage", ignore_errors=True)
    shutil.rmtree(place.data / "prefect" / "storage", ignore_errors=True)


def _models_files(place: Workplace) -> None:
    for path in (place.data / "stages" / "train").glob("*/model*"):
        path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("prune", [_one_image, _every_result, _prefects_records, _models_files])
def test_what_was_pruned_is_made_again_and_comes_to_the_same(
    place: Workplace, outcome: Outcome, prune: Callable[[Workplace], None]
) -> None:
    prune(place)
    result = trained(place, TMPDIR=str(temporary(place)))
    assert Outcome.of(result) == outcome
    assert all(reused(trained(place, TMPDIR=str(temporary(place)))).values())
    check_nothing_is_left(place)


def test_the_data_set_pruned_in_the_middle_of_a_run(place: Workplace, outcome: Outcome) -> None:
    tmp = str(temporary(place))
    process = place.start(*asked(place, "--seed", "3"), TMPDIR=tmp)
    wait_for(lambda: in_work(place.data / "stages" / "train"), process)
    for folder in (place.data / "datasets").glob("archive-*/"):
        shutil.rmtree(folder, ignore_errors=True)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 1, "its images are gone"
    assert err.splitlines()[-1].startswith("lfw: ")
    assert Outcome.of(trained(place, TMPDIR=tmp)) == outcome
    trained(place, "--seed", "3", TMPDIR=tmp)
    check_nothing_is_left(place)


# libfaketime (0.9.10) refuses Python's sleep now and then, which is until a time of the monotonic
# clock.
_SLEEP = """
import select
import time

time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


def test_a_clock_that_jumps_back_by_an_hour_changes_nothing(
    place: Workplace, outcome: Outcome
) -> None:
    if not Path(_FAKETIME).exists():
        pytest.skip("the clock cannot be set back: Debian's package libfaketime is not installed")
    clock = place.folder / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": _FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    for path in (place.data / "stages").glob("*"):
        shutil.rmtree(path)
    (place.code / "sitecustomize.py").write_text(_SLEEP)
    process = place.start(*asked(place), "--json", **faked)
    wait_for(lambda: in_work(place.data / "stages" / "train"), process)
    clock.write_text("-1h\n")
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err[-3000:]
    result = json.loads(out)
    assert Outcome.of(result) == outcome
    assert all(record["seconds"] >= 0 for record in result["stages"])
    run = store_of(place).get_run(result["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_accuracy"] == result["test"]["accuracy"]["value"]
    assert all(reused(trained(place, TMPDIR=str(temporary(place)))).values())
    check_nothing_is_left(place)
