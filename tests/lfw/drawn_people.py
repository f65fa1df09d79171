"""Six people of the drawn data set, divided for learning."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfw.images import read_many

PEOPLE = 6


class Part(NamedTuple):
    """Images of shape (n, 250, 250, 3) and their class numbers of shape (n,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


class Divided(NamedTuple):
    train: Part
    validation: Part
    test: Part


def divided(sample_folder: Path) -> Divided:
    """Of each of the six most photographed: two images for validation, four for the test."""
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    folders = sorted(root.iterdir(), key=lambda folder: (-len(list(folder.iterdir())), folder.name))
    rows = [
        (path.relative_to(root).as_posix(), label, place)
        for label, folder in enumerate(folders[:PEOPLE])
        for place, path in enumerate(sorted(folder.iterdir()))
    ]

    def part(first: int, last: int) -> Part:
        chosen = [(path, label) for path, label, place in rows if first <= place < last]
        paths, labels = zip(*chosen, strict=True)
        return Part(read_many(root, paths), np.array(labels, dtype=np.int64))

    return Divided(train=part(6, 1000), validation=part(0, 2), test=part(2, 6))
