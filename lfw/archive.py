"""Safe, atomic unpacking of a data set's archive."""

import contextlib
import lzma
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside
from lfw.manifest import IMAGE_SUFFIXES, LIST_SUFFIXES, STRAY, Progress

_BLOCK = 1 << 20


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
    """

    members: int = 2_000_000
    total_bytes: int = 64 << 30
    member_bytes: int = 256 << 20


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
    damaged = (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        UnicodeDecodeError,
        NotImplementedError,
    )
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield _zip_members(archive, opened, limits)
        elif _is_tar(archive):
            with tarfile.open(archive) as tar:
                yield _tar_members(archive, tar, limits)
        else:
            raise InputError(_no_archive(archive))
    except (*damaged, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's; those of gzip and bz2 have no number
        raise DataError(
            f"{archive} is damaged ({error}): fetch it again, or give another copy."
        ) from error


def _is_tar(archive: Path) -> bool:
    try:
        return tarfile.is_tarfile(archive)
    except (EOFError, zlib.error):
        return False


def _no_archive(archive: Path) -> str:
    with archive.open("rb") as file:
        head = file.read(512)
    if not head:
        return f"{archive} is empty: fetch it again."
    if re.search(rb"<(!doctype|html)", head, re.IGNORECASE):
        return f"{archive} is a web page, not an archive: fetch it again, by its real address."
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        return f"{archive} is cut short (its directory is missing): fetch it again."
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
        if info.is_dir():
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
    seen: dict[str, str] = {}
    room = limits.total_bytes
    made: set[Path] = set()
    for done, member in enumerate(members, start=1):
        path = _safe_path(archive, member.name)
        if STRAY.search(str(path)):
            continue
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


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    unsafe = (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or "\0" in name
        or re.match(r"[A-Za-z]:", name)
        or not path.parts
    )
    if unsafe:
        raise DataError(f"{archive}: the member {name!r} lies outside the folder, and is refused.")
    return path


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
