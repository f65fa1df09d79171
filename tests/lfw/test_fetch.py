"""A data set is fetched once, verified each time, and mended where it was spoilt."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfw.audit import audit_images
from lfw.catalog import expand_paths, read_catalog
from lfw.digest import file_digest
from lfw.download import FetchError, kaggle_answers
from lfw.errors import DataError, InputError
from lfw.fetch import KNOWN_IMAGES, Fetched, fetch
from lfw.files import PARTIAL
from lfw.images import read_many
from lfw.manifest import Manifest, Progress, build_manifest
from lfw.pack import PACK, PackWriter
from lfw.parameters import TrainParameters
from lfw.sources import KAGGLE_DATASET, Source, choose_source
from lfw.split import Split, check_leaks, draw_split, sample_images, select_people
from tests.conftest import files_in, zip_folder
from tests.web import Reply, Site, offer_dataset

KAGGLE = Source("kaggle", KAGGLE_DATASET)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of three images that says nothing of being drawn."""
    folder = tmp_path / "lfw"
    for name in ("Ann/Ann_0001", "Ann/Ann_0002", "Bob/Bob_0001"):
        path = folder / "lfw" / "lfw" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 50)
    (folder / "lfw_allnames.csv").write_text("name,images\nAnn,2\nBob,1\n")
    return folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    return zip_folder(folder, tmp_path / "lfw.zip")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def fetch_archive(archive: Path, data: Path) -> Fetched:
    return fetch(Source("archive", str(archive)), data)


def names(data: Path) -> set[str]:
    return {path.name for path in (data / "datasets").iterdir()} - {".lock"}


