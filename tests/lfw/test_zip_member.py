"""A zip's plain members are read at once; whatever is unusual is left to the zipfile module."""

import os
import warnings
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from lfw.zip_member import SMALL, read_plain, read_plain_many

CONTENT = np.random.default_rng(0).bytes(3000) + bytes(3000)
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


def write_zip(path: Path, method: int, name: str = "a/b.jpg", content: bytes = CONTENT) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(name, content)
    return path


def read_first(path: Path) -> object:
    with zipfile.ZipFile(path) as opened:
        assert opened.fp is not None
        info = opened.infolist()[0]
        read = read_plain(opened.fp.fileno(), info)
        assert read_plain_many(opened.fp.fileno(), [info]) == [read]
        return read


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("content", [CONTENT, b"", b"x", bytes(SMALL)])
@pytest.mark.parametrize("name", ["a/b.jpg", "a/Zo\u00eb.jpg", "x" * 255 + ".jpg"])
def test_plain_members_are_read(method: int, content: bytes, name: str, tmp_path: Path) -> None:
    read = read_first(write_zip(tmp_path / "a.zip", method, name, content))
    assert isinstance(read, tuple)
    assert (read[0], read[2]) == (content, sha256(content).hexdigest())


@pytest.mark.parametrize("method", METHODS)
def test_sizes_behind_the_content_and_long_extra_fields_are_usual(
    method: int, tmp_path: Path
) -> None:
    info = zipfile.ZipInfo("a/b.jpg")
    info.compress_type, info.extra = method, b"\x99\x99\xff\x00" + bytes(255)
    with (tmp_path / "a.zip").open("wb") as file:
        file.write(b"before it")
        with zipfile.ZipFile(_Stream(file), "w") as packed:  # type: ignore[call-overload]
            packed.writestr(info, CONTENT)
    read = read_first(tmp_path / "a.zip")
    assert isinstance(read, tuple)
    assert read[0] == CONTENT


class _Stream:
    """A file that cannot seek: then sizes are written behind the content."""

    def __init__(self, file: object) -> None:
        self.write = file.write  # type: ignore[attr-defined]
        self.flush = file.flush  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "size"),
    [(zipfile.ZIP_BZIP2, 10), (zipfile.ZIP_LZMA, 10), (zipfile.ZIP_DEFLATED, SMALL + 1)],
)
def test_unusual_members_are_left_alone(method: int, size: int, tmp_path: Path) -> None:
    assert read_first(write_zip(tmp_path / "a.zip", method, content=bytes(size))) is None


@pytest.mark.parametrize("method", METHODS)
def test_no_changed_byte_gives_another_content(method: int, tmp_path: Path) -> None:
    """Every byte of the member, its header included: never anything but what was packed."""
    content = CONTENT[2960:3020]
    path = write_zip(tmp_path / "a.zip", method, content=content)
    whole = path.read_bytes()
    refused = 0
    for place in range(whole.index(b"PK\1\2")):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = read_first(path)
        assert read is None or (isinstance(read, tuple) and read[0] == content), place
        refused += read is None
    assert refused > len(content)


@pytest.mark.parametrize("method", METHODS)
def test_lies_of_the_directory_are_left_to_zipfile(method: int, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", method)
    with zipfile.ZipFile(path) as opened:
        assert opened.fp is not None
        for field in ("file_size", "compress_size", "CRC", "header_offset"):
            for change in (-1, 1, 1 << 40):
                [info] = opened.infolist()
                before = getattr(info, field)
                setattr(info, field, max(0, before + change))
                lied = getattr(info, field) != before
                read = read_plain(opened.fp.fileno(), info)
                assert (read is None) == lied, (field, change)
                assert read_plain_many(opened.fp.fileno(), [info]) == [read]
                setattr(info, field, before)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("damaged", [None, 3])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 2, 3, 0], [0, 5], [3, 3], [4]])
def test_neighbours_are_read_as_each_alone(
    method: int, damaged: int | None, order: list[int], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    contents = [rng.bytes(4000) for _ in range(6)]
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for number, content in enumerate(contents):
            file.writestr(f"a/{number}.jpg", content)
    if damaged is not None:
        whole = bytearray(path.read_bytes())
        whole[whole.index(b"a/3.jpg") + 2000] ^= 1
        path.write_bytes(whole)
    with zipfile.ZipFile(path) as opened:
        assert opened.fp is not None
        infos = [opened.infolist()[number] for number in order]
        found = read_plain_many(opened.fp.fileno(), infos)
        assert found == [read_plain(opened.fp.fileno(), info) for info in infos]
    expected = [None if number == damaged else contents[number] for number in order]
    assert [read and read[0] for read in found] == expected


def test_neighbours_are_taken_from_the_disk_at_once_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for number in range(40):
            file.writestr(f"a/{number}.jpg", CONTENT)
    lengths: list[int] = []
    pread = os.pread

    def counted(file: int, length: int, place: int) -> bytes:
        lengths.append(length)
        return pread(file, length, place)

    monkeypatch.setattr(os, "pread", counted)
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert opened.fp is not None
        infos = opened.infolist()
        read_plain_many(opened.fp.fileno(), infos[:20])
        assert [length > 0 for length in lengths] == [True]
        lengths.clear()
        read_plain_many(opened.fp.fileno(), [infos[0], infos[-1]])
        assert max(lengths) < 2 * len(CONTENT)
