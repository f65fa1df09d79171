"""A zip's small members, read at once: header, content and checksum compared."""

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256

SMALL = 256 << 10
"""Bytes up to which a member is read at once; photographs of faces have some thousand."""

_HEADER = struct.Struct("<4s5H3I2H")
_EXTRA = 64
_BLOCK = 8 << 20
_COMMON_FLAGS = 0x0806 | 0x0008  # names in UTF-8, how hard it was packed, sizes behind the content

Content = tuple[bytes, int, str]
"""A member's bytes, their CRC-32 and their SHA-256."""

_At = Callable[[int, int], bytes | memoryview]
"""Gives so many bytes from a place on, fewer at the end of the file."""


def read_plain(file: int, info: zipfile.ZipInfo) -> Content | None:
    """Read a member, if it is small and nothing about it is unusual.

    The header before it has to agree with the directory, and what it unpacks to has to have the
    size and the CRC-32 that the directory claims, to the last byte.

    Parameters
    ----------
    file
        Descriptor of the archive. Threads may share it.
    info
        Its entry in the directory.

    Returns
    -------
    Content or None
        None if anything differs: then :mod:`zipfile` is to read it, or to say what is wrong.

    Raises
    ------
    OSError
        If the archive cannot be read.
    """
    return _read(lambda length, place: os.pread(file, length, place), info)


def read_plain_many(file: int, infos: Sequence[zipfile.ZipInfo]) -> list[Content | None]:
    """Read members as :func:`read_plain` does; neighbours are taken from the disk at once.

    Raises
    ------
    OSError
        If the archive cannot be read.
    """
    at = _at_block(file, infos)
    return [_read(at, info) for info in infos]


def _at_block(file: int, infos: Sequence[zipfile.ZipInfo]) -> _At:
    """Read what some members lie in, if that is little more than they are themselves."""
    begin = min(info.header_offset for info in infos)
    end = max(info.header_offset + _room(info) for info in infos)
    near = end - begin <= min(_BLOCK, 2 * sum(map(_room, infos)))
    block = memoryview(os.pread(file, end - begin, begin)) if near else memoryview(b"")

    def at(length: int, place: int) -> bytes | memoryview:
        start = place - begin
        if start + length <= len(block):
            return block[start : start + length]
        return os.pread(file, length, place)

    return at


def _room(info: zipfile.ZipInfo) -> int:
    return _HEADER.size + len(info.filename) + info.compress_size + _EXTRA


def _read(at: _At, info: zipfile.ZipInfo) -> Content | None:
    name = _plain_name(info)
    if name is None:
        return None
    wanted = _HEADER.size + len(name) + info.compress_size
    whole = at(wanted + _EXTRA, info.header_offset)
    if len(whole) < _HEADER.size:
        return None
    mark, _, flags, method, *_, length, extra = _HEADER.unpack_from(whole)
    start = _HEADER.size + len(name) + extra
    as_said = (b"PK\3\4", info.flag_bits, info.compress_type, len(name))
    if (mark, flags, method, length) != as_said:
        return None
    if whole[_HEADER.size : _HEADER.size + len(name)] != name:
        return None
    packed = whole[start : start + info.compress_size]
    if len(packed) < info.compress_size:
        packed = at(info.compress_size, info.header_offset + start)
    content = _unpacked(packed, info)
    if content is None or zlib.crc32(content) != info.CRC:
        return None
    return content, info.CRC, sha256(content).hexdigest()


def _plain_name(info: zipfile.ZipInfo) -> bytes | None:
    if max(info.file_size, info.compress_size) > SMALL or info.flag_bits & ~_COMMON_FLAGS:
        return None
    if info.orig_filename != info.filename:
        return None
    try:
        return info.filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    except UnicodeEncodeError:
        return None


def _unpacked(packed: bytes | memoryview, info: zipfile.ZipInfo) -> bytes | None:
    if len(packed) != info.compress_size:
        return None
    if info.compress_type == zipfile.ZIP_STORED:
        return bytes(packed) if len(packed) == info.file_size else None
    if info.compress_type != zipfile.ZIP_DEFLATED:
        return None
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflating.decompress(packed, info.file_size + 1)
    except zlib.error:
        return None
    whole = inflating.eof and not inflating.unused_data
    return content if whole and len(content) == info.file_size else None
