"""A data set is fetched once, and verified each time."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfw.audit import audit_images
from lfw.digest import file_digest
from lfw.errors import DataError, InputError
from lfw.fetch import KNOWN_IMAGES, Fetched, fetch
from lfw.images import read_many
from lfw.manifest import Manifest, build_manifest
from lfw.pack import PACK
from lfw.sources import Source
from tests.conftest import files_in, zip_folder
from tests.lfw.fetching.support import Log, fetch_archive, names, split_of


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
    assert len({split_of(found).digest for found in (packed, there)}) == 1


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
    (folder / "lfw/lfw/Ann/Ann_0001.jpg").write_bytes(b"x")
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


def test_the_copy_that_was_sealed_last_is_not_taken_for_that_of_another_archive(
    sample_folder: Path, tmp_path: Path
) -> None:
    less = shutil.copytree(sample_folder, tmp_path / "less")
    next(less.rglob("*.jpg")).unlink()
    archives = [
        Source("archive", str(zip_folder(folder, tmp_path / f"{k}.zip")))
        for k, folder in enumerate((sample_folder, less))
    ]
    first = [fetch(one, tmp_path / "data") for one in archives]
    again = [fetch(one, tmp_path / "data") for one in archives]
    assert first[0].dataset.data_digest != first[1].dataset.data_digest
    for before, after in zip(first, again, strict=True):
        assert after.dataset == before.dataset
        assert before.why is None
        assert after.why is not None
