"""Where things are kept."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from lfw.errors import InputError

DATA_VARIABLE = "LFW_DATA"

_LEAST_FREE = 10 << 20  # below, not even the databases can be opened


def data_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder that everything is kept in: data sets, stages, both databases, models.

    It is what ``LFW_DATA`` names, else ``data`` in the checkout, else (installed as a package) the
    user's data folder.

    Raises
    ------
    InputError
        If ``LFW_DATA`` names the home of a user who does not exist.
    """
    if named := environ.get(DATA_VARIABLE):
        try:
            return Path(named).expanduser().absolute()
        except RuntimeError as error:
            raise InputError(f"{DATA_VARIABLE}: {named} names no folder: {error}") from None
    checkout = Path(__file__).parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    return Path(platformdirs.user_data_dir("lfw-flow"))


def make_data_folder(folder: Path) -> None:
    """Make the data folder, and see that it can be written to.

    Raises
    ------
    InputError
        If it cannot, or if its disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"the data folder {folder} cannot be written to ({error.strerror}): set "
            f"{DATA_VARIABLE} to one that can."
        ) from None
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        raise InputError(
            f"the disk of the data folder {folder} is full ({free / 2**20:.0f} MB are free): make "
            f"room, or set {DATA_VARIABLE} to a folder on another disk."
        )
