"""Safe, atomic unpacking of a data set's archive, its images into one file."""

import contextlib
import errno
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside
from lfw.manifest import LIST_SUFFIXES, Progress
from lfw.member_names import Names
from lfw.pack import PACK, FileRow, PackWriter, as_packed
from lfw.runners import map_whole_chunks
from lfw.zip_member import SMALL, Content, read_plain_many

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


@dataclass(frozen=True)
class Unpacked:
    """What was unpacked.

    Attributes
    ----------
    files
        Path of each file from the folder (through the pack, if it is an image), its size in bytes
        and its SHA-256.
    directory_sha256
        Digest of the pack's directory; empty if there is no image.
    """

    files: list[FileRow]
    directory_sha256: str


class _Member(NamedTuple):
    """A member, its entry in the archive, and how that is opened."""

    name: str
    size: int
    info: zipfile.ZipInfo | tarfile.TarInfo
    open: Callable[[Any], IO[bytes]]


_ReadPlain = Callable[[Sequence[_Member]], Sequence[Content | None]]
"""Reads members whole; None for one about which something is unusual."""

_Named = tuple[str, _Member]
"""Where a member is to lie, and the member."""


class _Neighbours(NamedTuple):
    """Some members, read, and as they are to lie in the pack if all of them are plain images."""

    members: Sequence[_Named]
    contents: Sequence[Content | None]
    packed: bytes | None


