"""What an archive holds: its members, listed and opened, and what is refused beforehand."""

import contextlib
import errno
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

from lfw.errors import DataError, InputError
from lfw.zip_member import Content, read_plain_many

DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError, OverflowError, MemoryError),
)
"""What the libraries raise on archives that are damaged or made to do harm."""

_BLOCK = 1 << 20
_HEADER_BYTES = 1 << 20
_FILE_OR_FOLDER = frozenset({0, stat.S_IFREG >> 12, stat.S_IFDIR >> 12})  # 0: not from Unix
_LONG_HEADERS = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold before it is refused.

    Attributes
    ----------
    members
        Number of members, folders included.
    total_bytes
        Size of all members, unpacked.
    member_bytes
        Size of one member, unpacked.
    ratio
        How many bytes may come of one byte of the archive. Photographs hardly shrink: what grows
        a hundredfold was made to fill the disk.
    always_bytes
        Unpacked size up to which any ratio will do.
    """

    members: int = 500_000
    total_bytes: int = 64 << 30
    member_bytes: int = 256 << 20
    ratio: int = 100
    always_bytes: int = 64 << 20


class Member(NamedTuple):
    """A member, its entry in the archive, and how that is opened."""

    name: str
    size: int
    info: zipfile.ZipInfo | tarfile.TarInfo
    open: Callable[[Any], IO[bytes]]


ReadPlain = Callable[[Sequence[Member]], Sequence[Content | None]]
"""Reads members whole; None for one about which something is unusual."""


@contextlib.contextmanager
def open_members(archive: Path, limits: Limits) -> Iterator[tuple[list[Member], ReadPlain]]:
    """Open an archive: give its members, folders left out, and what reads plain ones at once.

    Raises
    ------
    InputError
        If the file is neither a zip nor a tar.
    DataError
        If it is damaged, while it is open, too, or has a member that is refused.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                file = cast("IO[bytes]", opened.fp).fileno()
                yield _zip_members(archive, opened, limits), partial(_read_plain, file)
        else:
            with _open_tar(archive) as tar:
                yield _tar_members(archive, tar, limits), lambda some: [None] * len(some)
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the system's; those of gzip and bz2 have no number, a wrong offset has EINVAL
        why = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{archive} is damaged ({why}): fetch it again, or give another copy."
        ) from error


class _TarInfo(tarfile.TarInfo):
    """A header that is refused where Python's own would fill the memory or never come to an end."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise ValueError("a header in it claims a negative size")
        return int(super()._block(count))  # type: ignore[misc]

    def _proc_member(self, tar: tarfile.TarFile) -> Self:
        if self.type in _LONG_HEADERS and self.size > _HEADER_BYTES:
            raise ValueError(f"a header in it claims {self.size:,} bytes")
        return cast("Self", super()._proc_member(tar))  # type: ignore[misc]


def _open_tar(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, tarinfo=_TarInfo)
    except (tarfile.TarError, zlib.error, EOFError):  # not even its first header is one
        raise InputError(_no_archive(archive)) from None


def _no_archive(archive: Path) -> str:
    with archive.open("rb") as file:
        head = file.read(512)
    if not head:
        return f"{archive} is empty: fetch it again."
    if re.search(rb"<(!doctype|html)", head, re.IGNORECASE):
        return f"{archive} is a web page, not an archive: fetch it again, by its real address."
    if head.startswith(b"PK\x03\x04"):
        return f"{archive} is cut short (its directory is missing): fetch it again."
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        return f"{archive} is cut short, or damaged at its start: fetch it again."
    return f"{archive} is neither a zip nor a tar: give an archive in one of these forms."


def _zip_members(archive: Path, opened: zipfile.ZipFile, limits: Limits) -> list[Member]:
    members = []
    for count, info in enumerate(opened.infolist(), start=1):
        _check_count(archive, count, limits)
        if info.external_attr >> 28 not in _FILE_OR_FOLDER:
            raise DataError(f"{archive}: {info.filename!r} is a link or device, which is refused.")
        if info.flag_bits & 1:
            raise DataError(f"{archive}: {info.filename!r} is encrypted: give an open archive.")
        if info.filename.endswith("/"):  # is_dir() fails on a name of nothing
            continue
        members.append(Member(info.filename, info.file_size, info, opened.open))
    return members


def _tar_members(archive: Path, tar: tarfile.TarFile, limits: Limits) -> list[Member]:
    members = []
    extract = partial(_extract, tar)
    for count, info in enumerate(tar, start=1):
        _check_count(archive, count, limits)
        if info.isdir():
            continue
        if not info.isreg():
            raise DataError(f"{archive}: {info.name!r} is a link or device, which is refused.")
        members.append(Member(info.name, info.size, info, extract))
    _check_end(tar)
    return members


def _check_end(tar: tarfile.TarFile) -> None:
    """Demand the mark at the end: tarfile takes a torn or damaged header for the end, too."""
    file = cast("IO[bytes]", tar.fileobj)
    file.seek(tar.offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it is cut short, or a header in it is damaged")
    while file.read(_BLOCK):  # a compressed tar's checksum is compared at its very end
        pass


def _extract(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(info)
    if file is None:
        raise tarfile.ReadError(f"{info.name!r} has no content")
    return file


def _check_count(archive: Path, count: int, limits: Limits) -> None:
    if count > limits.members:
        raise DataError(f"{archive} has more than {limits.members:,} members, which is refused.")


def _read_plain(file: int, members: Sequence[Member]) -> list[Content | None]:
    return read_plain_many(file, [cast("zipfile.ZipInfo", member.info) for member in members])
