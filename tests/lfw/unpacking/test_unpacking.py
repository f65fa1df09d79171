"""An archive is unpacked wholly, whatever its form and name."""

import hashlib
import resource
from pathlib import Path

import numpy as np
import pytest

from lfw.archive import unpack
from lfw.archive_members import Limits
from lfw.errors import DataError
from lfw.zip_member import SMALL
from tests.conftest import files_in
from tests.lfw.broken_archives import FILES, tarred
from tests.lfw.unpacking.support import PACKINGS, write_zip


@pytest.mark.parametrize("packing", ["zip", *PACKINGS])
def test_archive_is_unpacked_whatever_its_name(packing: str, tmp_path: Path, target: Path) -> None:
    archive = tmp_path / "download"
    if packing == "zip":
        write_zip(archive, *FILES.items())
    else:
        archive.write_bytes(PACKINGS[packing](tarred(*FILES.items())))
    told: list[tuple[int, int]] = []

    unpack(archive, target, progress=lambda done, total: told.append((done, total)))

    assert files_in(target) == FILES
    assert told == [(4, 4)]
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_large_members_are_unpacked_in_blocks(form: str, tmp_path: Path, target: Path) -> None:
    members = FILES | {
        "lfw/lfw/Cid/Cid_0001.jpg": np.random.default_rng(0).bytes(SMALL * 9),
        "large.csv": b"a line\n" * SMALL,
        "lfw/lfw/Cid/Cid_0002.jpg": b"small again",
    }
    archive = tmp_path / "archive"
    if form == "zip":
        write_zip(archive, *members.items())
    else:
        archive.write_bytes(tarred(*members.items()))

    unpacked = unpack(archive, target)

    assert files_in(target) == members
    assert {
        (path.removeprefix("images.zip/"), size, sha) for path, size, sha in unpacked.files
    } == {
        (name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in members.items()
    }


def test_folders_and_stray_files_are_passed_over(tmp_path: Path, target: Path) -> None:
    strays = ("__MACOSX/lfw/._Ann_0001.jpg", "lfw/.DS_Store", "lfw/Thumbs.db", "lists.csv~")
    archive = write_zip(
        tmp_path / "a.zip", ("lfw/", b""), *((name, b"x") for name in strays), *FILES.items()
    )

    unpack(archive, target)

    assert files_in(target) == FILES


def test_archive_just_within_the_limits_is_unpacked(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "lfw.zip", *FILES.items())
    total = sum(map(len, FILES.values()))
    unpack(archive, target, Limits(members=4, total_bytes=total, member_bytes=2048))
    assert files_in(target) == FILES


def test_error_of_the_system_is_not_called_damage(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "lfw.zip", *FILES.items())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # as if the disk were full
    try:
        with pytest.raises(OSError, match="File too large"):
            unpack(archive, tmp_path / "data" / "made")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "data").iterdir()) == []


def test_failure_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    made = tmp_path / "data" / "made"
    unpack(write_zip(tmp_path / "good.zip", *FILES.items()), made)
    bad = write_zip(tmp_path / "bad.zip", *FILES.items(), ("run.sh", b"x"))
    with pytest.raises(DataError):
        unpack(bad, made)
    assert files_in(made) == FILES
    assert list(made.parent.iterdir()) == [made]
