"""What goes into a registered model beside its numbers: the code that reads it, and its needs."""

import contextlib
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import lfw

_ALWAYS = ("mlflow", "numpy", "pandas", "scipy", "tensorflow", "keras")
_ON_IMAGES = ("opencv-python-headless", "pillow", "simplejpeg")
_MORE = {
    "hog": ("scikit-image", *_ON_IMAGES),
    "imagenet": ("httpx", "kagglehub", "platformdirs", *_ON_IMAGES),
    "dlib": ("dlib-bin", "face_recognition_models", *_ON_IMAGES),
}


def code_copy(folder: Path) -> Path:
    """Copy `lfw` without the embedding that it ships, which every version would carry along."""
    home = Path(lfw.__file__).parent
    copy = folder / home.name
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    return copy


@contextlib.contextmanager
def import_path_kept() -> Iterator[None]:
    """Leave the import path as it was.

    MLflow puts a folder of every model that it reads before all else, and never takes one out.
    Whatever looks for a package looks into all of them, and takes longer from run to run.
    """
    before = sys.path.copy()
    try:
        yield
    finally:
        sys.path[:] = before


def pinned(model: str) -> list[str]:
    """Name the libraries that a served model needs, as they are installed here."""
    needed = (*_ALWAYS, *_MORE.get(model, ()))
    return [f"{name}=={importlib.metadata.version(name)}" for name in needed]