class Log:
    """Keeps the titles of long work, and what was told of each."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[int, int]]] = {}

    def __call__(self, title: str) -> Progress:
        told = self.told.setdefault(title, [])
        return lambda done, total: told.append((done, total))


def test_archive_is_unpacked_and_described(archive: Path, folder: Path, data: Path) -> None:
    log = Log()
    source = Source("archive", str(archive))
    fetched = fetch(source, data, log)
    dataset = fetched.dataset

    sha256 = file_digest(archive)
    assert fetched.why is None
    assert dataset.folder == str(data / "datasets" / f"archive-{sha256[:16]}")
    assert dataset.image_folder == f"{dataset.folder}/{PACK}/lfw/lfw"
    assert files_in(Path(dataset.folder)) == files_in(folder)
    assert (dataset.source, dataset.kind, dataset.archive_sha256) == (source, "photographs", sha256)
    assert "Not a data set that is known here" in dataset.verification
    assert dataset.data_digest == build_manifest(folder).data_digest
    assert dataset.images_digest == fetched.manifest.images_digest
    assert names(data) == {
        f"archive-{sha256[:16]}",
        f"archive-{sha256[:16]}.sha256",
        "fetched.json",
    }
    assert log.told == {"unpack": [(4, 4)]}, "checksums are taken on the way"


def test_unchanged_archive_is_not_unpacked_again(
    archive: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fetch_archive(archive, data)
    monkeypatch.setattr("lfw.fetch.unpack", lambda *_, **__: pytest.fail("unpacked again"))
    again = fetch_archive(archive, data)

    assert again.dataset == first.dataset
    assert again.why is not None
    assert "unchanged" in again.why


def test_archive_under_another_name_is_known(archive: Path, data: Path) -> None:
    fetch_archive(archive, data)
    assert fetch_archive(archive.rename(archive.with_name("x.zip")), data).why is not None


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


@pytest.mark.parametrize("form", ["stored", "zip", "tar", "gztar"])
def test_packed_or_not_the_data_are_the_same(
    form: str, sample_folder: Path, sample_zip: Path, data: Path, tmp_path: Path
) -> None:
    archive = sample_zip
    if form != "stored":
        archive = Path(shutil.make_archive(str(tmp_path / "lfw"), form, sample_folder))
    packed = fetch_archive(archive, data)
    there = fetch(Source("folder", str(sample_folder)), data)
    one, other = packed.dataset, there.dataset

    assert (one.data_digest, one.images_digest, one.lists_digest) == (
        *(other.data_digest, other.images_digest),
        other.lists_digest,
    )
    pd.testing.assert_frame_equal(packed.manifest.files, there.manifest.files)
    pd.testing.assert_frame_equal(build_manifest(Path(one.folder)).files, packed.manifest.files)
    paths = packed.manifest.images["path"].tolist()
    audits = [audit_images(Path(found.image_folder), paths) for found in (one, other)]
    pd.testing.assert_frame_equal(audits[0].images, audits[1].images)
    assert np.array_equal(audits[0].thumbnails, audits[1].thumbnails)
    pixels = [read_many(Path(found.image_folder), paths[:20]) for found in (one, other)]
    assert np.array_equal(pixels[0], pixels[1])
    assert len({_split_of(found).digest for found in (packed, there)}) == 1


def _split_of(fetched: Fetched) -> Split:
    people = read_catalog(Path(fetched.dataset.folder)).people
    files = fetched.manifest.images.rename(columns={"path": "image_path"})
    rows = expand_paths(people).merge(files[["image_path", "sha256"]], on="image_path")
    wanted = TrainParameters(top=3, images_per_person=5)
    return draw_split(sample_images(rows, select_people(people, wanted), wanted, 0), [], 0)


def test_what_changes_in_a_pack_after_it_was_fetched_is_noticed(
    sample_zip: Path, data: Path
) -> None:
    fetched = fetch_archive(sample_zip, data)
    split, root = _split_of(fetched), Path(fetched.dataset.image_folder)
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


def test_folder_is_read_in_place(folder: Path, data: Path) -> None:
    before = build_manifest(folder).data_digest
    fetched = fetch(Source("folder", str(folder)), data)

    assert fetched.why is not None
    assert "read in place" in fetched.why
    assert fetched.dataset.folder == str(folder)
    assert fetched.dataset.archive_sha256 is None
    assert fetched.dataset.data_digest == before == build_manifest(folder).data_digest
    assert names(data) == set()


def test_folder_is_read_anew_each_time(folder: Path, data: Path) -> None:
    source = Source("folder", str(folder))
    first = fetch(source, data)
    (folder / _ANN).write_bytes(b"x")
    assert fetch(source, data).dataset.images_digest != first.dataset.images_digest


def test_demanded_checksum_is_compared(archive: Path, data: Path) -> None:
    source = Source("archive", str(archive), file_digest(archive))
    assert "has the checksum that was demanded" in fetch(source, data).dataset.verification

    wrong = Source("archive", str(archive), "0" * 64)
    with pytest.raises(DataError, match=f"not {'0' * 64} as demanded"):
        fetch(wrong, data)
    assert archive.is_file()


def test_damaged_archive_leaves_nothing(archive: Path, data: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(InputError, match="cut short"):
        fetch_archive(archive, data)
    assert names(data) == set()
    assert archive.is_file()


def test_archive_whose_images_are_in_two_folders_leaves_nothing(
    folder: Path, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "lfw" / "lfw", folder / "other")
    with pytest.raises(DataError, match="2 image folders"):
        fetch_archive(zip_folder(folder, tmp_path / "two.zip"), data)
    assert names(data) == set()


def test_known_images_are_recognised(
    archive: Path, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KNOWN_IMAGES, build_manifest(folder).images_digest, "three images")
    verification = fetch_archive(archive, data).dataset.verification
    assert verification == "The images are three images (SHA-256 of every file compared)."


# Killed ----------------------------------------------------------------------------------------

DYING = """
import importlib, os, signal, sys
from pathlib import Path
from lfw.fetch import fetch
from lfw.sources import Source

archive, data, module, name, calls = sys.argv[1:]
module, left = importlib.import_module(module), int(calls)
function = getattr(module, name)

def dying(*arguments, **named):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments, **named)

