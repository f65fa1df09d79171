"""A pack is a plain zip, read from its place; whatever is wrong with one is noticed."""

import os
import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from lfw import pack as packing
from lfw.errors import DataError
from lfw.pack import Pack, PackWriter, copy_pack

IMAGES = {
    "lfw/Ann/Ann_0001.jpg": b"first" * 400,
    "lfw/Ann/Ann_0002.jpg": b"",
    "lfw/Zo\u00eb/Zo\u00eb_0001.jpg": bytes(range(256)),
    "lfw/Bob/Bob_0001.png": b"third" * 300,
}


def write_pack(path: Path, images: dict[str, bytes] | None = None) -> Path:
    with PackWriter(path) as writer:
        for name, content in (IMAGES if images is None else images).items():
            writer.add(name, content, zlib.crc32(content))
    return path


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "images.zip")


def test_any_reader_of_zips_opens_it(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == IMAGES
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}
    if shutil.which("unzip") is not None:
        subprocess.run(["unzip", "-q", pack, "-d", tmp_path / "out"], check=True)
        assert (tmp_path / "out" / "lfw/Ann/Ann_0001.jpg").read_bytes() == b"first" * 400


def test_what_was_written_is_read(pack: Path) -> None:
    opened = Pack(pack)
    assert list(opened.members) == list(IMAGES)
    assert {name: opened.read(name) for name in IMAGES} == IMAGES
    told: list[tuple[int, int]] = []
    rows = list(opened.measure(lambda done, total: told.append((done, total))))
    assert [(name, size) for name, size, _ in rows] == [(n, len(c)) for n, c in IMAGES.items()]
    assert told == [(4, 4)]


def test_large_images_are_written_in_blocks_and_measured_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_pack(tmp_path / "whole.zip")
    with PackWriter(tmp_path / "blocks.zip") as writer:
        for name, content in IMAGES.items():
            writer.add_blocks(name, [content[:7], content[7:]])
    assert (tmp_path / "blocks.zip").read_bytes() == whole.read_bytes()
    at_once = list(Pack(whole).measure())
    monkeypatch.setattr(packing, "_BLOCK", 10)
    assert list(Pack(whole).measure()) == at_once


def test_a_member_that_is_not_there_is_named(pack: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"images\.zip/lfw/Nobody\.jpg"):
        Pack(pack).read("lfw/Nobody.jpg")


def test_an_empty_pack_is_one(tmp_path: Path) -> None:
    opened = Pack(write_pack(tmp_path / "images.zip", {}))
    assert (opened.members, list(opened.measure())) == ({}, [])


def test_what_is_there_is_not_written_over(pack: Path) -> None:
    before = pack.read_bytes()
    with pytest.raises(FileExistsError):
        PackWriter(pack)
    assert pack.read_bytes() == before


def test_one_that_was_broken_off_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken off"), PackWriter(tmp_path / "p.zip") as writer:
        writer.add("a/a.jpg", b"x", zlib.crc32(b"x"))
        raise ValueError("broken off")
    with pytest.raises(DataError, match="damaged"):
        Pack(tmp_path / "p.zip")


# Damage ----------------------------------------------------------------------------------------

FEW = {"lfw/Ann/1.jpg": b"first" * 9, "lfw/Zo\u00eb/1.png": b"second"}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "images.zip", FEW)


def fingerprint(path: Path) -> object:
    """Give what a copy is sealed with, or that it was refused."""
    try:
        opened = Pack(path)
        return opened.directory_sha256, list(opened.measure())
    except DataError as error:
        assert str(path) in str(error)
        return None


def test_every_changed_byte_is_noticed(small: Path) -> None:
    whole, sealed = small.read_bytes(), fingerprint(small)
    assert sealed is not None
    for place in range(len(whole)):
        for change in (0x01, 0xFF):
            changed = bytearray(whole)
            changed[place] ^= change
            small.write_bytes(changed)
            assert fingerprint(small) != sealed, f"byte {place} ^ {change}"


def test_every_cut_is_noticed_and_every_byte_too_many(small: Path) -> None:
    whole = small.read_bytes()
    for length in range(len(whole)):
        small.write_bytes(whole[:length])
        assert fingerprint(small) is None, f"cut at {length}"
    for more in (b"x" + whole, whole + b"x", whole + whole, whole[:-22] + b"x" + whole[-22:]):
        small.write_bytes(more)
        assert fingerprint(small) is None


