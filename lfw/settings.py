"""Where things are kept."""

from collections.abc import Mapping
from pathlib import Path

import platformdirs

DATA_VARIABLE = "LFW_DATA"


def data_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder that everything is kept in: data sets, stages, both databases, models.

    It is what ``LFW_DATA`` names, else ``data`` in the checkout, else (installed as a package) the
    user's data folder.
    """
    if named := environ.get(DATA_VARIABLE):
        return Path(named).expanduser().absolute()
    checkout = Path(__file__).parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    return Path(platformdirs.user_data_dir("lfw-flow"))
