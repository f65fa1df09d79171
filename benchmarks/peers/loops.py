"""Plain loops over images, as a notebook has them."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image


def look_at_sizes(folder: Path, paths: Sequence[str]) -> list[tuple[int, int]]:
    """Open every image and ask for its size: nothing is decoded."""
    sizes = []
    for path in paths:
        image = Image.open(str(folder) + "/" + path)
        sizes.append((image.width, image.height))
    return sizes


def load_all(folder: Path, paths: Sequence[str]) -> int:
    """Decode every image with Pillow; count those that it cannot decode."""
    broken = 0
    for path in paths:
        try:
            with Image.open(str(folder) + "/" + path) as image:
                image.load()
        except OSError:
            broken += 1
    return broken


def extract_and_copy(archive: Path, folder: Path, wanted: dict[str, list[str]], prefix: str) -> int:
    """Unpack everything, then copy the wanted images into a folder for each part and person."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder / "all")
    return copy_parts(folder / "all" / prefix, wanted, folder)


def copy_parts(images: Path, wanted: dict[str, list[str]], folder: Path) -> int:
    """Copy the wanted images into a folder for each part and person."""
    copied = 0
    for part, paths in wanted.items():
        for path in paths:
            target = folder / part / path.split("/", maxsplit=1)[0]
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(images / path, target)
            copied += 1
    return copied
