"""Runs at work, and runs that were left open, told apart by the locks of their processes."""

import fcntl
from pathlib import Path

import filelock


def changing_locks(data_folder: Path) -> filelock.BaseFileLock:
    """Give the lock under which a run takes its own: else another could find it not taken yet."""
    home = lock_path(data_folder, "").parent
    home.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(home / "running.lock")


def live_runs(data_folder: Path) -> list[str]:
    """Give the flow runs of processes that are alive."""
    return [path.name for path in _locks(data_folder) if held(path)]


def orphaned_runs(data_folder: Path) -> list[str]:
    """Give the flow runs of processes that are gone: they would stay RUNNING for ever."""
    return [path.name for path in _locks(data_folder) if not held(path)]


def lock_path(data_folder: Path, flow_run_id: str) -> Path:
    """Give the file that a run's process holds a lock on."""
    return data_folder / "mlflow" / "running" / flow_run_id


def _locks(data_folder: Path) -> list[Path]:
    return sorted(lock_path(data_folder, "").glob("*"))


def held(path: Path) -> bool:
    """Say whether a process holds the lock on a file; one that is not there is being let go."""
    try:
        with path.open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # its run has just ended
        return True
    return False
