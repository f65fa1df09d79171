"""The disk gets full, or is read-only: a clear error, and the same command ends right later."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.undisturbed import (
    Outcome,
    asked,
    check_nothing_is_left,
    finished_stages,
    open_runs,
    store_of,
    temporary,
    trained,
)
from tests.flows.workplace import Workplace, in_work, reused, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

_DISK = "220m"
_NEARLY_NOTHING = 200 << 10


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def place(disk: Path, sample_zip: Path, tmp_path: Path) -> Workplace:
    """A workplace whose data folder is that disk; the code is elsewhere."""
    made = Workplace(tmp_path / "place", sample_zip)
    made.data = disk / "data"
    return made


@contextlib.contextmanager
def filled(disk: Path, left: int) -> Iterator[None]:
    """Fill a disk but for some bytes."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb") as file:
            _fill(file.fileno(), disk, left)
        yield
    finally:
        ballast.unlink()


def _fill(ballast: int, disk: Path, left: int) -> None:
    for _ in range(100):
        try:
            os.posix_fallocate(ballast, 0, max(_free(disk) - left, 1))
        except OSError:  # the run has just taken some of it: none of it was given
            continue
        return
    raise AssertionError(f"{disk} could not be filled")


def _free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def check_message(err: str, place: Workplace) -> None:
    assert "Traceback" not in err.splitlines()[-1]
    last = err.splitlines()[-1]
    assert last.startswith("lfw: ")
    assert "full" in last
    assert str(place.data) in last


@pytest.mark.parametrize("stage", ["fetch-and-unpack", "train", "register"])
def test_a_full_disk_is_told_and_the_next_run_goes_on(
    place: Workplace, disk: Path, stage: str
) -> None:
    tmp = str(temporary(place))
    outcome = Outcome.of(trained(place, "--seed", "1", TMPDIR=tmp))
    arguments = asked(place, "--seed", "2")
    if stage == "fetch-and-unpack":
        subprocess.run(["rm", "-r", str(place.data / "datasets")], check=True)
        at_work = place.data / "datasets"
    else:
        at_work = place.data / "stages" / stage
    process = place.start(*arguments, TMPDIR=tmp)
    wait_for(lambda: in_work(at_work), process)
    with filled(disk, _NEARLY_NOTHING if stage == "fetch-and-unpack" else 0):
        _, err = process.communicate(timeout=900)
    assert process.returncode == 1, err[-3000:]
    check_message(err, place)
    before = finished_stages(place)
    again = trained(place, "--seed", "2", TMPDIR=tmp)
    assert {name for name, _ in before if name in reused(again)} >= {"read-lists"}
    assert Outcome.of(trained(place, "--seed", "1", TMPDIR=tmp)) == outcome
    assert open_runs(store_of(place)) == []
    check_nothing_is_left(place)


def test_a_disk_that_is_full_from_the_start_is_told_at_once(place: Workplace, disk: Path) -> None:
    with filled(disk, 0):
        code, out, err = place.run(*asked(place))
    assert (code, out) == (2, "")
    check_message(err, place)


def test_a_read_only_data_folder_is_told_at_once(place: Workplace, disk: Path) -> None:
    outcome = Outcome.of(trained(place))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        code, out, err = place.run(*asked(place))
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert (code, out) == (2, "")
    [line] = err.strip().splitlines()
    assert "cannot be written to (Read-only file system)" in line
    assert Outcome.of(trained(place)) == outcome
