"""An image is read the same way, whether it is a file or in a pack, whatever other threads do."""

import os
import shutil
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lfw.image_store import close_packs, read_image
from lfw.pack import PACK, PackWriter


def write_pack(folder: Path, **images: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with PackWriter(folder / PACK) as writer:
        for name, content in images.items():
            writer.add(f"lfw/{name}/{name}.jpg", content, zlib.crc32(content))
    return folder / PACK / "lfw"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "copy", Ann=b"one", Bob=b"two" * 50_000)


def test_files_and_members_are_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"three" * 50_000)
    assert read_image(root / "Ann/Ann.jpg") == b"one"
    assert read_image(str(root / "Bob/Bob.jpg")) == b"two" * 50_000
    assert read_image(tmp_path / "a.jpg") == b"three" * 50_000


def test_a_folder_of_that_name_is_a_folder(tmp_path: Path) -> None:
    inner = tmp_path / PACK / "a"
    inner.mkdir(parents=True)
    (inner / "b.jpg").write_bytes(b"x")
    assert read_image(inner / "b.jpg") == b"x"
    assert read_image(write_pack(inner, Ann=b"y") / "Ann/Ann.jpg") == b"y"


def test_what_is_missing_is_named(root: Path) -> None:
    for path in (root / "Ann/Ann_2.jpg", root.parent / "x.jpg", root.parent.parent / "n" / "x.jpg"):
        with pytest.raises(FileNotFoundError, match=path.name):
            read_image(path)
    shutil.rmtree(root.parent.parent)
    with pytest.raises(FileNotFoundError, match=r"Ann\.jpg"):
        read_image(root / "Ann/Ann.jpg")


def test_a_pack_that_was_replaced_is_opened_anew(root: Path, tmp_path: Path) -> None:
    assert read_image(root / "Ann/Ann.jpg") == b"one"
    write_pack(tmp_path / "other", Ann=b"new")
    (tmp_path / "other" / PACK).replace(root.parent)
    assert read_image(root / "Ann/Ann.jpg") == b"new"
    with pytest.raises(FileNotFoundError):
        read_image(root / "Bob/Bob.jpg")


def test_a_damaged_pack_is_an_error_of_reading(root: Path) -> None:
    assert read_image(root / "Ann/Ann.jpg") == b"one"
    os.truncate(root.parent, 100)
    with pytest.raises(OSError, match=f"{PACK} is damaged"):
        read_image(root / "Ann/Ann.jpg")


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files cannot be counted here")
def test_few_packs_stay_open(tmp_path: Path) -> None:
    close_packs()
    before = _open_files()
    for number in range(20):
        root = write_pack(tmp_path / str(number), Ann=b"x")
        assert read_image(root / "Ann/Ann.jpg") == b"x"
    assert _open_files() <= before + 4
    close_packs()
    assert _open_files() <= before


def test_threads_share_a_pack_that_is_being_replaced(root: Path, tmp_path: Path) -> None:
    """Each reading gives the whole old or the whole new image, whatever the other threads do."""
    stop = threading.Event()

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            write_pack(tmp_path / f"next{number}", Ann=b"one", Bob=b"new" * (number % 7 + 1) * 999)
            (tmp_path / f"next{number}" / PACK).replace(root.parent)

    def read(_: int) -> bool:
        content = read_image(root / "Bob/Bob.jpg")
        return content == content[:3] * (len(content) // 3) and content[:3] in {b"two", b"new"}

    replacing = threading.Thread(target=replace)
    replacing.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(read, range(400)))
    finally:
        stop.set()
        replacing.join()