def test_random_damage_is_refused_or_noticed(small: Path) -> None:
    whole, sealed, rng = small.read_bytes(), fingerprint(small), np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(whole)
        start = rng.integers(len(whole) - 150, len(whole)) if rng.random() < 0.7 else 0
        for _ in range(rng.integers(1, 8)):
            changed[rng.integers(start, len(whole))] = int(rng.choice([0, 1, 0x7F, 0xFF]))
        small.write_bytes(changed)
        assert bytes(changed) == whole or fingerprint(small) != sealed


NAMES = ["../x.jpg", "/x.jpg", "a//x.jpg", "a/./x.jpg", "a/../x.jpg", "a\\x.jpg", "", "a/", "..",
         "a\x1b.jpg", "a\nb.jpg"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_path_of_an_image_is_refused(name: str, tmp_path: Path) -> None:
    path = write_pack(tmp_path / "images.zip", {"a/good.jpg": b"x", name: b"y"})
    with pytest.raises(DataError, match="is no path of an image"):
        Pack(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "images.zip") as writer:
        for content in (b"x", b"y"):
            writer.add("a/b.jpg", content, zlib.crc32(content))
    with pytest.raises(DataError, match="its directory is wrong"):
        Pack(tmp_path / "images.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_somebody_elses_is_refused(method: int, tmp_path: Path) -> None:
    """What it holds may be hidden, or lie about itself: an archive is to be unpacked."""
    with zipfile.ZipFile(tmp_path / "images.zip", "w", method) as file:
        file.writestr("a/b.jpg", b"x")
    with pytest.raises(DataError, match="damaged"):
        Pack(tmp_path / "images.zip")


def test_a_pack_that_is_changed_while_it_is_open(pack: Path) -> None:
    opened, whole = Pack(pack), pack.read_bytes()
    with pack.open("r+b") as file:
        file.write(b"XX")
    with pytest.raises(DataError, match="differs from the directory"):
        opened.read("lfw/Ann/Ann_0001.jpg")
    with pytest.raises(DataError, match="differs from the directory"):
        list(opened.measure())
    pack.write_bytes(whole)
    os.truncate(pack, 100)
    with pytest.raises(DataError, match="cut short"):
        opened.read("lfw/Bob/Bob_0001.png")
    with pytest.raises(DataError, match="cut short"):
        list(opened.measure())


# Large -----------------------------------------------------------------------------------------


def test_more_images_than_an_old_zip_can_hold(tmp_path: Path) -> None:
    images = {f"P/{number:06d}.jpg": b"%d" % number for number in range(66_000)}
    path = write_pack(tmp_path / "images.zip", images)
    opened = Pack(path)
    assert len(opened.members) == 66_000
    assert opened.read("P/065999.jpg") == b"65999"
    with zipfile.ZipFile(path) as other:
        assert len(other.namelist()) == 66_000
        assert other.read("P/065999.jpg") == b"65999"


def test_places_beyond_four_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if four gigabytes were 1,000 bytes: the form is the same."""
    monkeypatch.setattr(packing, "_FAR", 1000)
    path = write_pack(tmp_path / "images.zip")
    assert b"\x01\x00\x08\x00" in path.read_bytes()
    assert fingerprint(path) is not None
    with zipfile.ZipFile(path) as other:
        assert {name: other.read(name) for name in other.namelist()} == IMAGES
    opened = Pack(path)
    assert {name: opened.read(name) for name in IMAGES} == IMAGES


# Taking out ------------------------------------------------------------------------------------


def test_what_is_taken_out_leaves_no_byte(pack: Path, tmp_path: Path) -> None:
    digest = copy_pack(pack, tmp_path / "left.zip", lambda name: "/Ann/" not in name)
    left = Pack(tmp_path / "left.zip")
    assert left.directory_sha256 == digest
    assert {name: left.read(name) for name in left.members} == {
        name: content for name, content in IMAGES.items() if "/Ann/" not in name
    }
    assert b"first" not in (tmp_path / "left.zip").read_bytes()
    assert b"Ann" not in (tmp_path / "left.zip").read_bytes()


def test_a_damaged_pack_is_not_copied(pack: Path, tmp_path: Path) -> None:
    pack.write_bytes(pack.read_bytes().replace(b"third", b"thirD", 1))
    with pytest.raises(DataError, match=r"checksum of lfw/Bob/Bob_0001\.png"):
        copy_pack(pack, tmp_path / "left.zip", lambda _: True)
