"""Classifiers on measured features: what is measured of an image, and a linear head behind it."""

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lfw.errors import DataError
from lfw.linear import Head, Linear

Measure = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


# What they need beyond the served networks' own needs is imported when they are used.
def _hog(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    from lfw.hog import hog_features

    return hog_features(pixels)


def _dlib(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    from lfw.dlib_faces import dlib_features

    return dlib_features(pixels)


def _imagenet(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    from lfw.imagenet import imagenet_features

    return imagenet_features(pixels)


FEATURES: dict[str, Measure] = {"hog": _hog, "dlib": _dlib, "imagenet": _imagenet}
"""By name: takes raw images of shape (n, 250, 250, 3), gives vectors of shape (n, d)."""


@dataclass(frozen=True)
class FeatureClassifier:
    """A head on measured features.

    Attributes
    ----------
    features
        One of :data:`FEATURES`.
    head
        Names the person of a feature vector.
    """

    features: str
    head: Head

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give the probability of each person for raw images (n, 250, 250, 3): (n, people)."""
        return self.head.probabilities(FEATURES[self.features](pixels))

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The head's numbers, by name."""
        found = {"identity_weights": self.head.identity.weights}
        found |= {"identity_bias": self.head.identity.bias}
        if self.head.known is not None:
            found |= {"known_weights": self.head.known.weights, "known_bias": self.head.known.bias}
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of the head's numbers."""
        whole = hashlib.sha256(self.features.encode())
        for name, values in sorted(self.arrays.items()):
            whole.update(f"{name}{values.shape}".encode())
            whole.update(np.ascontiguousarray(values).tobytes())
        return whole.hexdigest()

    def save(self, path: Path) -> None:
        """Write plain numbers, with nothing in them that runs when they are read."""
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, features=np.array(self.features), **self.arrays)

    @classmethod
    def load(cls, path: Path) -> "FeatureClassifier":
        """Read what :meth:`save` wrote.

        Raises
        ------
        DataError
            If the file is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as saved:
                values = dict(saved)
            identity = Linear(values["identity_weights"], values["identity_bias"])
            known = None
            if "known_weights" in values:
                known = Linear(values["known_weights"], values["known_bias"])
            return cls(str(values["features"]), Head(identity, known))
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is no classifier on features: {error}.") from error
