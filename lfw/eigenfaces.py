"""Eigenfaces: the classical measure of how alike two faces are, as a baseline of verification.

Source: M. Turk and A. Pentland, "Eigenfaces for recognition", Journal of Cognitive Neuroscience 3
(1991).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from lfw.baselines import grey_features
from lfw.images import read_rgb
from lfw.threads import Progress, in_threads

COMPONENTS = 120

Faces = NDArray[np.float32]


def read_faces(image_folder: Path, paths: Sequence[str], progress: Progress | None = None) -> Faces:
    """Read the grey centres of images, one row an image of shape (n, 2688).

    Parameters
    ----------
    image_folder
        The folder of people's folders.
    paths
        Image paths from there.
    progress
        Told how many of how many were read.
    """

    def read(path: str) -> Faces:
        row: Faces = grey_features(read_rgb(image_folder / path)[np.newaxis])[0]
        return row

    return np.stack(list(in_threads(read, paths, progress)))


def learn_eigenfaces(faces: Faces, seed: int) -> PCA:
    """Learn at most 120 whitened components from faces of shape (n, d); names play no part.

    Parameters
    ----------
    faces
        What :func:`read_faces` gave.
    seed
        For randomised linear algebra.
    """
    components = min(COMPONENTS, len(faces) - 1, faces.shape[1])
    return PCA(components, whiten=True, svd_solver="randomized", random_state=seed).fit(faces)
