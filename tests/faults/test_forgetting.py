"""Forgetting beside a run, and forgetting that is killed: in the end no image is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lfw.manifest import build_manifest, person_of
from tasks.lineage import holding
from tests.faults.undisturbed import check_nothing_is_left, temporary, trained
from tests.flows.workplace import CHOSEN, Workplace, in_work, server_of, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.fixture
def place(tmp_path: Path, sample_zip: Path, databases: Path) -> Iterator[Workplace]:
    made = Workplace(tmp_path / "place", sample_zip, databases)
    with server_of(made):
        yield made


def images_of(place: Workplace, person: str) -> int:
    [copy] = (path for path in (place.data / "datasets").iterdir() if path.is_dir())
    return int((person_of(build_manifest(copy).images["path"]) == person).sum())


def test_beside_a_run_it_removes_nothing_and_says_so(place: Workplace) -> None:
    tmp = str(temporary(place))
    [person, *_] = trained(place, TMPDIR=tmp)["classes"]
    before = images_of(place, person)
    long = ("--model", "compact", "--epochs", "300")  # so that it does not end before it is met
    process = place.start(
        *("train", "--source", str(place.source), *CHOSEN, *long), "--json", TMPDIR=tmp
    )
    wait_for(lambda: in_work(place.data / "stages" / "train"), process)
    code, out, err = place.run("forget", person, TMPDIR=tmp)
    assert process.poll() is None, "the run was over too soon"
    out_of_run, err_of_run = process.communicate(timeout=1500)

    assert (code, out) == (1, "")
    assert "Another run is at work" in err
    assert not (place.data / "forgotten.json").exists()
    assert images_of(place, person) == before > 5
    assert process.returncode == 0, err_of_run[-2000:]
    assert person in out_of_run
    check_nothing_is_left(place)


def test_killed_it_ends_its_work_when_it_is_asked_again(place: Workplace) -> None:
    tmp = str(temporary(place))
    [person, *_] = trained(place, TMPDIR=tmp)["classes"]
    assert holding(place.data, [person])
    place.kill_when((place.data / "forgotten.json").exists, "forget", person)

    again = place.ask("forget", person, TMPDIR=tmp)

    assert again["forgotten"]["people"] == [person]
    assert images_of(place, person) == 0
    assert holding(place.data, [person]) == []
    others = ("--top", "3", "--images-per-person", "12", "--model", "hog")
    after = place.ask("train", "--source", str(place.source), *others, TMPDIR=tmp)
    assert person not in after["classes"]
    check_nothing_is_left(place)
