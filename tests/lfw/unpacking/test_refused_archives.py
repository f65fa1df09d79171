"""An archive that is not safe, or not whole, is refused with nothing left behind."""

import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from lfw.archive import unpack
from lfw.archive_members import Limits
from lfw.errors import InputError, LfwError
from tests.conftest import files_in
from tests.lfw.broken_archives import FILES, PICTURE, tarred
from tests.lfw.unpacking.support import PACKINGS, write_zip


def write_special(path: Path, kind: bytes, linkname: str = "") -> Path:
    with tarfile.open(path, "w") as file:
        info = tarfile.TarInfo(PICTURE)
        info.type, info.linkname = kind, linkname
        file.addfile(info)
    return path


def assert_refused(
    archive: Path, folder: Path, message: str, limits: Limits | None = None
) -> LfwError:
    """Unpacking fails with one clear error that names the archive, and leaves no trace."""
    folder.parent.mkdir(exist_ok=True)
    outside = files_in(archive.parent)
    with pytest.raises(LfwError, match=message) as caught:
        unpack(archive, folder, limits)
    assert str(archive) in str(caught.value)
    assert list(folder.parent.iterdir()) == []
    assert files_in(archive.parent) == outside
    return caught.value


@pytest.mark.parametrize("name", ["images.zip/x.csv", "Images.ZIP/Ann/Ann_0001.jpg"])
def test_nothing_comes_in_the_place_of_the_images(name: str, tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "lfw.zip", *FILES.items(), (name, b"x"))
    assert_refused(archive, target, "once more as 'images.zip'")


def test_empty_file_is_refused(tmp_path: Path, target: Path) -> None:
    (tmp_path / "lfw.zip").touch()
    error = assert_refused(tmp_path / "lfw.zip", target, "is empty")
    assert isinstance(error, InputError)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<p>Log in", b"\n <html lang='en'>"])
def test_web_page_is_refused(page: bytes, tmp_path: Path, target: Path) -> None:
    (tmp_path / "lfw.zip").write_bytes(page)
    assert_refused(tmp_path / "lfw.zip", target, "is a web page")


def test_other_file_is_refused(tmp_path: Path, target: Path) -> None:
    (tmp_path / "lfw.zip").write_bytes(b"\x00\x01\x02" * 1000)
    assert_refused(tmp_path / "lfw.zip", target, "neither a zip nor a tar")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_zip_cut_short_is_refused(share: float, tmp_path: Path, target: Path) -> None:
    whole = write_zip(tmp_path / "lfw.zip", *FILES.items()).read_bytes()
    (tmp_path / "lfw.zip").write_bytes(whole[: int(len(whole) * share)])
    assert_refused(tmp_path / "lfw.zip", target, "cut short")


def plain_tar_cuts() -> list[int]:
    """Just behind a member, within the next one's header, within its content."""
    first = 512 + 512  # of the list: a header and a block
    return [first, first + 100, first + 512, first + 700]


@pytest.mark.parametrize("cut", plain_tar_cuts())
def test_tar_cut_short_is_refused(cut: int, tmp_path: Path, target: Path) -> None:
    (tmp_path / "lfw.tar").write_bytes(tarred(*FILES.items())[:cut])
    assert_refused(tmp_path / "lfw.tar", target, "damaged")


