"""What goes into a registered model beside its numbers: the code that reads it, and its needs."""

import importlib.metadata
import shutil
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


def pinned(model: str) -> list[str]:
    """Name the libraries that a served model needs, as they are installed here."""
    needed = (*_ALWAYS, *_MORE.get(model, ()))
    return [f"{name}=={importlib.metadata.version(name)}" for name in needed]
