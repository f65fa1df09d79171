import contextlib
import itertools
import os
import resource
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lfw import image_files
from lfw.errors import DataError, InputError, LfwError
from lfw.image_files import Reader, find_files


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def pack(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_folders_archives_and_files_are_listed_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/2.jpg", "a/1.jpg", "B.jpg", ".DS_Store", "a/Thumbs.db"):
        write(tmp_path / "in" / name)
    archive = pack(tmp_path / "more.zip", **{"z.jpg": b"z", "y/x.jpg": b"x", "__MACOSX/z": b""})
    single = write(tmp_path / "single.png")
    found = find_files([single, tmp_path / "in", archive])
    assert [file.label for file in found.files] == [
        *("single.png", "B.jpg", "b.jpg", "a/1.jpg", "a/2.jpg", "y/x.jpg", "z.jpg")
    ]
    assert found.files[-1].shown == f"{archive}/z.jpg"
    assert (found.stray, found.unreadable) == (3, [])


def test_an_archive_in_a_folder_is_read_in_place_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pack(tmp_path / "in" / "faces.bin", **{"a.jpg": b"picture", "inner.zip": b"PK\x03\x04"})
    found = find_files([tmp_path / "in"])
    assert [file.member for file in found.files] == ["a.jpg", "inner.zip"]
    with Reader() as reader:
        assert [reader.read(file) for file in found.files] == [b"picture", b"PK\x03\x04"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["faces.bin"]


def test_what_is_reached_twice_is_listed_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg")
    assert len(find_files([path, tmp_path, path]).files) == 1


def test_no_path_and_a_missing_path_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image was named"):
        find_files([])
    with pytest.raises(InputError, match=r"nowhere: no such file"):
        find_files([tmp_path / "nowhere"])


def test_a_pipe_and_a_dangling_link_are_listed_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nothing")
    found = find_files([tmp_path])
    assert found.files == []
    assert [(Path(row.path).name, row.reason) for row in found.unreadable] == [
        ("link.jpg", "no such file or directory"),
        ("pipe.jpg", "not a regular file"),
    ]


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to read everything, where the tests have it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_listed() -> None:
    # Not below pytest's own folder: nobody but its owner may enter that.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder / "closed" / "a.jpg").parent.chmod(0)
        write(folder / "b.jpg").chmod(0)
        try:
            with as_nobody():
                found = find_files([folder])
        finally:
            (folder / "closed").chmod(0o700)
    assert {row.reason for row in found.unreadable} == {"permission denied"}
    assert len(found.unreadable) == 2


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert [file.label for file in find_files([tmp_path / "in"]).files] == ["a.jpg"]


def test_a_torn_archive_is_listed(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", **{"a.jpg": bytes(5000)})
    archive.write_bytes(archive.read_bytes()[:-30])
    found = find_files([archive])
    assert found.files == []
    [row] = found.unreadable
    assert row.reason.startswith("damaged archive")


def test_an_encrypted_member_is_told_when_it_is_read(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", **{"a.jpg": b"picture"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(content))
    [file] = find_files([archive]).files
    with Reader() as reader, pytest.raises(DataError, match="encrypted"):
        reader.read(file)


def test_a_members_damage_and_links_are_told_when_it_is_read(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("damaged.jpg", b"picture" * 10)
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/hostname")
    content = bytearray(archive.read_bytes())
    content[content.index(b"picture")] ^= 1
    archive.write_bytes(bytes(content))
    with Reader() as reader:
        damaged, link_file = find_files([archive]).files
        with pytest.raises(DataError, match="bad CRC-32"):
            reader.read(damaged)
        with pytest.raises(DataError, match="a link"):
            reader.read(link_file)


def test_a_file_that_vanishes_and_one_that_is_too_large_are_told(
    tmp_path: Path,
) -> None:
    gone, large = write(tmp_path / "gone.jpg"), tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate((256 << 20) + 1)  # holes: it takes no room
    found = {file.label: file for file in find_files([tmp_path]).files}
    gone.unlink()
    with Reader() as reader:
        with pytest.raises(DataError, match="no such file"):
            reader.read(found["gone.jpg"])
        with pytest.raises(DataError, match="larger than 256 MB"):
            reader.read(found["large.jpg"])


def test_names_that_are_no_unicode_are_shown_as_escapes(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    write(path)
    [file] = find_files([tmp_path]).files
    assert file.shown.endswith("caf\\udce9.jpg")
    file.shown.encode("utf-8")
    with Reader() as reader:
        assert reader.read(file) == b"x"


def archives(folder: Path, count: int) -> Path:
    """Archives of two images each."""
    folder.mkdir()
    for number in range(count):
        pack(folder / f"{number:03}.zip", **{"a.jpg": b"a%d" % number, "b.jpg": b"b%d" % number})
    return folder


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def open_files_limited(more: int) -> Iterator[None]:
    """Let the process open so many files more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = (number for number in itertools.count() if not is_open(number))
    limit = next(itertools.islice(free, more, None))  # numbers from here on are not given
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_of_many_archives_few_are_open_at_once(tmp_path: Path) -> None:
    found = find_files([archives(tmp_path / "in", 200)])
    with open_files_limited(50), Reader() as reader:
        contents = [reader.read(file) for file in found.files]
    assert contents == [name % number for number in range(200) for name in (b"a%d", b"b%d")]


def test_threads_read_from_more_archives_than_are_kept_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_MOST_OPEN", 2)
    files = find_files([archives(tmp_path / "in", 12)]).files
    mixed = [files[(7 * turn) % len(files)] for turn in range(2000)]
    with Reader() as reader, ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(reader.read, mixed))
    assert contents == [b"%c%d" % (file.label[0].encode(), int(file.path.stem)) for file in mixed]


def test_where_no_file_can_be_opened_the_run_ends_and_no_image_is_blamed(tmp_path: Path) -> None:
    write(tmp_path / "in" / "single.jpg")
    pack(tmp_path / "in" / "a.zip", **{"a.jpg": b"picture"})
    found = find_files([tmp_path / "in"])
    assert len(found.files) == 2
    asked = "too many files are open.*ulimit -n"
    with Reader() as reader:
        for file in found.files:
            with open_files_limited(0), pytest.raises(LfwError, match=asked) as caught:
                reader.read(file)
            assert not isinstance(caught.value, DataError)
    for path in (tmp_path / "in", tmp_path / "in" / "a.zip"):
        with open_files_limited(0), pytest.raises(LfwError, match=asked):
            find_files([path])
