"""A pack: the images of a copy that the project makes, in one plain zip.

``images.zip`` lies beside the lists. It is uncompressed, so any viewer and ``unzip`` open it, and
an image is read from its place without its neighbours.

Only what :class:`PackWriter` writes is read: members one behind the other from the first byte on,
nothing between or behind them, a directory that agrees with every header. It is read by position
and not through a memory map: a map of a file that somebody cuts short ends the process.
"""

import errno
import os
import re
import struct
import unicodedata
import weakref
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from lfw.errors import DataError
from lfw.runners import IN_THREADS, map_chunks
from lfw.threads import Progress

PACK = "images.zip"
"""Name of the file."""

FileRow = tuple[str, int, str]
"""A file's path, size in bytes and SHA-256."""

State = tuple[int, int, int, int]
"""Where a file lies on its disk, its size, and when it was written."""

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_PARTS = struct.Struct("<16s3IH12sI")  # an entry, again, with what never varies in two parts
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_PLACE64 = struct.Struct("<2HQ")

_FAR = 0xFFFFFFFF  # from here on a place needs more than four bytes
_ELSEWHERE = 0xFFFFFFFF
_MANY = 0xFFFF
_UTF8 = 0x800
_DAY = 0x21  # the first that a zip can hold
_UNIX_FILE = 0o100644 << 16

_BLOCK = 8 << 20
_CHUNK = 256
_NAME = 100  # bytes of a name, about
_MOST_DIRECTORY = 1 << 30
_UNSAFE = re.compile(r"(?m)^/|//|/$|(?:^|/)\.\.?(?:/|$)|\\")
_SUSPECT = ("//", "\n/", "/\n", "\n.", "/.", "\\")