def unpack(
    archive: Path,
    folder: Path,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Unpacked:
    """Unpack an archive into a new folder, wholly or not at all.

    Lists become files, images members of one pack (see :mod:`lfw.pack`): to create a file
    for each image would take most of the time.

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
        with _members(archive, limits) as (members, read):
            unpacked = _write_all(archive, members, read, made, limits, progress)
        made.replace(folder)
    return unpacked


@contextlib.contextmanager
def _members(archive: Path, limits: Limits) -> Iterator[tuple[list[_Member], _ReadPlain]]:
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


def _zip_members(archive: Path, opened: zipfile.ZipFile, limits: Limits) -> list[_Member]:
    members = []
    for count, info in enumerate(opened.infolist(), start=1):
        _check_count(archive, count, limits)
        if info.external_attr >> 28 not in _FILE_OR_FOLDER:
            raise DataError(f"{archive}: {info.filename!r} is a link or device, which is refused.")
        if info.flag_bits & 1:
            raise DataError(f"{archive}: {info.filename!r} is encrypted: give an open archive.")
        if info.filename.endswith("/"):  # is_dir() fails on a name of nothing
            continue
        members.append(_Member(info.filename, info.file_size, info, opened.open))
    return members


def _tar_members(archive: Path, tar: tarfile.TarFile, limits: Limits) -> list[_Member]:
    members = []
    extract = partial(_extract, tar)
    for count, info in enumerate(tar, start=1):
        _check_count(archive, count, limits)
        if info.isdir():
            continue
        if not info.isreg():
            raise DataError(f"{archive}: {info.name!r} is a link or device, which is refused.")
        members.append(_Member(info.name, info.size, info, extract))
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
    read_plain: _ReadPlain,
    folder: Path,
    limits: Limits,
    progress: Progress | None,
) -> Unpacked:
    _check_sizes(archive, members, limits)
    names = Names(archive)
    named = ((names.add(member.name), member) for member in members)
    kept = [(path, member) for path, member in named if path is not None]
    if not kept:
        raise DataError(f"{archive} holds no image and no list.")
    files: list[FileRow] = []
    room = limits.total_bytes
    with contextlib.ExitStack() as stack:
        images = any(not _is_list(path) for path, _ in kept)
        pack = stack.enter_context(PackWriter(folder / PACK)) if images else None
        read = map_whole_chunks(partial(_read_some, read_plain), kept, progress=progress)
        for some in stack.enter_context(contextlib.closing(read)):
            if pack is not None and some.packed is not None and _fits(some, room, limits):
                files += _write_packed(pack, some)
            else:
                files += _write_each(archive, some, pack, folder, room, limits)
            room -= sum(size for _, size, _ in files[-len(some.members) :])
    return Unpacked(files, pack.directory_sha256 if pack is not None else "")


def _read_some(read_plain: _ReadPlain, members: Sequence[_Named]) -> _Neighbours:
    """Read neighbours, and lay images one behind the other: one write takes less than many."""
    contents = read_plain([member for _, member in members])
    plain = [
        as_packed(path, *content[:2])
        for (path, _), content in zip(members, contents, strict=True)
        if content is not None and not _is_list(path)
    ]
    return _Neighbours(members, contents, b"".join(plain) if len(plain) == len(members) else None)


def _fits(some: _Neighbours, room: int, limits: Limits) -> bool:
    sizes = [len(content[0]) for content in some.contents if content is not None]
    return sum(sizes) <= room and max(sizes) <= limits.member_bytes


def _write_packed(pack: PackWriter, some: _Neighbours) -> list[FileRow]:
    named = zip(some.members, some.contents, strict=True)
    read = [(path, *content) for (path, _), content in named if content is not None]
    pack.add_packed(some.packed or b"", [(path, len(whole), crc) for path, whole, crc, _ in read])
    return [(f"{PACK}/{path}", len(whole), digest) for path, whole, _, digest in read]


def _write_each(
    archive: Path,
    some: _Neighbours,
    pack: PackWriter | None,
    folder: Path,
    room: int,
    limits: Limits,
) -> list[FileRow]:
    files: list[FileRow] = []
    for (path, member), content in zip(some.members, some.contents, strict=True):
        most = min(room, limits.member_bytes)
        file = None if _is_list(path) else pack
        files.append(_write(archive, member, file or folder / path, path, most, content))
        room -= files[-1][1]
    return files


def _read_plain(file: int, members: Sequence[_Member]) -> list[Content | None]:
    return read_plain_many(file, [cast("zipfile.ZipInfo", member.info) for member in members])


def _is_list(path: str) -> bool:
    return path.lower().endswith(tuple(LIST_SUFFIXES))


def _check_sizes(archive: Path, members: list[_Member], limits: Limits) -> None:
    """Refuse by the sizes that are claimed, before a byte is written: no member may exceed its."""
    total = sum(member.size for member in members)
    packed = archive.stat().st_size
    too_large = total > limits.total_bytes
    if too_large or total > max(limits.always_bytes, limits.ratio * packed):
        raise DataError(
            f"{archive} has {packed:,} bytes and would unpack to {total:,}, which is refused."
        )


def _write(
    archive: Path,
    member: _Member,
    place: PackWriter | Path,
    path: str,
    most: int,
    content: Content | None,
) -> FileRow:
    """Write a member, and give its row; it is read here if it could not be read at once."""
    where = f"{PACK}/{path}" if isinstance(place, PackWriter) else path
    if content is None and member.size <= SMALL:
        whole = b"".join(_blocks(archive, member, most))
        content = whole, zlib.crc32(whole), sha256(whole).hexdigest()
    if content is None:
        digest = sha256()
        blocks = _blocks(archive, member, most, digest.update)
        if isinstance(place, PackWriter):
            place.add_blocks(path, blocks)
        else:
            _write_list(place, blocks)
        return where, member.size, digest.hexdigest()
    if len(content[0]) > most:
        raise _too_large(archive, member)
    if isinstance(place, PackWriter):
        place.add(path, *content[:2])
    else:
        _write_list(place, [content[0]])
    return where, len(content[0]), content[2]


def _write_list(path: Path, blocks: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.writelines(blocks)


def _blocks(
    archive: Path, member: _Member, most: int, seen: Callable[[bytes], object] = len
) -> Iterator[bytes]:
    """Read a member, and refuse it where it has not the size that it claims."""
    read = 0
    with member.open(member.info) as source:
        while block := source.read(_BLOCK):
            read += len(block)
            if read > most or read > member.size:
                raise _too_large(archive, member)
            seen(block)
            yield block
    if read != member.size:
        raise DataError(f"{archive}: {member.name!r} is cut short: fetch the archive again.")


def _too_large(archive: Path, member: _Member) -> DataError:
    return DataError(
        f"{archive}: {member.name!r} unpacks to more than it says or than the limit "
        "allows, which is refused."
    )
