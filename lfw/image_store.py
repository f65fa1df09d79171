"""Reading images, whether they are files of their own or members of a pack.

The path of an image in a pack goes through the pack as if it were a folder
(``…/images.zip/lfw/Ann/Ann_0001.jpg``): whatever joins an image folder and an image path works with
both, in other threads and processes, too.
"""

import errno
import os
import stat
import threading
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from lfw.errors import DataError
from lfw.pack import PACK, Pack, State, state_of

_INSIDE = f"/{PACK}/"
_AT_ONCE = 1 << 15
_MOST_OPEN = 4


def read_file(path: str) -> bytes:
    """Read a small file in three calls of the system; Python's own way takes eight.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        parts = [os.read(file, _AT_ONCE)]
        while len(parts[-1]) == _AT_ONCE or (len(parts) > 1 and parts[-1]):
            parts.append(os.read(file, _AT_ONCE))
    finally:
        os.close(file)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_image(path: Path | str) -> bytes:
    """Read an image, a file of its own or a member of a pack.

    Packs stay open for later calls, until they change. Threads may call this at once.

    Parameters
    ----------
    path
        Of the file, or of the pack with the member's name behind it.

    Raises
    ------
    OSError
        If it cannot be read; of a pack that is damaged, too.
    """
    whole = os.fspath(path)
    try:
        place = _pack_of(whole)
        return read_file(whole) if place is None else place[0].read(place[1])
    except DataError as error:
        raise OSError(errno.EIO, str(error).rstrip("."), whole) from error


def image_digest(path: Path) -> str:
    """SHA-256 of an image's bytes, in hexadecimal.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        return sha256(read_image(path)).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def read_images(folder: Path | str, paths: Sequence[str]) -> list[bytes | None]:
    """Read several images of a folder, those of a pack at once; None for what cannot be read."""
    root = f"{os.fspath(folder)}/"
    try:
        place = _pack_of(root)
        if place is not None:
            return place[0].read_some([place[1] + path for path in paths])
    except (OSError, DataError):
        pass  # each is tried alone, and says why
    return [_try_read(root + path) for path in paths]


def _try_read(path: str) -> bytes | None:
    try:
        return read_image(path)
    except OSError:
        return None


def _pack_of(path: str) -> tuple[Pack, str] | None:
    """Give the pack that a path goes through, and what is behind it; None if there is none."""
    at = path.find(_INSIDE)
    while at >= 0:
        pack = path[: at + len(_INSIDE) - 1]
        found = _state(pack)
        if found is not None:
            return _opened(pack, found), path[at + len(_INSIDE) :]
        at = path.find(_INSIDE, at + 1)
    return None


def close_packs() -> None:
    """Close what is kept open, so that a pack that was replaced leaves the disk."""
    with _lock:
        _open.clear()


_open: dict[str, Pack] = {}
_lock = threading.Lock()


def _state(path: str) -> State | None:
    """Tell a file's states apart; None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a Path costs more than the call)
    except OSError:
        return None
    return state_of(found) if stat.S_ISREG(found.st_mode) else None


def _opened(path: str, state: State) -> Pack:
    """Give the pack, opened before if it is as it was."""
    with _lock:
        kept = _open.get(path)
        if kept is None or kept.state != state:
            _open.pop(path, None)
            while len(_open) >= _MOST_OPEN:
                del _open[next(iter(_open))]
            kept = _open[path] = Pack(Path(path))
        return kept
