"""What killed runs left half-written, found and removed."""

import shutil
from pathlib import Path

from infra.running import changing_locks, live_runs
from infra.temporary import sweep_temporary
from lfw.files import PARTIAL

_PLACES = ("", "datasets/", "downloads/", "vectors/", "checkpoints/", "stages/", "stages/*/")


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
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            removed.append(str(path))
    return removed