setattr(module, name, dying)
fetch(Source("archive", archive), Path(data))
"""


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
    killed = subprocess.run(command, check=False, timeout=60, cwd=Path(__file__).parents[2])

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


# URL -------------------------------------------------------------------------------------------


def test_url_is_downloaded_once_with_progress(archive: Path, data: Path, http_server: Site) -> None:
    shutil.copy(archive, http_server.folder / "lfw.zip")
    source = Source("url", f"{http_server.url}/lfw.zip", file_digest(archive))
    log = Log()

    first = fetch(source, data, log)
    again = fetch(source, data)

    size = archive.stat().st_size
    assert log.told["download"][-1] == (size, size)
    assert first.why is None
    assert again.why is not None
    assert again.dataset == first.dataset
    assert first.dataset.archive_sha256 == file_digest(archive)
    assert http_server.requests == [("GET", "/lfw.zip")]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_url_that_is_refused_leaves_nothing(status: int, data: Path, http_server: Site) -> None:
    http_server.replies["/lfw.zip"] = Reply(status)
    with pytest.raises(FetchError):
        fetch(Source("url", f"{http_server.url}/lfw.zip"), data)
    assert names(data) == set()
    assert list((data / "downloads").iterdir()) == []


@pytest.mark.parametrize("demanded", [True, False])
def test_download_of_no_use_is_asked_for_again(
    demanded: bool, archive: Path, data: Path, http_server: Site
) -> None:
    sha256 = file_digest(archive) if demanded else None
    source = Source("url", f"{http_server.url}/lfw.zip", sha256)
    http_server.replies["/lfw.zip"] = Reply(body=b"<html>Log in</html>")
    with pytest.raises(DataError if demanded else InputError):
        fetch(source, data)

    http_server.replies["/lfw.zip"] = Reply(body=archive.read_bytes())

    assert fetch(source, data).why is None


# Kaggle ----------------------------------------------------------------------------------------


def test_kaggles_data_must_be_the_known_one(kaggle: Site, sample_zip: Path, data: Path) -> None:
    offer_dataset(kaggle, sample_zip)
    with pytest.raises(DataError, match=r"fetched from Kaggle .* differ from the published ones"):
        fetch(KAGGLE, data)
    assert "fetched.json" not in names(data)


def test_kaggles_data_is_fetched_once_and_remembered(
    kaggle: Site, archive: Path, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KNOWN_IMAGES, build_manifest(folder).images_digest, "three images")
    offer_dataset(kaggle, archive)

    first = fetch(KAGGLE, data)
    asked = len(kaggle.requests)
    again = fetch(choose_source("auto", data, {}), data)

    assert first.why is None
    assert again.why is not None
    assert again.dataset.data_digest == first.dataset.data_digest
    assert again.dataset.source.kind == "kaggle"
    assert len(kaggle.requests) == asked


def test_kaggles_failure_is_no_reason_for_another_source(kaggle: Site, data: Path) -> None:
    with pytest.raises(FetchError):
        fetch(choose_source("kaggle", data, {}), data)
    assert names(data) == set()


# auto ------------------------------------------------------------------------------------------


def test_auto_goes_by_its_order(
    kaggle: Site, archive: Path, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(environ: dict[str, str]) -> str:
        return choose_source("auto", data, environ).kind

    wait = threading.Event()
    kaggle.replies["/"] = Reply(wait=wait)
    monkeypatch.setattr("lfw.sources.kaggle_answers", lambda: kaggle_answers(0.2))
    assert chosen({}) == "sample"

    wait.set()
    kaggle_answers.cache_clear()
    assert chosen({}) == "kaggle"

    fetch_archive(archive, data)
    assert chosen({}) == "archive"
    assert chosen({"LFW_SOURCE": str(folder)}) == "folder"


def test_drawn_archive_is_not_remembered(sample_zip: Path, data: Path) -> None:
    assert fetch_archive(sample_zip, data).dataset.kind == "synthetic"
    assert "fetched.json" not in names(data)


def test_sample_is_drawn_once(
    sample_folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(folder: Path) -> None:
        shutil.copytree(sample_folder, folder)

    monkeypatch.setattr("lfw.fetch.write_sample", draw)
    source = Source("sample", "sample")
    first, again = fetch(source, data), fetch(source, data)

    assert (first.why is None, again.why is None) == (True, False)
    assert first.dataset == again.dataset
    assert first.dataset.kind == "synthetic"
    assert "no real person" in first.dataset.verification
    assert Path(first.dataset.folder).name.startswith("sample-")


def test_two_fetches_at_once_unpack_once(archive: Path, data: Path) -> None:
    found: list[Fetched] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch_archive(archive, data)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(fetched.why is None for fetched in found) == 1
    assert len(found) == 4


def test_folder_that_cannot_be_written_is_the_systems_error(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    with pytest.raises(OSError, match=os.strerror(20) + "|" + os.strerror(17)):
        fetch_archive(archive, tmp_path / "data")


def test_real_images_are_verified(real_folder: Path, real_manifest: Manifest, data: Path) -> None:
    dataset = fetch(Source("folder", str(real_folder)), data).dataset

    assert dataset.kind == "photographs"
    assert dataset.verification.startswith("The images are the 13,233 deep-funneled images of LFW")
    assert dataset.data_digest == real_manifest.data_digest
