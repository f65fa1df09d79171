"""Archives with every fault that unpacking must refuse, made from a few small files."""

import gzip
import io
import lzma
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

FILES = {
    "lfw_allnames.csv": b"name,images\r\nAnn,2\r\nBob,1\r\n",
    "lfw/lfw/Ann/Ann_0001.jpg": b"first" * 400,
    "lfw/lfw/Ann/Ann_0002.jpg": bytes(range(256)) * 8,
    "lfw/lfw/Bob/Bob_0001.jpg": b"third" * 300,
}
PICTURE = "lfw/lfw/Ann/Ann_0001.jpg"


class Broken(NamedTuple):
    """An archive's bytes, made when they are called for, and what is said of it."""

    make: Callable[[], bytes]
    said: str


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED
) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", method) as file:
        warnings.simplefilter("ignore")  # on names that are there twice
        for name, content in members:
            file.writestr(name, content)
    return made.getvalue()


def tarred(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return made.getvalue()


def header(name: str, size: int | bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Make a tar's header that claims what it likes; bytes are the size's field as it is."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"%011o\0" % size if isinstance(size, int) else size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def many_empty(count: int) -> bytes:
    """Make a zip of as many empty members, straight away: zipfile would take minutes."""
    names = [b"lfw/P/P_%07d.jpg" % k for k in range(count)]
    local, central, place = [], [], 0
    for name in names:
        sizes = struct.pack("<LLLHH", 0, 0, 0, len(name), 0)
        local.append(b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 0, 0, 33) + sizes + name)
        central.append(
            b"PK\1\2"
            + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 33)
            + sizes
            + struct.pack("<HHHLL", 0, 0, 0, 0, place)
            + name
        )
        place += len(local[-1])
    directory = b"".join(central)
    end64 = struct.pack(
        "<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), place
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place + len(directory), 1)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return b"".join(local) + directory + end64 + locator + end


def nameless() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = ""
    return info


def _cut(whole: bytes, share: float) -> bytes:
    return whole[: int(len(whole) * share)]


def _flipped(whole: bytes, places: Iterable[int]) -> bytes:
    changed = bytearray(whole)
    for place in places:
        changed[place] ^= 0xFF
    return bytes(changed)


def _mixed() -> bytes:
    return zipped(*FILES.items())


