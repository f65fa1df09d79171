"""What killed runs left half-written, found and removed."""

import shutil
from pathlib import Path

from infra.running import changing_locks, live_runs
from infra.temporary import sweep_temporary
from lfw.files import PARTIAL

_PLACES = (
    *("", "datasets/", "downloads/", "weights/", "vectors/", "checkpoints/", "scores/"),
    *("stages/", "stages/*/"),
)


def find_leftovers(data_folder: Path) -> list[Path]:
    """Give what was being written, by a run at work or by one that is gone."""
    found = (data_folder.glob(f"{place}{PARTIAL}*") for place in _PLACES)
    return sorted(path for paths in found for path in paths)


def remove_leftovers(data_folder: Path, own_run: str = "") -> list[str]:
    """Remove what killed runs left half-written, unless another run is at work, and name it.

    Parameters
    ----------
    data_folder
        The project's data folder.
    own_run
        The flow run of this process, if it is at one.
    """
    home = data_folder / "tmp"
    removed = [str(home / name) for name in (sweep_temporary(home) if home.is_dir() else [])]
    with changing_locks(data_folder):  # no run begins meanwhile
        if set(live_runs(data_folder)) - {own_run}:
            return removed
        for path in find_leftovers(data_folder):
            _remove(path)
            removed.append(str(path))
    return removed


def _remove(path: Path) -> None:
    """Remove a leftover; a link goes, and what it leads to stays."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)  # its writer, which is no run, may just have ended
    else:
        shutil.rmtree(path)