@pytest.mark.parametrize("packing", ["tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("cut", [0.02, 0.3, 0.6, 0.9, -1])
def test_compressed_tar_cut_short_is_refused(
    packing: str, cut: float, tmp_path: Path, target: Path
) -> None:
    whole = PACKINGS[packing](tarred(*FILES.items()))
    kept = int(len(whole) * cut) if cut > 0 else len(whole) + int(cut)
    (tmp_path / "lfw").write_bytes(whole[:kept])
    assert_refused(tmp_path / "lfw", target, "cut short|damaged|neither")


def test_tar_with_a_damaged_header_is_refused(tmp_path: Path, target: Path) -> None:
    whole = bytearray(tarred(*FILES.items()))
    whole[1024 + 5] ^= 1  # in the second header, whose sum is then wrong
    (tmp_path / "lfw.tar").write_bytes(whole)
    assert_refused(tmp_path / "lfw.tar", target, "a header in it is damaged")


@pytest.mark.parametrize("packing", ["tar.gz", "tar.bz2", "tar.xz"])
def test_damaged_compressed_tar_is_refused(packing: str, tmp_path: Path, target: Path) -> None:
    whole = bytearray(PACKINGS[packing](tarred(*FILES.items())))
    for place in range(len(whole) // 2, len(whole) // 2 + 4):
        whole[place] ^= 0xFF
    (tmp_path / "lfw").write_bytes(whole)
    assert_refused(tmp_path / "lfw", target, "damaged")


def test_zip_with_a_changed_byte_is_refused(tmp_path: Path, target: Path) -> None:
    archive = tmp_path / "lfw.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(PICTURE, b"first" * 400)
    archive.write_bytes(archive.read_bytes().replace(b"firstfirst", b"firstfirsT", 1))
    assert_refused(archive, target, "damaged .*CRC")


OUTSIDE = [
    "../x.jpg",
    "lfw/../../x.jpg",
    "ROOT/x.jpg",
    "C:/x.jpg",
    "c:x.jpg",
    "..\\x.jpg",
    "a\\b.jpg",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_member_outside_the_folder_is_refused(
    form: str, name: str, tmp_path: Path, target: Path
) -> None:
    archive = tmp_path / f"lfw.{form}"
    members = [*FILES.items(), (name.replace("ROOT", str(tmp_path)), b"x")]
    if form == "zip":
        write_zip(archive, *members)
    else:
        archive.write_bytes(tarred(*members))
    assert_refused(archive, target, "lies outside the folder")


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "Ann_0002.jpg"),
        (tarfile.LNKTYPE, "lfw_allnames.csv"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_link_or_device_in_a_tar_is_refused(
    kind: bytes, link: str, tmp_path: Path, target: Path
) -> None:
    assert_refused(write_special(tmp_path / "lfw.tar", kind, link), target, "link or device")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_link_or_device_in_a_zip_is_refused(mode: int, tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo(PICTURE)
    info.external_attr = (mode | 0o777) << 16
    archive = write_zip(tmp_path / "lfw.zip", (info, b"/etc/passwd"))
    assert_refused(archive, target, "link or device")


@pytest.mark.parametrize(
    "names",
    [
        ("a/Ann.jpg", "a/Ann.jpg"),
        ("a/Ann.jpg", "a//./Ann.jpg"),
        ("a/Ann.jpg", "a/ANN.jpg"),
        ("a/Ann.jpg", "A/Bob.jpg"),
        ("a/Zo\u00eb.jpg", "a/Zoe\u0308.jpg"),
        ("a/Stra\u00dfe.jpg", "a/STRASSE.jpg"),
        ("a.jpg", "a.jpg/Ann.jpg"),
        ("a.jpg/Ann.jpg", "a.jpg"),
    ],
)
def test_names_that_may_be_one_are_refused(
    names: tuple[str, str], tmp_path: Path, target: Path
) -> None:
    archive = write_zip(tmp_path / "lfw.zip", *((name, b"x") for name in names))
    assert_refused(archive, target, "twice|once more")


def with_flag(archive: Path, bit: int) -> Path:
    """Set a flag of the first member, in both of its headers."""
    whole = bytearray(archive.read_bytes())
    directory = whole.index(b"PK\x01\x02")
    whole[6] |= bit
    whole[directory + 8] |= bit
    archive.write_bytes(whole)
    return archive


def test_encrypted_member_is_refused(tmp_path: Path, target: Path) -> None:
    archive = with_flag(write_zip(tmp_path / "lfw.zip", *FILES.items()), 1)
    assert_refused(archive, target, "is encrypted")


@pytest.mark.parametrize("claimed", [1, 1999, 2001, 1 << 20])
def test_member_that_lies_about_its_size_is_refused(
    claimed: int, tmp_path: Path, target: Path
) -> None:
    archive = write_zip(tmp_path / "lfw.zip", (PICTURE, b"first" * 400))
    whole = bytearray(archive.read_bytes())
    directory = whole.index(b"PK\x01\x02")
    whole[22:26] = whole[directory + 24 : directory + 28] = struct.pack("<I", claimed)
    archive.write_bytes(whole)
    assert_refused(archive, target, "damaged|cut short")


@pytest.mark.parametrize(
    "limits", [Limits(total_bytes=5000), Limits(member_bytes=2047), Limits(members=3)]
)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_limits_hold(form: str, limits: Limits, tmp_path: Path, target: Path) -> None:
    archive = tmp_path / f"lfw.{form}"
    if form == "zip":
        write_zip(archive, *FILES.items())
    else:
        archive.write_bytes(tarred(*FILES.items()))
    assert_refused(archive, target, "which is refused", limits)


def test_folders_count_as_members(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "lfw.zip", *((f"{n}/", b"") for n in range(5)))
    assert_refused(archive, target, "more than 4 members", Limits(members=4))


@pytest.mark.parametrize("name", ["lfw/run.sh", "lfw/Ann/Ann_0001.gif", "inner.zip", "noname"])
def test_member_of_another_type_is_refused(name: str, tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "lfw.zip", *FILES.items(), (name, b"x"))
    assert_refused(archive, target, "neither an image .* nor a list")


def test_archive_of_nothing_is_refused(tmp_path: Path, target: Path) -> None:
    assert_refused(write_zip(tmp_path / "lfw.zip", ("lfw/", b"")), target, "holds no image")


def test_unsupported_compression_is_refused(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "lfw.zip", (PICTURE, b"x"))
    whole = bytearray(archive.read_bytes())
    whole[8:10] = struct.pack("<H", 97)
    directory = whole.index(b"PK\x01\x02")
    whole[directory + 10 : directory + 12] = struct.pack("<H", 97)
    archive.write_bytes(whole)
    assert_refused(archive, target, "damaged .*compression")
