"""Temporary files of a run: in the data folder, and gone with it however it ends."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import filelock

from infra.running import held

_LOCK = ".lock"


@contextlib.contextmanager
def temporary_files(data_folder: Path) -> Iterator[Path]:
    """Let this process, and those that it starts, keep temporary files in a folder of its own.

    Libraries leave theirs behind when they are killed: what belongs to a process that is gone is
    removed first.

    Parameters
    ----------
    data_folder
        The project's data folder.
    """
    home = data_folder / "tmp"
    home.mkdir(parents=True, exist_ok=True)
    folder = home / uuid.uuid4().hex[:8]  # short: the name of a socket in it has 108 bytes at most
    lock = home / f"{folder.name}{_LOCK}"
    with contextlib.ExitStack() as opened:
        with _sweeping(home):
            _sweep(home)
            owner = opened.enter_context(lock.open("w", encoding="utf-8"))
            fcntl.flock(owner, fcntl.LOCK_EX)
        folder.mkdir()
        opened.callback(_remove, folder, lock)
        opened.enter_context(_as_default(folder))
        yield folder


def sweep_temporary(home: Path) -> list[str]:
    """Remove the folders of processes that are gone, and name them."""
    with _sweeping(home):
        return _sweep(home)


def _sweeping(home: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(home / "sweep")


def _sweep(home: Path) -> list[str]:
    gone = [lock for lock in sorted(home.glob(f"*{_LOCK}")) if not held(lock)]
    for lock in gone:
        _remove(lock.with_suffix(""), lock)
    return [lock.stem for lock in gone]


def _remove(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _as_default(folder: Path) -> Iterator[None]:
    before, named = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        del os.environ["TMPDIR"]
        if named is not None:
            os.environ["TMPDIR"] = named
