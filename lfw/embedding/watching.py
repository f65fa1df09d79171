"""Watching an embedding learn: faces with their margin, and pairs it is measured on."""

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.embedding import network
from lfw.layers import FaceAligner
from lfw.networks.asking import ask
from lfw.pairs import paths_of
from lfw.verification import area_under_roc, crossed_accuracy

_CHUNK = 64


def read_faces(
    pixels: Callable[[list[str]], NDArray[np.uint8]], paths: list[str]
) -> NDArray[np.uint8]:
    """Read faces in chunks: raw images of a large cohort would fill the memory.

    Parameters
    ----------
    pixels
        Reads raw images, given their paths: an array of shape (n, 250, 250, 3).
    paths
        The images.

    Returns
    -------
    ndarray of shape (n, 168, 128, 3)
        With a margin around each face (see :func:`lfw.embedding.network.preprocess`).
    """
    crop = network.preprocess()
    parts = [
        cut_faces(crop, pixels(paths[start : start + _CHUNK]))
        for start in range(0, len(paths), _CHUNK)
    ]
    return np.concatenate(parts)


def cut_faces(crop: keras.Model, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut faces out of raw images of shape (n, 250, 250, 3)."""
    return ask(crop, pixels).astype(np.uint8)


class Watch:
    """Pairs of people that an embedding does not learn from, to watch its learning on.

    Parameters
    ----------
    pairs
        As :func:`lfw.pairs.view1_pairs` gives them; may be empty.
    pixels
        Reads raw images, given their paths.
    views
        The network of :func:`lfw.embedding.network.views` that learns.
    aligned
        Aligns the faces for it.
    """

    def __init__(
        self,
        pairs: pd.DataFrame,
        pixels: Callable[[list[str]], NDArray[np.uint8]],
        views: keras.Model,
        aligned: FaceAligner,
    ) -> None:
        face = keras.Input((network.HEIGHT, network.WIDTH, 3))
        self._vectors = keras.Model(face, network.joined_views(views, face))
        self._paths = paths_of(pairs)
        place = {path: k for k, path in enumerate(self._paths)}
        self._sides = [pairs[f"path{side}"].map(place).to_numpy() for side in ("1", "2")]
        self._same = pairs["same"].to_numpy(dtype=bool)
        self._faces = None
        if self._paths:
            wide = keras.Input((*network.WIDE, 3))
            cut = keras.Model(wide, aligned(wide))
            self._faces = ask(cut, read_faces(pixels, self._paths)).round().astype(np.uint8)

    def measure(self) -> dict[str, float]:
        """Give the area under the ROC curve and the accuracy; nothing without both kinds."""
        if self._faces is None or self._same.all() or not self._same.any():
            return {}
        found = ask(self._vectors, self._faces)
        first, second = (found[side] for side in self._sides)
        likeness = (first * second).sum(axis=1) / network.VIEWS  # unit vectors side by side
        return {
            "pairs_auc": area_under_roc(self._same, likeness),
            "pairs_accuracy": crossed_accuracy(self._same, likeness),
        }
