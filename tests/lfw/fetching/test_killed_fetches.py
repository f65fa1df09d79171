"""A fetch that was killed looks unfinished, and the next one succeeds."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lfw.files import PARTIAL
from lfw.manifest import build_manifest
from tests.lfw.fetching.support import DYING, fetch_archive, names


@pytest.mark.parametrize(
    "when",
    [
        ("lfw.archive", "_write", 3),
        ("lfw.fetch", "manifest_of", 1),
        ("lfw.fetch", "write_text", 1),
    ],
    ids=["while unpacking", "before it is in place", "before it is sealed"],
)
def test_killed_fetch_looks_unfinished_and_the_next_succeeds(
    when: tuple[str, str, int], archive: Path, folder: Path, data: Path
) -> None:
    command = [sys.executable, "-c", DYING, str(archive), str(data), *map(str, when)]
    killed = subprocess.run(command, check=False, timeout=60, cwd=Path(__file__).parents[3])

    assert killed.returncode == -signal.SIGKILL
    assert not any(name.endswith(".sha256") for name in names(data))
    fetched = fetch_archive(archive, data)
    assert fetched.why is None
    assert fetched.dataset.data_digest == build_manifest(folder).data_digest
    assert len(names(data)) == 3
    assert not any(name.startswith(PARTIAL) for name in names(data))


def test_what_killed_runs_left_is_swept(archive: Path, data: Path) -> None:
    for kept in ("datasets", "downloads"):
        (data / kept / f"{PARTIAL}x" / "deep").mkdir(parents=True)
    fetch_archive(archive, data)
    assert not list(data.rglob(f"{PARTIAL}*"))
