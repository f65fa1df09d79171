"""Whatever is wrong with an archive: one error that names it, and nothing left behind."""

import resource
import time
from pathlib import Path

import pytest

from lfw.archive import unpack
from lfw.digest import file_digest
from lfw.errors import DataError, LfwError
from lfw.fetch import fetch
from lfw.sources import Source
from tests.conftest import files_in
from tests.lfw.broken_archives import BROKEN, FILES, PICTURE, many_empty, tarred, zipped


@pytest.mark.parametrize("how", BROKEN)
def test_broken_archive_is_refused_in_a_sentence(how: str, tmp_path: Path) -> None:
    archive = tmp_path / "lfw.zip"
    archive.write_bytes(BROKEN[how].make())
    before, data = file_digest(archive), tmp_path / "data"

    with pytest.raises(LfwError, match=BROKEN[how].said) as caught:
        fetch(Source("archive", str(archive)), data)

    message = str(caught.value)
    assert message.startswith(str(archive))
    assert message.isprintable()
    assert message.endswith((".", "refused."))
    assert {path.name for path in data.rglob("*")} == {"datasets", "downloads", ".lock"}
    assert file_digest(archive) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "lfw.zip"]


def test_what_is_refused_does_not_spoil_what_comes_next(tmp_path: Path) -> None:
    archive, data = tmp_path / "lfw.zip", tmp_path / "data"
    archive.write_bytes(BROKEN["zip cut at 50%"].make())
    with pytest.raises(LfwError):
        fetch(Source("archive", str(archive)), data)
    archive.write_bytes(zipped(*FILES.items()))

    fetched = fetch(Source("archive", str(archive)), data)

    assert sorted(fetched.manifest.files["path"])[:2] == ["Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg"]


def test_bomb_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    archive = tmp_path / "lfw.zip"
    archive.write_bytes(BROKEN["bomb"].make())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # to write anything would be an OSError
    try:
        with pytest.raises(DataError, match="would unpack to"):
            unpack(archive, tmp_path / "made")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_names_and_depths_of_any_honest_data_set_are_taken(tmp_path: Path) -> None:
    names = ["a/" * 20 + "Zo\u00eb.jpg", "b" * 251 + ".jpg", "\u674e/\u674e_0001.jpg", "-rf.csv"]
    archive = tmp_path / "lfw.tar"
    archive.write_bytes(tarred(*((name, b"x") for name in names)))

    unpack(archive, tmp_path / "made")

    assert sorted(files_in(tmp_path / "made")) == sorted(names)


def test_archive_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A folder in its place stands for whatever the system refuses to read."""
    (tmp_path / "lfw.zip").mkdir()
    with pytest.raises(LfwError, match=r"source: .*lfw\.zip cannot be read: Is a directory"):
        fetch(Source("archive", str(tmp_path / "lfw.zip")), tmp_path / "data")


def test_empty_members_are_unpacked(tmp_path: Path) -> None:
    """They are no fault of the archive: the audit names each as an empty file."""
    (tmp_path / "lfw.zip").write_bytes(many_empty(3))
    unpack(tmp_path / "lfw.zip", tmp_path / "made")
    assert sum(not content for content in files_in(tmp_path / "made").values()) == 3


@pytest.mark.faults
def test_a_million_empty_members_are_refused_soon(tmp_path: Path) -> None:
    (tmp_path / "lfw.zip").write_bytes(many_empty(1_000_000))
    began = time.process_time()

    with pytest.raises(DataError, match="more than 500,000 members, which is refused"):
        unpack(tmp_path / "lfw.zip", tmp_path / "made")

    assert time.process_time() - began < 60
    assert [path.name for path in tmp_path.iterdir()] == ["lfw.zip"]


@pytest.mark.faults
@pytest.mark.parametrize("place", range(512))
def test_no_changed_byte_of_a_header_is_more_than_an_error(place: int, tmp_path: Path) -> None:
    """Each byte of a tar's first header, and of a zip, set to three values."""
    for whole in (tarred(*FILES.items()), zipped((PICTURE, b"x"))):
        for value in (0, 0x80, 0xFF):
            changed = bytearray(whole)
            changed[place % len(whole)] = value
            (tmp_path / "lfw").write_bytes(changed)
            try:
                unpack(tmp_path / "lfw", tmp_path / f"{len(whole)}-{value}")
            except LfwError as error:
                assert str(tmp_path / "lfw") in str(error)
