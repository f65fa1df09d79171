"""The manifest tells data sets apart by content alone."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lfw.errors import DataError
from lfw.fetch import KNOWN_IMAGES
from lfw.image_store import read_file
from lfw.manifest import Manifest, build_manifest


def write_data(folder: Path, prefix: str = "lfw/lfw") -> Path:
    files = {
        "pairs.csv": b"name,images\n",
        "lfw_allnames.csv": b"name,images\nAnn,2\nBob,1\n",
        f"{prefix}/Ann/Ann_0001.jpg": b"first",
        f"{prefix}/Ann/Ann_0002.JPG": b"second",
        f"{prefix}/Bob/Bob_0001.png": b"third",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def digests(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.data_digest, manifest.images_digest, manifest.lists_digest


def test_every_file_is_recorded(tmp_path: Path) -> None:
    manifest = build_manifest(write_data(tmp_path))

    assert manifest.image_folder == "lfw/lfw"
    assert manifest.files["path"].tolist() == [
        "Ann/Ann_0001.jpg",
        "Ann/Ann_0002.JPG",
        "Bob/Bob_0001.png",
        "lfw_allnames.csv",
        "pairs.csv",
    ]
    assert manifest.images["size"].tolist() == [5, 6, 5]
    assert manifest.images["sha256"][0] == hashlib.sha256(b"first").hexdigest()
    assert manifest.lists["kind"].tolist() == ["list", "list"]
    assert manifest.stray == ()


def test_digests_are_independent_of_where_the_folder_is(tmp_path: Path) -> None:
    here = build_manifest(write_data(tmp_path / "here"))
    there = build_manifest(write_data(tmp_path / "there" / "deeper"))
    flat = build_manifest(write_data(tmp_path / "flat", "images"))
    bare = build_manifest(write_data(tmp_path / "bare", "."))

    assert digests(here) == digests(there) == digests(flat) == digests(bare)
    assert (flat.image_folder, bare.image_folder) == ("images", ".")


def test_digests_are_independent_of_the_order_on_disk(tmp_path: Path) -> None:
    first = build_manifest(write_data(tmp_path / "first"))
    other = write_data(tmp_path / "other")
    for name in ("pairs.csv", "lfw/lfw/Ann/Ann_0001.jpg"):  # made anew, they are listed last
        kept = (other / name).read_bytes()
        (other / name).unlink()
        (other / name).write_bytes(kept)

    assert digests(build_manifest(other)) == digests(first)


def test_files_are_sorted_by_their_whole_path(tmp_path: Path) -> None:
    folder = write_data(tmp_path)
    (folder / "lfw/lfw/Ann-Lu").mkdir()  # before Ann/, whose folder comes first
    (folder / "lfw/lfw/Ann-Lu/Ann-Lu_0001.jpg").write_bytes(b"fourth")

    paths = build_manifest(folder).images["path"].tolist()

    assert paths == sorted(paths)
    assert paths[0] == "Ann-Lu/Ann-Lu_0001.jpg"


@pytest.mark.parametrize("prefix", ["lfw/lfw", "images", "."])
def test_a_table_made_a_few_rows_at_a_time_is_the_same(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_data(tmp_path, prefix)
    (folder / prefix / "Ann-Lu").mkdir()  # out of order, and in another part
    (folder / prefix / "Ann-Lu/Ann-Lu_0001.jpg").write_bytes(b"fourth")
    whole = build_manifest(folder)
    for rows in (1, 2, 3):
        monkeypatch.setattr("lfw.manifest.ROWS", rows)
        parted = build_manifest(folder)
        pd.testing.assert_frame_equal(parted.files, whole.files)
        assert digests(parted) == digests(whole)
        assert parted.image_folder == whole.image_folder
    (folder / "z/Zoe").mkdir(parents=True)
    (folder / "z/Zoe/Zoe_0001.jpg").write_bytes(b"elsewhere")
    with pytest.raises(DataError, match="images under 2 image folders"):
        build_manifest(folder)


Change = Callable[[Path], object]
IMAGE_CHANGES: dict[str, Change] = {
    "byte": lambda f: (f / "lfw/lfw/Ann/Ann_0001.jpg").write_bytes(b"firsT"),
    "removal": lambda f: (f / "lfw/lfw/Ann/Ann_0001.jpg").unlink(),
    "renaming": lambda f: (f / "lfw/lfw/Bob").rename(f / "lfw/lfw/Rob"),
    "addition": lambda f: (f / "lfw/lfw/Ann/Ann_0003.jpg").write_bytes(b"first"),
}
LIST_CHANGES: dict[str, Change] = {
    "byte": lambda f: (f / "pairs.csv").write_bytes(b"name,imageS\n"),
    "removal": lambda f: (f / "pairs.csv").unlink(),
    "renaming": lambda f: (f / "pairs.csv").rename(f / "pairs.txt"),
}


@pytest.mark.parametrize("change", IMAGE_CHANGES)
def test_change_of_an_image_changes_its_digest(change: str, tmp_path: Path) -> None:
    before = build_manifest(write_data(tmp_path))
    IMAGE_CHANGES[change](tmp_path)
    after = build_manifest(tmp_path)

    assert after.images_digest != before.images_digest
    assert after.data_digest != before.data_digest
    assert after.lists_digest == before.lists_digest


@pytest.mark.parametrize("change", LIST_CHANGES)
def test_change_of_a_list_changes_only_its_digest(change: str, tmp_path: Path) -> None:
    before = build_manifest(write_data(tmp_path))
    LIST_CHANGES[change](tmp_path)
    after = build_manifest(tmp_path)

    assert after.lists_digest != before.lists_digest
    assert after.data_digest != before.data_digest
    assert after.images_digest == before.images_digest


def test_stray_files_are_named_and_do_not_count(tmp_path: Path) -> None:
    before = build_manifest(write_data(tmp_path))
    strays = (".DS_Store", "lfw/Thumbs.db", "lfw/lfw/Ann/._Ann_0001.jpg", "notes.md", "pairs.csv~")
    for name in strays:
        (tmp_path / name).write_bytes(b"x")
    after = build_manifest(tmp_path)

    assert sorted(after.stray) == sorted(strays)
    assert digests(after) == digests(before)


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    build_manifest(write_data(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(3, 5), (5, 5)]  # the images, then the lists


def test_links_are_refused(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    (folder / "lfw/lfw/Ann/Ann_0003.jpg").symlink_to(folder / "lfw/lfw/Ann/Ann_0001.jpg")
    with pytest.raises(DataError, match=r"Ann_0003\.jpg is a link"):
        build_manifest(folder)


def test_linked_folders_are_refused(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    (folder / "lfw/lfw/Cy").symlink_to(write_data(tmp_path / "other"), target_is_directory=True)
    with pytest.raises(DataError, match="Cy is a link"):
        build_manifest(folder)


def test_images_under_two_folders_are_refused(tmp_path: Path) -> None:
    write_data(tmp_path, "lfw/lfw")
    write_data(tmp_path, "lfw/funneled")
    with pytest.raises(DataError, match=r"under 2 image folders .*lfw/funneled, lfw/lfw"):
        build_manifest(tmp_path)


def test_image_outside_a_persons_folder_is_refused(tmp_path: Path) -> None:
    (write_data(tmp_path) / "Ann.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"outside a person's folder, Ann\.jpg"):
        build_manifest(tmp_path)


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    shutil.rmtree(write_data(tmp_path) / "lfw")
    with pytest.raises(DataError, match="holds no image"):
        build_manifest(tmp_path)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none cannot be read: No such file"):
        build_manifest(tmp_path / "none")


def test_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("lfw.manifest.read_file", unreadable)
    with pytest.raises(DataError, match=r"Ann_0001\.jpg cannot be read: Permission denied"):
        build_manifest(write_data(tmp_path))


def test_real_images_are_the_known_ones(real_manifest: Manifest) -> None:
    assert real_manifest.images_digest in KNOWN_IMAGES
    assert len(real_manifest.images) == 13_233
    assert len(real_manifest.lists) == 10
    assert real_manifest.image_folder == "lfw-deepfunneled/lfw-deepfunneled"
    assert real_manifest.stray == ()


@pytest.mark.parametrize("size", [0, 1, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 3 << 15, 200_000])
def test_files_of_any_size_are_read_whole(size: int, tmp_path: Path) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    assert read_file(str(tmp_path / "file")) == content[:size]


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_file(str(tmp_path))
