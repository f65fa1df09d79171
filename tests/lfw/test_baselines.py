"""The classical methods learn what can be learned, and stay upright where little is given."""

from pathlib import Path

import numpy as np
import pytest

from lfw.baselines import BASELINES, grey_features, predict_baseline
from lfw.hog import hog_features
from tests.lfw.drawn_people import PEOPLE, Divided, divided

LEARNING = sorted(set(BASELINES) - {"majority"})


@pytest.fixture(scope="module")
def faces(sample_folder: Path) -> Divided:
    return divided(sample_folder)


def test_majority_answers_the_most_frequent(faces: Divided) -> None:
    labels = np.array([4, 2, 2, 0, 2, 4])
    answers = predict_baseline("majority", faces.train.pixels[:6], labels, faces.test.pixels, 0)
    assert answers.shape == faces.test.labels.shape
    assert answers.dtype == np.int64
    assert set(answers) == {2}


@pytest.mark.parametrize("name", LEARNING)
def test_faces_are_told_apart(faces: Divided, name: str) -> None:
    answers = predict_baseline(name, *faces.train, faces.test.pixels, seed=0)
    assert len(faces.test.labels) == 4 * PEOPLE
    assert (answers == faces.test.labels).mean() > 0.5  # chance is one in six


@pytest.mark.parametrize("name", LEARNING)
def test_answers_do_not_change_from_run_to_run(faces: Divided, name: str) -> None:
    first = predict_baseline(name, *faces.train, faces.test.pixels, seed=3)
    second = predict_baseline(name, *faces.train, faces.test.pixels, seed=3)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("each", [2, 3])
def test_few_images_are_enough_to_run(faces: Divided, name: str, each: int) -> None:
    chosen = np.concatenate([np.flatnonzero(faces.train.labels == k)[:each] for k in (0, 1)])
    answers = predict_baseline(
        name, faces.train.pixels[chosen], faces.train.labels[chosen], faces.test.pixels, seed=0
    )
    assert set(answers) <= {0, 1}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_images_without_contrast_do_not_stop_a_baseline(faces: Divided) -> None:
    grey = np.full_like(faces.train.pixels[:8], 128)
    for name in BASELINES:
        labels = np.array([0, 1] * 4)
        assert len(predict_baseline(name, grey, labels, faces.test.pixels[:3], seed=0)) == 3


def test_features_are_of_the_face_alone(faces: Divided) -> None:
    pixels = faces.test.pixels[:3]
    painted = pixels.copy()
    painted[:, :50] = 0
    painted[:, 195:] = 255
    painted[:, :, :60] = 90
    painted[:, :, 190:] = 7
    for features in (grey_features, hog_features):
        assert np.array_equal(features(painted), features(pixels))
    assert grey_features(pixels).shape == (3, 56 * 48)
    assert hog_features(pixels).shape == (3, 13 * 11 * 4 * 9)
