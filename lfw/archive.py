"""Safe, atomic unpacking of a data set's archive, its images into one file."""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from lfw.archive_members import Limits, Member, ReadPlain, open_members
from lfw.errors import DataError
from lfw.files import new_folder_beside
from lfw.member_names import Names
from lfw.pack import PACK, FileRow, PackWriter, as_packed
from lfw.runners import map_whole_chunks
from lfw.suffixes import LIST_SUFFIXES
from lfw.threads import Progress
from lfw.zip_member import SMALL, Content

_BLOCK = 1 << 20


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


_Named = tuple[str, Member]
"""Where a member is to lie, and the member."""


class _Neighbours(NamedTuple):
    """Some members, read: as they are to lie in the pack if all are plain images, else each apart.

    Of those that are packed there are path, size, CRC-32 and SHA-256.
    """

    members: Sequence[_Named]
    contents: Sequence[Content | None]
    packed: bytes = b""
    rows: Sequence[tuple[str, int, int, str]] = ()


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
        with open_members(archive, limits) as (members, read):
            unpacked = _write_all(archive, members, read, made, limits, progress)
        made.replace(folder)
    return unpacked


def _write_all(
    archive: Path,
    members: list[Member],
    read_plain: ReadPlain,
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
            if pack is not None and some.rows:
                _check_room(archive, some, room, limits)
                pack.add_packed(some.packed, [row[:3] for row in some.rows])
                files += [(f"{PACK}/{path}", size, digest) for path, size, _, digest in some.rows]
            else:
                files += _write_each(archive, some, pack, folder, room, limits)
            room -= sum(size for _, size, _ in files[-len(some.members) :])
    return Unpacked(files, pack.directory_sha256 if pack is not None else "")


def _read_some(read_plain: ReadPlain, members: Sequence[_Named]) -> _Neighbours:
    """Read neighbours, and lay images one behind the other: one write takes less than many."""
    contents = read_plain([member for _, member in members])
    plain = [
        (path, *content)
        for (path, _), content in zip(members, contents, strict=True)
        if content is not None and not _is_list(path)
    ]
    if len(plain) < len(members):
        return _Neighbours(members, contents)
    packed = b"".join(as_packed(path, whole, crc) for path, whole, crc, _ in plain)
    rows = [(path, len(whole), crc, digest) for path, whole, crc, digest in plain]
    return _Neighbours(members, (), packed, rows)


def _check_room(archive: Path, some: _Neighbours, room: int, limits: Limits) -> None:
    for (_, member), (_, size, _, _) in zip(some.members, some.rows, strict=True):
        if size > min(room, limits.member_bytes):
            raise _too_large(archive, member)
        room -= size


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


def _is_list(path: str) -> bool:
    return path.lower().endswith(tuple(LIST_SUFFIXES))


def _check_sizes(archive: Path, members: list[Member], limits: Limits) -> None:
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
    member: Member,
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
    archive: Path, member: Member, most: int, seen: Callable[[bytes], object] = len
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


def _too_large(archive: Path, member: Member) -> DataError:
    return DataError(
        f"{archive}: {member.name!r} unpacks to more than it says or than the limit "
        "allows, which is refused."
    )
