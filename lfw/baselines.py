"""Classical methods on the same split, so that no network is shown without them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from lfw.hog import hog_features
from lfw.images import CENTRE, grey_crops

_COMPONENTS_EIGENFACES = 120
_COMPONENTS_HOG = 200

Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def grey_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey values of the centre at 56x48, one row an image of shape (n, 2688)."""
    return grey_crops(pixels, CENTRE, 56, 48).reshape(len(pixels), -1)


def _majority(_images: int, _seed: int) -> Pipeline:
    return make_pipeline(DummyClassifier(strategy="most_frequent"))


def _eigenfaces(images: int, seed: int) -> Pipeline:
    """Eigenfaces and an SVM: M. Turk and A. Pentland, J. Cognitive Neuroscience 3 (1991)."""
    components = min(_COMPONENTS_EIGENFACES, images - 1)
    return make_pipeline(
        PCA(components, whiten=True, svd_solver="randomized", random_state=seed),
        SVC(C=10, gamma=0.004, class_weight="balanced"),
    )


def _hog_lda(images: int, seed: int) -> Pipeline:
    components = min(_COMPONENTS_HOG, images - 1)
    return make_pipeline(
        PCA(components, random_state=seed),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    )


BASELINES: dict[str, tuple[Features, Callable[[int, int], Pipeline]]] = {
    "majority": (grey_features, _majority),
    "eigenfaces_svm": (grey_features, _eigenfaces),
    "hog_lda": (hog_features, _hog_lda),
}
"""By name: what is measured of an image, and what is fitted to it."""


def predict_baseline(
    name: str,
    train: NDArray[np.uint8],
    train_labels: NDArray[np.int64],
    test: NDArray[np.uint8],
    seed: int,
) -> NDArray[np.int64]:
    """Fit a baseline and predict.

    Parameters
    ----------
    name
        One of :data:`BASELINES`.
    train, test
        Images of shape (n, 250, 250, 3). Baselines are tuned on nothing, so training and
        validation images are given together.
    train_labels
        Class numbers of shape (n,).
    seed
        For randomised linear algebra.

    Returns
    -------
    ndarray of shape (len(test),)
        Predicted class numbers.
    """
    features, build = BASELINES[name]
    classifier = build(len(train), seed)
    classifier.fit(features(train), train_labels)
    return np.asarray(classifier.predict(features(test)), dtype=np.int64)
