"""The pull step of `prefect.yaml`: where a worker finds the flows' code."""

import os
from pathlib import Path


def enter_code_folder() -> dict[str, str]:
    """Make the folder that the project's packages are imported from the working directory.

    It is the checkout, or site-packages: entrypoints such as ``flows/train_faces.py`` are there.
    """
    folder = str(Path(__file__).resolve().parents[1])
    os.chdir(folder)
    return {"directory": folder}


HOUR = 3600
"""In seconds: a run that takes many times as long as it should is ended, and says so."""
