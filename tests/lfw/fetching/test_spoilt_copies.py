"""A copy that was spoilt is noticed, and mended where it can be."""

import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lfw.errors import DataError
from lfw.leaks import check_leaks
from lfw.manifest import build_manifest
from lfw.pack import PACK, PackWriter
from tests.conftest import files_in
from tests.lfw.fetching.support import fetch_archive, names, split_of


def repacked(folder: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the images of a copy, in a pack that is whole in itself."""
    pack = folder / PACK
    with zipfile.ZipFile(pack) as opened:
        images = {name: opened.read(name) for name in opened.namelist()}
    change(images)
    pack.unlink()
    with PackWriter(pack) as writer:
        for name, content in images.items():
            writer.add(name, content, zlib.crc32(content))


def altered(folder: Path, old: bytes, new: bytes, count: int = -1) -> None:
    """Change the bytes of a copy's pack."""
    pack = folder / PACK
    before = pack.read_bytes()
    pack.write_bytes(before.replace(old, new, count))
    assert pack.read_bytes() != before


def deflated(folder: Path) -> None:
    with zipfile.ZipFile(folder / PACK) as opened:
        images = {name: opened.read(name) for name in opened.namelist()}
    with zipfile.ZipFile(folder / PACK, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in images.items():
            packed.writestr(name, content)


def folder_instead(folder: Path) -> None:
    (folder / PACK).unlink()
    (folder / PACK).mkdir()


_ANN, _BOB = "lfw/lfw/Ann/Ann_0001.jpg", "lfw/lfw/Bob/Bob_0001.jpg"
_CRC = struct.pack("<I", zlib.crc32(b"Bob/Bob_0001" * 50))
_FIRST = struct.pack("<II", 0o100644 << 16, 0)  # how the directory says where the first begins

SPOILING: dict[str, Callable[[Path], object]] = {
    "changed": lambda f: repacked(f, lambda images: images.update({_ANN: b"x"})),
    "same size": lambda f: repacked(f, lambda images: images.update({_ANN: b"Ann/Ann_0002" * 50})),
    "removed": lambda f: repacked(f, lambda images: images.pop(_BOB)),
    "added": lambda f: repacked(f, lambda images: images.update({"lfw/lfw/Bob/b.jpg": b"x"})),
    "no image": lambda f: repacked(f, dict.clear),
    "a byte flipped": lambda f: altered(f, b"Ann/Ann_0001Ann", b"Ann/Ann_0001ann", 1),
    "a byte of the directory": lambda f: altered(f, b"PK\1\2", b"PK\1\3", 1),
    "cut": lambda f: (f / PACK).write_bytes((f / PACK).read_bytes()[:-1]),
    "cut in the middle": lambda f: (f / PACK).write_bytes((f / PACK).read_bytes()[:900]),
    "longer": lambda f: (f / PACK).write_bytes((f / PACK).read_bytes() + b"x"),
    "nothing in it": lambda f: (f / PACK).write_bytes(b""),
    "wrong checksum": lambda f: altered(f, _CRC, b"abcd"),
    "wrong checksum in the directory": lambda f: (f / PACK).write_bytes(
        b"abcd".join((f / PACK).read_bytes().rsplit(_CRC, 1))
    ),
    "name twice": lambda f: altered(f, b"Ann_0002.jpg", b"Ann_0001.jpg"),
    "overlapping": lambda f: altered(f, struct.pack("<I", 654), struct.pack("<I", 0)),
    "outside": lambda f: altered(f, _FIRST, _FIRST[:4] + b"\xff\xff\xff\x7f"),
    "path out of it": lambda f: altered(f, b"lfw/lfw/Bob/", b"../../../../"),
    "compressed": deflated,
    "file beside": lambda f: (f / "x.jpg").write_bytes(b"x"),
    "folder in its place": folder_instead,
    "list changed": lambda f: (f / "lfw_allnames.csv").write_bytes(b"name,images\nAnn,3\n"),
    "linked": lambda f: (f / "x.jpg").symlink_to(f / PACK),
    "emptied": lambda f: (f / PACK).unlink(),
    "gone": shutil.rmtree,
    "no seal": lambda f: f.with_name(f.name + ".sha256").unlink(),
    "torn seal": lambda f: f.with_name(f.name + ".sha256").write_bytes(b"\xff"),
}


@pytest.mark.parametrize("how", SPOILING)
def test_spoilt_folder_is_made_again(how: str, archive: Path, data: Path) -> None:
    first = fetch_archive(archive, data)
    kept = names(data)
    SPOILING[how](Path(first.dataset.folder))

    mended = fetch_archive(archive, data)

    assert mended.why is None
    assert mended.dataset == first.dataset
    assert build_manifest(Path(mended.dataset.folder)).data_digest == first.dataset.data_digest
    assert fetch_archive(archive, data).why is not None
    assert names(data) == kept


def test_a_copy_of_an_earlier_version_is_read_as_it_is_until_it_is_spoilt(
    archive: Path, folder: Path, data: Path
) -> None:
    """These are folders of files, sealed with the digest alone."""
    packed = fetch_archive(archive, data).dataset
    made = Path(packed.folder)
    shutil.rmtree(made)
    shutil.copytree(folder, made)
    made.with_name(made.name + ".sha256").write_text(packed.data_digest + "\n")

    found = fetch_archive(archive, data)
    assert found.why is not None
    assert found.dataset.data_digest == packed.data_digest
    assert found.dataset.image_folder == f"{made}/lfw/lfw"

    (made / "lfw/lfw/Ann/Ann_0001.jpg").write_bytes(b"x")
    assert fetch_archive(archive, data).dataset == packed


def test_what_changes_in_a_pack_after_it_was_fetched_is_noticed(
    sample_zip: Path, data: Path
) -> None:
    fetched = fetch_archive(sample_zip, data)
    split, root = split_of(fetched), Path(fetched.dataset.image_folder)
    folder, whole = Path(fetched.dataset.folder), (Path(fetched.dataset.folder) / PACK).read_bytes()
    first = split.rows["image_path"].iloc[0]
    check_leaks(split, [], root)

    content = files_in(folder)[f"lfw-deepfunneled/lfw-deepfunneled/{first}"]
    altered(folder, content, content[:-9] + b"x" + content[-8:])
    with pytest.raises(DataError, match=f"{first} changed since the split was drawn"):
        check_leaks(split, [], root)
    (folder / PACK).write_bytes(whole[:-1])
    with pytest.raises(DataError, match=f"{first} cannot be read: .*{PACK} is damaged"):
        check_leaks(split, [], root)
    (folder / PACK).write_bytes(whole)
    repacked(folder, lambda images: images.pop(f"lfw-deepfunneled/lfw-deepfunneled/{first}"))
    with pytest.raises(DataError, match=f"{first} cannot be read: No such file"):
        check_leaks(split, [], root)
    shutil.rmtree(folder)
    with pytest.raises(DataError, match=f"{first} cannot be read: No such file"):
        check_leaks(split, [], root)
