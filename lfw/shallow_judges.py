"""Shallow measures of how alike two faces are, as baselines of verification.

Eigenfaces: M. Turk and A. Pentland, "Eigenfaces for recognition", Journal of Cognitive Neuroscience
3 (1991). Gradients: :mod:`lfw.hog`, whitened by the within-class covariance: A. O. Hatch, S.
Kajarekar and A. Stolcke, "Within-class covariance normalization for SVM-based speaker recognition",
Interspeech (2006).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from sklearn.decomposition import PCA

from lfw.baselines import Features, grey_features
from lfw.hog import hog_features
from lfw.images import read_rgb
from lfw.spread import Spread
from lfw.threads import Progress, in_threads

_EIGENFACES, _GRADIENTS = 120, 400
"""Most principal components."""

Faces = NDArray[np.float32]


class Learned(Protocol):
    """Turns what was measured of images, of shape (n, d), into vectors (n, k)."""

    def transform(self, faces: Faces) -> NDArray[np.floating]:
        """Give the vectors, whose cosine says how alike two images are."""


@dataclass(frozen=True)
class ShallowJudge:
    """A measure.

    Attributes
    ----------
    features
        Measures raw images of shape (n, 250, 250, 3): a row of d numbers each.
    learn
        Learns from rows (n, d), the people's names and a seed.
    words, of_names
        What it is, and what names have to do with it.
    """

    features: Features
    learn: Callable[[Faces, Sequence[str], int], Learned]
    words: str
    of_names: str


def read_faces(
    image_folder: Path, paths: Sequence[str], features: Features, progress: Progress | None = None
) -> Faces:
    """Measure images, one row an image.

    Parameters
    ----------
    image_folder
        The folder of people's folders.
    paths
        Image paths from there.
    features
        Measures images.
    progress
        Told how many of how many were read.
    """

    def read(path: str) -> Faces:
        row: Faces = features(read_rgb(image_folder / path)[np.newaxis])[0]
        return row

    return np.stack(list(in_threads(read, paths, progress)))


def learn_eigenfaces(faces: Faces, names: Sequence[str], seed: int) -> Learned:  # noqa: ARG001
    """Learn at most 120 whitened components; names play no part.

    Parameters
    ----------
    faces
        What :func:`read_faces` gave, of shape (n, d).
    names
        Whose they are, of length n.
    seed
        For randomised linear algebra.
    """
    found: Learned = _components(faces, _EIGENFACES, seed, whiten=True).fit(faces)
    return found


def learn_gradients(faces: Faces, names: Sequence[str], seed: int) -> Learned:
    """Learn at most 400 components, whitened by the covariance around each person's own mean.

    Parameters are those of :func:`learn_eigenfaces`.

    Raises
    ------
    ValueError
        If nobody is there twice.
    """
    components = _components(faces, _GRADIENTS, seed, whiten=False).fit(faces)
    covariance = Spread.of(components.transform(faces), names).covariance
    lower = linalg.cholesky(covariance + _ridge(covariance), lower=True)
    return _Whitened(components, lower)


@dataclass(frozen=True)
class _Whitened:
    components: PCA
    lower: NDArray[np.float64]

    def transform(self, faces: Faces) -> NDArray[np.float64]:
        projected = self.components.transform(faces)
        whitened = linalg.solve_triangular(self.lower, projected.T, lower=True)
        return np.asarray(whitened.T, dtype=np.float64)


def _ridge(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep directions of few images' spread from counting without bound."""
    return np.eye(len(covariance)) * (1e-3 * float(np.diag(covariance).mean()))


def _components(faces: Faces, most: int, seed: int, *, whiten: bool) -> PCA:
    count = min(most, len(faces) - 1, faces.shape[1])
    return PCA(count, whiten=whiten, svd_solver="randomized", random_state=seed)


def mirrored_gradients(pixels: NDArray[np.uint8]) -> Faces:
    """Histograms of oriented gradients, averaged with those of the mirror image."""
    mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
    return np.asarray((hog_features(pixels) + hog_features(mirrored)) / 2, dtype=np.float32)


SHALLOW_JUDGES: dict[str, ShallowJudge] = {
    "eigenfaces": ShallowJudge(
        grey_features, learn_eigenfaces, "Eigenfaces", "their names play no part"
    ),
    "hog": ShallowJudge(
        mirrored_gradients,
        learn_gradients,
        "Histograms of oriented gradients, whitened by the within-class covariance",
        "their names tell what varies within a person",
    ),
}
"""By name."""
