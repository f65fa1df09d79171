"""Fuzz the unpacking of archives: `python -m tests.fuzz.archive -runs=1000000`.

The first byte of an input says what the others are: an archive as it is, a tar whose headers get
the right checksums (plain or compressed), or the names of an archive's members.
"""

import bz2
import gzip
import io
import lzma
import os
import shutil
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.running import fuzz

MODULES = (
    "tarfile",
    "zipfile",
    "lfw.archive",
    "lfw.archive_members",
    "lfw.member_names",
    "lfw.pack",
    "lfw.zip_member",
)
_BLOCK = 512
_MEMBERS = {
    "lfw_allnames.csv": b"name,images\nAnn,2\n",
    "lfw/Ann/Ann_0001.jpg": b"first" * 9,
    "lfw/Ann/Ann_0002.png": bytes(range(256)),
}


def target(room: Path) -> Callable[[bytes], None]:
    """Make the function that unpacks one input, and sees that all or nothing came of it."""
    from lfw.archive import unpack
    from lfw.archive_members import Limits
    from lfw.errors import LfwError

    warnings.simplefilter("ignore")  # on names that are there twice
    limits = Limits(members=100, total_bytes=1 << 20, member_bytes=1 << 19, always_bytes=1 << 18)
    archive, folder = room / "archive", room / "data" / "made"

    def unpack_one(data: bytes) -> None:
        archive.write_bytes(packed(data))
        folder.parent.mkdir()
        try:
            unpacked = unpack(archive, folder, limits)
        except LfwError as error:
            assert str(archive) in str(error), error
            assert not any(folder.parent.iterdir()), "a refused archive left something"
        else:
            assert list(folder.parent.iterdir()) == [folder]
            _check_tree(folder)
            assert sorted(unpacked.files) == sorted(_measured(folder)), "what is said is there"
        finally:
            shutil.rmtree(folder.parent)
        assert list(room.iterdir()) == [archive], "something was written outside"

    return unpack_one


def _check_tree(folder: Path) -> None:
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(where, name)
            assert not path.is_symlink(), path
            assert path.is_dir() or path.is_file(), path


def _measured(folder: Path) -> list[tuple[str, int, str]]:
    from lfw.digest import file_digest
    from lfw.pack import PACK, Pack

    files = [path for path in folder.rglob("*") if path.is_file() and path.name != PACK]
    rows = [(f"{path.relative_to(folder)}", path.stat().st_size, file_digest(path))
            for path in files]  # fmt: skip
    if (folder / PACK).exists():
        rows += [(f"{PACK}/{name}", n, sha) for name, n, sha in Pack(folder / PACK).measure()]
    return rows


def packed(data: bytes) -> bytes:
    """Make an archive of an input."""
    how, rest = data[:1], data[1:]
    made: dict[bytes, Callable[[bytes], bytes]] = {
        b"t": with_checksums,
        b"g": lambda whole: gzip.compress(with_checksums(whole), 1),
        b"b": lambda whole: bz2.compress(with_checksums(whole), 1),
        b"x": lambda whole: lzma.compress(with_checksums(whole), preset=0),
        b"n": named_tar,
        b"z": named_zip,
    }
    return made.get(how, bytes)(rest)


def with_checksums(whole: bytes) -> bytes:
    """Write the right checksum into every header of a tar, as far as headers can be told."""
    blocks = bytearray(whole)
    place = 0
    while place + _BLOCK <= len(blocks):
        header = blocks[place : place + _BLOCK]
        if any(header):
            header[148:156] = b" " * 8
            blocks[place + 148 : place + 156] = b"%06o\0 " % sum(header)
        try:
            size = max(0, tarfile.nti(bytes(header[124:136])))  # type: ignore[attr-defined]
        except (tarfile.TarError, ValueError):
            size = 0
        place += _BLOCK * (1 + (size + _BLOCK - 1) // _BLOCK)
    return bytes(blocks)


def named_tar(names: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name in names.split(b"\n")[:20]:
            info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            info.size = len(name)
            file.addfile(info, io.BytesIO(name))
    return made.getvalue()


def named_zip(names: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names.split(b"\n")[:20]:
            info = zipfile.ZipInfo("x")
            info.filename = name.decode("utf-8", "replace")
            info.external_attr = (sum(name) % 16) << 28  # any kind of file
            file.writestr(info, name)
    return made.getvalue()


def seeds() -> list[bytes]:
    """Give small archives of every form, and names of every sort."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as file:
            for name, content in _MEMBERS.items():
                file.writestr(name, content)
        found.append(b"r" + made.getvalue())
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        whole = _tar(form)
        found += [how + whole for how in (b"r", b"t")]
    found += [how + _tar(tarfile.PAX_FORMAT) for how in (b"g", b"b", b"x")]
    found += [b"r" + gzip.compress(_tar(tarfile.GNU_FORMAT)), b"r<html>", b"r", b""]
    names = "a.jpg\n../b.jpg\nC:/c.jpg\na//A.JPG\n\\d.csv\nZoe\u0308.png\nZo\u00eb.png\n/e.txt\n.\n"
    found += [how + names.encode() for how in (b"n", b"z")]
    return found


def _tar(form: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as file:
        for name, content in {**_MEMBERS, "lfw/" + "long/" * 24 + "x.jpg": b"deep"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return made.getvalue().rstrip(b"\0") + bytes(
        2 * _BLOCK - len(made.getvalue().rstrip(b"\0")) % _BLOCK
    )


if __name__ == "__main__":
    fuzz(MODULES, target, seeds(), sys.argv[1:])