def state_of(found: os.stat_result) -> State:
    """Tell a file's states apart."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Pack:
    """An open pack. Threads may share it.

    Attributes
    ----------
    members
        Name of each image to where it begins, its size in bytes and its CRC-32; in their order.
    directory_sha256
        Digest of the directory at the end.
    """

    def __init__(self, path: Path) -> None:
        """Open it, and see that its directory holds together.

        Raises
        ------
        DataError
            If it is not as :class:`PackWriter` writes them.
        OSError
            If it cannot be read.
        """
        self._path = path
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self._file)
        self.state = state_of(os.fstat(self._file))
        size = self.state[2]
        start, length, count = self._find_directory(size)
        directory = self._at(start, length)
        self.directory_sha256 = sha256(directory).hexdigest()
        self.members = self._parse(directory, count, start)

    def read(self, name: str) -> bytes:
        """Give an image's bytes.

        Raises
        ------
        FileNotFoundError
            If there is no such member.
        DataError
            If the pack was changed, and the member is no longer there.
        """
        place = self.members.get(name)
        if place is None:
            shown = str(self._path / name)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown)
        start, size, crc = place
        header = _local(name.encode(), size, crc)
        whole = self._at(start, len(header) + size)
        if not whole.startswith(header):
            raise self._damaged(f"the head of {name} differs from the directory")
        return whole[len(header) :]

    def read_some(self, names: Sequence[str]) -> list[bytes | None]:
        """Give the bytes of several images, None for what cannot be read.

        Neighbours are read at once: that is a third of the time.
        """
        places = [self.members.get(name) for name in names]
        there = [place for place in places if place is not None]
        begin = min((start for start, _, _ in there), default=0)
        end = max((start + _LOCAL.size + _NAME + size for start, size, _ in there), default=0)
        end = min(end, self.state[2])
        if end - begin > min(_BLOCK, 2 * sum(_LOCAL.size + _NAME + size for _, size, _ in there)):
            return [self._try_read(name) for name in names]
        block = self._at(begin, end - begin)
        found: list[bytes | None] = []
        for name, place in zip(names, places, strict=True):
            start, size, crc = place or (begin, 0, 0)
            header = _local(name.encode(), size, crc)
            first = start - begin + len(header)
            good = first + size <= len(block) and block.startswith(header, start - begin)
            found.append(block[first : first + size] if good and place else None)
        return found

    def _try_read(self, name: str) -> bytes | None:
        try:
            return self.read(name)
        except (OSError, DataError):
            return None

    def measure(self, progress: Progress | None = None) -> Iterator[FileRow]:
        """Read every image once: give name, size and SHA-256, in the pack's order.

        Raises
        ------
        DataError
            If it was cut short, or a member's head differs from the directory.
        """
        members = [(name, *place) for name, place in self.members.items()]
        return map_chunks(self._measure, members, IN_THREADS, progress, _CHUNK)

    def _measure(self, members: Sequence[tuple[str, int, int, int]]) -> list[FileRow]:
        begin, (last, end, size, _) = members[0][1], members[-1]
        end += _LOCAL.size + len(last.encode()) + size
        if end - begin > _BLOCK:
            return [(name, n, sha256(self.read(name)).hexdigest()) for name, _, n, _ in members]
        block = self._at(begin, end - begin)
        view, rows = memoryview(block), []
        for name, start, size, crc in members:
            header = _local(name.encode(), size, crc)
            if not block.startswith(header, start - begin):
                raise self._damaged(f"the head of {name} differs from the directory")
            content = start - begin + len(header)
            rows.append((name, size, sha256(view[content : content + size]).hexdigest()))
        return rows

    def _find_directory(self, size: int) -> tuple[int, int, int]:
        """Give where the directory begins, its length, and the number of members."""
        tail = self._at(max(0, size - _END64.size - _LOCATOR.size - _END.size), None)
        try:
            *_, count, length, start, _ = _END.unpack(tail[-_END.size :])
            if count == _MANY or start == _ELSEWHERE:
                *_, count, length, start = _END64.unpack(tail[: _END64.size])
            end = _end(count, length, start)
        except struct.error:
            raise self._damaged("its end is not that of a pack") from None
        if not tail.endswith(end) or start + length + len(end) != size or length > _MOST_DIRECTORY:
            raise self._damaged("its end is not that of a pack")
        return start, length, count

    def _parse(self, directory: bytes, count: int, end: int) -> dict[str, tuple[int, int, int]]:
        """Read the directory: every byte but names, sizes and checksums is known beforehand."""
        near = _entry(b"", 0, 0, 0)
        head, _, _, _, _, tail, _ = _PARTS.unpack(near)
        members: dict[str, tuple[int, int, int]] = {}
        unpack, fixed, local = _PARTS.unpack_from, _PARTS.size, _LOCAL.size
        place = start = 0
        try:
            for _ in range(count):
                first, crc, packed, size, length, rest, at = unpack(directory, place)
                named = place + fixed
                raw = directory[named : named + length]
                if first == head and rest == tail and at == start and packed == size:
                    place = named + length
                else:  # beyond 4 GB, or wrong
                    entry = _entry(raw, size, crc, start)
                    if not directory.startswith(entry, place):
                        raise self._damaged(f"its directory is wrong at {raw[:80]!r}")
                    place += len(entry)
                members[raw.decode()] = start, size, crc
                start += local + length + size
        except (struct.error, UnicodeDecodeError):
            raise self._damaged("its directory is cut short, or a name in it is no text") from None
        if place != len(directory) or start != end or len(members) != count:
            raise self._damaged("its directory is wrong")
        self._check_names(members)
        return members

    def _check_names(self, names: Collection[str]) -> None:
        whole, lines = "".join(names), "\n".join(["", *names, ""])
        odd = not whole.isprintable() and any(unicodedata.category(c) == "Cc" for c in whole)
        suspect = any(part in lines for part in _SUSPECT)  # a tenth of the time of the expression
        if odd or "" in names or (suspect and _UNSAFE.search(lines)):
            raise self._damaged("a name in its directory is no path of an image")

    def _at(self, start: int, length: int | None) -> bytes:
        """Read a part; all that is left if no length is given."""
        wanted = self.state[2] - start if length is None else length
        if wanted < 0 or wanted > self.state[2]:
            raise self._damaged("its directory points outside of it")
        content = os.pread(self._file, wanted, start)
        while len(content) < wanted:  # the system gives at most 2 GB at once
            more = os.pread(self._file, wanted - len(content), start + len(content))
            if not more:
                raise self._damaged("it is cut short")
            content += more
        return content

    def _damaged(self, why: str) -> DataError:
        return DataError(
            f"{self._path} is damaged ({why}), or not of this project's making: give the archive "
            "itself as the source."
        )


class PackWriter:
    """Writes a pack, image after image. It is whole when the ``with`` block has ended."""

    def __init__(self, path: Path) -> None:
        """Begin a new file.

        Raises
        ------
        OSError
            If it is there, or cannot be written.
        """
        self._file = path.open("xb", buffering=1 << 20)
        self._directory: list[bytes] = []
        self._place = 0
        self.directory_sha256 = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if kind is None:
                directory = b"".join(self._directory)
                self.directory_sha256 = sha256(directory).hexdigest()
                self._file.write(directory)
                self._file.write(_end(len(self._directory), len(directory), self._place))

    def add(self, name: str, content: bytes, crc: int) -> None:
        """Write an image, given its CRC-32."""
        self.add_packed(as_packed(name, content, crc), [(name, len(content), crc)])

    def add_packed(self, packed: bytes, images: Iterable[tuple[str, int, int]]) -> None:
        """Write images that lie one behind the other as :func:`as_packed` gives them.

        Parameters
        ----------
        packed
            All of them.
        images
            Name, size in bytes and CRC-32 of each.
        """
        self._file.write(packed)
        for name, size, crc in images:
            self._enter(name.encode(), size, crc)

    def add_blocks(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write a large image block by block."""
        raw, size, crc = name.encode(), 0, 0
        self._file.write(_local(raw, 0, 0))
        for block in blocks:
            size, crc = size + len(block), zlib.crc32(block, crc)
            self._file.write(block)
        self._file.seek(self._place)
        self._file.write(_local(raw, size, crc))
        self._file.seek(0, os.SEEK_END)
        self._enter(raw, size, crc)

    def _enter(self, name: bytes, size: int, crc: int) -> None:
        self._directory.append(_entry(name, size, crc, self._place))
        self._place += _LOCAL.size + len(name) + size