def _middle(whole: bytes) -> bytes:
    return _flipped(whole, range(len(whole) // 2, len(whole) // 2 + 4))


def _zeros(size: int, method: int) -> bytes:
    return zipped(*FILES.items(), ("lfw/lfw/Bob/Bob_0002.jpg", bytes(size)), method=method)


def _overlapping() -> bytes:
    """Many names for one member's bytes: the quine-like bomb, which needs no deep compression."""
    whole = zipped((PICTURE, bytes(1 << 20)), method=zipfile.ZIP_DEFLATED)
    start = whole.index(b"PK\1\2")
    entry = whole[start : whole.index(b"PK\5\6")]
    old = PICTURE.encode()
    entries = [entry.replace(old, old[:-8] + b"%04d.jpg" % k) for k in range(1, 200)]
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 199, 199, len(entry) * 199, start, 0)
    return whole[:start] + b"".join(entries) + end


def _lying_sizes(claimed: int) -> bytes:
    whole = bytearray(zipped((PICTURE, b"first" * 400)))
    directory = whole.index(b"PK\x01\x02")
    whole[22:26] = whole[directory + 24 : directory + 28] = struct.pack("<I", claimed)
    return bytes(whole)


def _bad_crc() -> bytes:
    return _mixed().replace(b"firstfirst", b"firstfirsT", 1)


BROKEN: dict[str, Broken] = {
    "empty": Broken(lambda: b"", "is empty"),
    **{
        f"zip cut at {share:.0%}": Broken(partial(_cut, _mixed(), share), "cut short")
        for share in (0.1, 0.5, 0.99)
    },
    **{
        f"tar cut at {share:.0%}": Broken(partial(_cut, tarred(*FILES.items()), share), "damaged")
        for share in (0.1, 0.5)
    },
    **{
        f"tar.gz cut at {share:.0%}": Broken(
            partial(_cut, gzip.compress(tarred(*FILES.items())), share),
            "damaged|cut short|neither",
        )
        for share in (0.1, 0.5, 0.99)
    },
    "zip with bytes flipped": Broken(lambda: _middle(_mixed()), "damaged"),
    "tar.gz with bytes flipped": Broken(
        lambda: _middle(gzip.compress(tarred(*FILES.items()))), "damaged"
    ),
    "tar.xz with bytes flipped": Broken(
        lambda: _middle(lzma.compress(tarred(*FILES.items()))), "damaged"
    ),
    "checksum of a member": Broken(_bad_crc, "damaged .*CRC"),
    "web page": Broken(lambda: b"<!doctype html>\n<title>Log in</title>", "is a web page"),
    "zip of nothing": Broken(zipped, "holds no image"),
    "up and out": Broken(lambda: zipped(("../x.jpg", b"x")), "lies outside the folder"),
    "absolute": Broken(lambda: tarred(("/root/x.jpg", b"x")), "lies outside the folder"),
    "drive letter": Broken(lambda: zipped(("C:/x.jpg", b"x")), "lies outside the folder"),
    "backslash": Broken(lambda: tarred(("..\\x.jpg", b"x")), "lies outside the folder"),
    "symbolic link": Broken(lambda: header(PICTURE, 0, tarfile.SYMTYPE) + bytes(1024), "a link"),
    "hard link": Broken(lambda: header(PICTURE, 0, tarfile.LNKTYPE) + bytes(1024), "a link"),
    "device": Broken(lambda: header(PICTURE, 0, tarfile.BLKTYPE) + bytes(1024), "or device"),
    "twice": Broken(lambda: zipped((PICTURE, b"x"), (PICTURE, b"y")), "twice"),
    "case alone": Broken(lambda: zipped(("a/Bo.jpg", b"x"), ("a/BO.jpg", b"y")), "once more"),
    "both Unicode forms": Broken(
        lambda: zipped(("a/Zo\u00eb.jpg", b"x"), ("a/Zoe\u0308.jpg", b"y")), "once more"
    ),
    "size too small": Broken(lambda: _lying_sizes(1999), "damaged|cut short"),
    "size too large": Broken(lambda: _lying_sizes(1 << 30), "which is refused"),
    "encrypted": Broken(
        lambda: _mixed().replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"), "is encrypted"
    ),
    "bomb": Broken(lambda: _zeros(80 << 20, zipfile.ZIP_DEFLATED), "would unpack to 83,891,655"),
    "bomb of one member's bytes": Broken(_overlapping, "would unpack to|[Oo]verlap"),
    "bomb in a tar": Broken(
        lambda: gzip.compress(header(PICTURE, 80 << 20) + bytes(80 << 20) + bytes(1024), 1),
        "would unpack to 83,886,080",
    ),
    "sparse bomb": Broken(
        lambda: tarred(*FILES.items())[:-10240] + _sparse(1 << 40), "would unpack to|damaged"
    ),
    "sparse map cut short": Broken(lambda: _sparse(1 << 20, extended=True)[:512], "damaged"),
    "long name of 1 GB": Broken(
        lambda: header("././@LongLink", 1 << 30, tarfile.GNUTYPE_LONGNAME) + bytes(1024),
        "damaged .*claims 1,073,741,824 bytes",
    ),
    "size below zero": Broken(
        lambda: header(PICTURE, b"\xff" * 10 + b"\xfc\x00") + bytes(1024), "damaged"
    ),
    "name of nothing": Broken(lambda: zipped((nameless(), b"x")), "lies outside the folder"),
    "name too long": Broken(lambda: zipped(("a" * 300 + ".jpg", b"x")), "is too long"),
    "path too long": Broken(lambda: tarred(("long/" * 300 + "a.jpg", b"x")), "is too long"),
    "name of no text": Broken(lambda: tarred(("a\udcff.jpg", b"x")), "is no valid Unicode"),
    "name with control characters": Broken(
        lambda: tarred(("a\x1b[2J.jpg", b"x")), "has control characters"
    ),
    "program": Broken(lambda: zipped(*FILES.items(), ("run.sh", b"x")), "neither an image"),
    "archive in it": Broken(lambda: zipped(("inner.zip", _mixed())), "neither an image"),
}
"""By name: how the archive is made, and what the error says of it."""


def _sparse(size: int, *, extended: bool = False) -> bytes:
    """Make a member of GNU's old sparse form: all hole, however large it claims to be."""
    block = bytearray(header(PICTURE.replace("1.jpg", "9.jpg"), 0, tarfile.GNUTYPE_SPARSE))
    block[482] = extended  # whether its map of holes goes on in the next block
    block[483:495] = b"\x80" + size.to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)
