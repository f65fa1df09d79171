"""Safe, atomic unpacking of a data set's archive."""

import contextlib
import errno
import lzma
import re
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Self, cast

from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside
from lfw.manifest import IMAGE_SUFFIXES, LIST_SUFFIXES, STRAY, Progress

DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError, OverflowError, MemoryError),
)
"""What the libraries raise on archives that are damaged or made to do harm."""

_BLOCK = 1 << 20
_HEADER_BYTES = 1 << 20
_NAME_BYTES, _PART_BYTES = 1024, 255
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


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(
    archive: Path,
    folder: Path,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> None:
    """Unpack an archive into a new folder, wholly or not at all.

    Parameters
    ----------
    archive
        A zip, tar or compressed tar, told by its content.
    folder
        Where its content shall be. It appears only when every member is written.
    limits
        What is refused as too much.
    progress
        Told how many of how many members were written.

    Raises
    ------
    InputError
        If the file is neither a zip nor a tar.
    DataError
        If the archive is damaged, too large, or has a member that is outside the folder, a link,
        a device, encrypted, there twice, or neither image nor list.
    """
    limits = limits or Limits()
    with new_folder_beside(folder) as partial:
        made = partial / folder.name
        made.mkdir()
        with _members(archive, limits) as members:
            _write_all(archive, members, made, limits, progress)
        made.replace(folder)


@contextlib.contextmanager
def _members(archive: Path, limits: Limits) -> Iterator[list[_Member]]:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield _zip_members(archive, opened, limits)
        else:
            with _open_tar(archive) as tar:
                yield _tar_members(archive, tar, limits)
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


def _zip_members(archive: Path, opened: zipfile.ZipFile, limits: Limits) -> list[_Member]:
    members = []
    for count, info in enumerate(opened.infolist(), start=1):
        _check_count(archive, count, limits)
        mode = stat.S_IFMT(info.external_attr >> 16)
        if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise DataError(f"{archive}: {info.filename!r} is a link or device, which is refused.")
        if info.flag_bits & 1:
            raise DataError(f"{archive}: {info.filename!r} is encrypted: give an open archive.")
        if info.filename.endswith("/"):  # is_dir() fails on a name of nothing
            continue
        members.append(
            _Member(info.filename, info.file_size, lambda info=info: opened.open(info))  # type: ignore[misc]
        )
    return members


def _tar_members(archive: Path, tar: tarfile.TarFile, limits: Limits) -> list[_Member]:
    members = []
    for count, info in enumerate(tar, start=1):
        _check_count(archive, count, limits)
        if info.isdir():
            continue
        if not info.isreg():
            raise DataError(f"{archive}: {info.name!r} is a link or device, which is refused.")
        members.append(
            _Member(info.name, info.size, lambda info=info: _extract(tar, info))  # type: ignore[misc]
        )
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


def _write_all(
    archive: Path,
    members: list[_Member],
    folder: Path,
    limits: Limits,
    progress: Progress | None,
) -> None:
    _check_sizes(archive, members, limits)
    seen: dict[str, str] = {}
    room = limits.total_bytes
    made: set[Path] = set()
    for done, member in enumerate(members, start=1):
        path = _safe_path(archive, member.name)
        if STRAY.search(str(path)):
            continue
        _check_name(archive, member.name)
        _check_kind(archive, path)
        _check_new(archive, path, seen)
        target = folder / path
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        room -= _write(archive, member, target, min(room, limits.member_bytes))
        if progress is not None and (done % 500 == 0 or done == len(members)):
            progress(done, len(members))
    if not seen:
        raise DataError(f"{archive} holds no image and no list.")


def _check_sizes(archive: Path, members: list[_Member], limits: Limits) -> None:
    """Refuse by the sizes that are claimed, before a byte is written: no member may exceed its."""
    total = sum(member.size for member in members)
    packed = archive.stat().st_size
    too_large = total > limits.total_bytes
    if too_large or total > max(limits.always_bytes, limits.ratio * packed):
        raise DataError(
            f"{archive} has {packed:,} bytes and would unpack to {total:,}, which is refused."
        )


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    unsafe = (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or re.match(r"[A-Za-z]:", name)
        or not path.parts
    )
    if unsafe:
        raise DataError(f"{archive}: the member {name!r} lies outside the folder, and is refused.")
    return path


def _check_name(archive: Path, name: str) -> None:
    """Refuse what no file system may take, or no terminal may show."""
    try:
        sizes = [len(part.encode()) for part in name.split("/")]
    except UnicodeEncodeError:
        raise DataError(f"{archive}: the name {name!r} is no valid Unicode: refused.") from None
    if max(sizes) > _PART_BYTES or sum(sizes) + len(sizes) > _NAME_BYTES:
        raise DataError(f"{archive}: the name {name[:40]!r}… is too long, which is refused.")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise DataError(f"{archive}: the name {name!r} has control characters: refused.")


def _check_kind(archive: Path, path: PurePosixPath) -> None:
    if path.suffix.lower() not in IMAGE_SUFFIXES | LIST_SUFFIXES:
        raise DataError(
            f"{archive}: {str(path)!r} is neither an image ({', '.join(sorted(IMAGE_SUFFIXES))}) "
            f"nor a list ({', '.join(sorted(LIST_SUFFIXES))}), and is refused."
        )


def _check_new(archive: Path, path: PurePosixPath, seen: dict[str, str]) -> None:
    """Refuse names that are one on some file systems: the copy would depend on the machine."""
    for parent in path.parents:
        other = seen.setdefault(_folded(parent), f"{parent}/")
        if other != f"{parent}/":
            raise DataError(f"{archive} has {f'{parent}/'!r} once more as {other!r}: refused.")
    other = seen.setdefault(_folded(path), "")
    if other:
        raise DataError(f"{archive} has {str(path)!r} twice, or once more as {other!r}: refused.")
    seen[_folded(path)] = str(path)


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _write(archive: Path, member: _Member, target: Path, room: int) -> int:
    written = 0
    with member.open() as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > room or written > member.size:
                raise DataError(
                    f"{archive}: {member.name!r} unpacks to more than it says or than the limit "
                    "allows, which is refused."
                )
            file.write(block)
    if written != member.size:
        raise DataError(f"{archive}: {member.name!r} is cut short: fetch the archive again.")
    return written
