"""Reading images, whether they are files of their own or members of a pack.

The path of an image in a pack goes through the pack as if it were a folder
(``…/images.zip/lfw/Ann/Ann_0001.jpg``): whatever joins an image folder and an image path works with
both, in other threads and processes, too.
"""

import errno
import os
import stat
import threading
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
    at = whole.find(_INSIDE)
    while at >= 0:
        pack = whole[: at + len(_INSIDE) - 1]
        found = _state(pack)
        if found is not None:
            try:
                return _opened(pack, found).read(whole[at + len(_INSIDE) :])
            except DataError as error:
                raise OSError(errno.EIO, str(error).rstrip("."), whole) from error
        at = whole.find(_INSIDE, at + 1)
    return read_file(whole)


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