def copy_pack(pack: Path, target: Path, keep: Callable[[str], bool]) -> str:
    """Write a new pack of some images of another, and give its directory's digest.

    Raises
    ------
    DataError
        If the pack is damaged.
    """
    source = Pack(pack)
    with PackWriter(target) as writer:
        for name, (_, _, crc) in source.members.items():
            if keep(name):
                content = source.read(name)
                if zlib.crc32(content) != crc:
                    raise DataError(f"{pack} is damaged (the checksum of {name}).")
                writer.add(name, content, crc)
    return writer.directory_sha256


def as_packed(name: str, content: bytes, crc: int) -> bytes:
    """Give an image's bytes, of that CRC-32, with what goes before them in a pack."""
    return _local(name.encode(), len(content), crc) + content


def _local(name: bytes, size: int, crc: int) -> bytes:
    head = (b"PK\3\4", 20, _UTF8, 0, 0, _DAY)
    return _LOCAL.pack(*head, crc, size, size, len(name), 0) + name


def _entry(name: bytes, size: int, crc: int, start: int) -> bytes:
    far = _PLACE64.pack(1, 8, start) if start >= _FAR else b""
    version = 45 if far else 20
    head = (b"PK\1\2", 3 << 8 | version, version, _UTF8, 0, 0, _DAY, crc, size, size)
    tail = (len(name), len(far), 0, 0, 0, _UNIX_FILE, _ELSEWHERE if far else start)
    return _ENTRY.pack(*head, *tail) + name + far


def _end(count: int, length: int, start: int) -> bytes:
    if count < _MANY and start + length < _FAR:
        return _END.pack(b"PK\5\6", 0, 0, count, count, length, start, 0)
    large = _END64.pack(b"PK\6\6", 44, 3 << 8 | 45, 45, 0, 0, count, count, length, start)
    locator = _LOCATOR.pack(b"PK\6\7", 0, start + length, 1)
    return large + locator + _END.pack(b"PK\5\6", 0, 0, _MANY, _MANY, _ELSEWHERE, _ELSEWHERE, 0)
