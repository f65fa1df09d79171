"""What killed processes left is removed, and nothing that belongs to one at work."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from infra.leftovers import find_leftovers, remove_leftovers
from infra.running import lock_path
from infra.temporary import sweep_temporary, temporary_files

LEFT = (
    ".partial-forgotten.json-a/x",
    "datasets/.partial-archive-b/image.jpg",
    "downloads/.partial-c/lfw.zip",
    "stages/train/.partial-d/model.keras",
    "scores/.partial-4f0c-f/4f0c/tiles-0.part",
    "weights/.partial-g/weights.h5",
    "vectors/.partial-e/v.npz",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in LEFT:
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    return tmp_path


def test_half_written_files_go_when_no_run_is_at_work(data: Path) -> None:
    kept = data / "stages" / "train" / "whole"
    kept.mkdir()
    assert len(find_leftovers(data)) == len(LEFT)
    assert len(remove_leftovers(data)) == len(LEFT)
    assert find_leftovers(data) == []
    assert kept.is_dir()


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere" / "kept"
    kept.mkdir(parents=True)
    for name, target in ((".partial-a", kept), (".partial-b", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(target)
    assert len(remove_leftovers(tmp_path)) == 2
    assert find_leftovers(tmp_path) == []
    assert kept.is_dir()


def test_they_stay_while_another_run_is_at_work(data: Path) -> None:
    path = lock_path(data, "4f0c")
    path.parent.mkdir(parents=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_leftovers(data) == []
        assert len(remove_leftovers(data, "4f0c")) == len(LEFT), "one's own run is no other"


def test_temporary_files_are_in_the_data_folder_and_go(tmp_path: Path) -> None:
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with temporary_files(tmp_path) as folder:
        with tempfile.NamedTemporaryFile(delete=False) as made:
            assert Path(made.name).parent == folder == Path(os.environ["TMPDIR"])
        assert sweep_temporary(folder.parent) == [], "it is at work"
        assert folder.is_dir()
    assert not folder.exists()
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before


def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with temporary_files(tmp_path) as folder:
            (folder / "left").write_bytes(b"half")
            os._exit(1)  # as if killed
    os.waitpid(child, 0)
    [left] = (tmp_path / "tmp").glob("*/left")
    with temporary_files(tmp_path):
        assert not left.parent.exists()
