"""Linear discriminants come out as scikit-learn's own."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lfw.discriminants import linear_discriminants

Sample = tuple[NDArray[np.float64], NDArray[np.int64]]


def people(images: int, dimensions: int, classes: int, seed: int = 0) -> Sample:
    """Everybody has two images or more; dimensions differ a hundredfold in their spread."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    labels[: 2 * classes] = np.repeat(np.arange(classes), 2)
    spread = np.geomspace(0.1, 10, dimensions)
    means = rng.normal(size=(classes, dimensions)) * spread
    return means[labels] + rng.normal(size=(images, dimensions)) * spread, labels


def scores_of_scikit_learn(sample: Sample) -> NDArray[np.float64]:
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(*sample)
    return np.asarray(sample[0] @ model.coef_.T + model.intercept_)


@pytest.mark.parametrize(
    ("images", "dimensions", "classes"), [(60, 5, 3), (60, 40, 4), (90, 200, 6), (300, 120, 100)]
)
def test_scores_are_those_of_scikit_learn(images: int, dimensions: int, classes: int) -> None:
    sample = people(images, dimensions, classes)
    wanted = scores_of_scikit_learn(sample)
    found = linear_discriminants(*sample).scores(sample[0])
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_of_two_classes_the_difference_is_that_of_scikit_learn() -> None:
    sample = people(50, 30, 2)
    found = linear_discriminants(*sample).scores(sample[0])
    wanted = scores_of_scikit_learn(sample)[:, 0]
    np.testing.assert_allclose(found[:, 1] - found[:, 0], wanted, atol=1e-5 * np.abs(wanted).max())


def test_much_larger_shares_and_single_precision_make_no_difference() -> None:
    vectors, labels = people(400, 20, 3)
    labels[6:] = np.where(np.arange(394) < 350, 0, labels[6:])
    sample = vectors.astype(np.float32), labels
    wanted = scores_of_scikit_learn((vectors, labels))
    found = linear_discriminants(*sample).scores(sample[0])
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.filterwarnings("ignore:Only one sample available")
def test_a_person_of_one_image_and_a_dimension_without_spread() -> None:
    vectors, labels = people(40, 6, 3)
    vectors = np.concatenate([vectors, vectors[:1] + 5])
    labels = np.concatenate([labels, [3]])
    vectors[:, 4] = 2.5
    wanted = scores_of_scikit_learn((vectors, labels))
    found = linear_discriminants(vectors, labels).scores(vectors)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_without_any_spread_the_nearest_direction_is_taken() -> None:
    vectors = np.repeat(np.eye(3), 2, axis=0)
    labels = np.repeat(np.arange(3), 2)
    found = linear_discriminants(vectors, labels)
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.bias).all()
