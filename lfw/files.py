"""Files: written whole or not at all, and read with errors that name them."""

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lfw.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

PARTIAL = ".partial-"
"""Prefix of what is being written; one that was left behind was never finished."""


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    with new_folder_beside(path) as partial:
        written = partial / path.name
        written.write_text(text, encoding="utf-8")
        written.replace(path)


@contextlib.contextmanager
def new_folder_beside(path: Path) -> Iterator[Path]:
    """Give an empty folder on the same file system as `path`, gone at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{PARTIAL}{path.name}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        yield Path(folder)


def sweep_partial(folder: Path, of: str = "") -> list[str]:
    """Remove what killed runs left half-written in a folder, and name it.

    Call it only while holding the lock under which it is written.

    Parameters
    ----------
    folder
        Where it lies.
    of
        The name of what was being written; everything if empty.
    """
    left = sorted(path for path in folder.iterdir() if path.name.startswith(PARTIAL + of))
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [path.name for path in left]


def disk_is_full(error: BaseException | None) -> bool:
    """Tell whether an error, or one behind it, is that a disk has no room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        if "disk is full" in str(error):  # SQLite's, through whatever wraps it
            return True
        error = error.__cause__ or error.__context__
    return False


def discard(folders: Iterable[Path]) -> int:
    """Remove folders, and say how many there were."""
    found = [path for path in folders if path.is_dir()]
    for path in found:
        shutil.rmtree(path)
    return len(found)


def read_table(path: Path, parameter: str) -> "pd.DataFrame":
    """Read a user's CSV as text, nothing taken for a missing value.

    Raises
    ------
    InputError
        Naming the parameter, if the file cannot be read as a CSV.
    """
    import pandas as pd  # half a second, which commands without a table need not wait for

    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{parameter}: {path} cannot be read as a CSV: {reason}.") from error
