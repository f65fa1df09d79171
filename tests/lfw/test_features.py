"""A classifier on features is plain numbers: the same when read, and nothing else is read."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lfw.errors import DataError
from lfw.features import FEATURES, FeatureClassifier
from lfw.hog import hog_features
from lfw.linear import Head, Linear
from tests.lfw.bad_images import drawn

RNG = np.random.default_rng(0)


def linear(size: int, classes: int) -> Linear:
    return Linear(
        RNG.normal(size=(size, classes)).astype(np.float32),
        RNG.normal(size=classes).astype(np.float32),
    )


CLOSED = FeatureClassifier("hog", Head(linear(5148, 3), None))
OPEN = FeatureClassifier("hog", Head(CLOSED.head.identity, linear(5148, 4)))
BOTH = pytest.mark.parametrize("classifier", [CLOSED, OPEN], ids=["closed", "open"])


@BOTH
def test_read_classifier_is_the_written_one(classifier: FeatureClassifier, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    classifier.save(path)
    again = FeatureClassifier.load(path)
    assert again.features == "hog"
    assert again.digest == classifier.digest
    assert (again.head.known is None) == (classifier.head.known is None)
    pixels = np.stack([drawn(1), drawn(2)])
    assert np.array_equal(again.predict(pixels), classifier.predict(pixels))


@BOTH
def test_answer_is_that_of_the_head_on_the_features(classifier: FeatureClassifier) -> None:
    pixels = np.stack([drawn(1), drawn(2)])
    found = classifier.predict(pixels)
    assert found.shape == (2, 3)
    assert np.array_equal(found, classifier.head.probabilities(hog_features(pixels)))


def test_features_are_measured_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_pixel(pixels: np.ndarray) -> np.ndarray:
        return pixels[:, 0, 0, :1].astype(np.float32)

    monkeypatch.setitem(FEATURES, "first", first_pixel)
    sure = Linear(np.array([[1, -1]], np.float32), np.zeros(2, np.float32))
    pixels = np.zeros((2, 250, 250, 3), np.uint8)
    pixels[1, 0, 0, 0] = 100
    found = FeatureClassifier("first", Head(sure, None)).predict(pixels)
    assert found.tolist() == [[0.5, 0.5], [1, pytest.approx(0)]]


def test_digest_notices_every_number() -> None:
    changed = dataclasses.replace(OPEN.head.identity, bias=OPEN.head.identity.bias + 1e-3)
    others = [
        CLOSED,
        dataclasses.replace(OPEN, features="dlib"),
        FeatureClassifier("hog", Head(changed, OPEN.head.known)),
        FeatureClassifier("hog", Head(linear(5148, 3), OPEN.head.known)),
        FeatureClassifier("hog", Head(OPEN.head.identity, linear(5148, 4))),
    ]
    assert len({OPEN.digest, *(other.digest for other in others)}) == 6


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04" + bytes(50)])
def test_other_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.npz is no classifier on features"):
        FeatureClassifier.load(path)


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(DataError, match="no classifier on features"):
        FeatureClassifier.load(path)
    OPEN.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="no classifier on features"):
        FeatureClassifier.load(path)


def test_objects_with_code_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    values = {name: values.astype(object) for name, values in CLOSED.arrays.items()}
    np.savez(path, allow_pickle=True, features=np.array("hog"), **values)
    with pytest.raises(DataError, match="no classifier on features"):
        FeatureClassifier.load(path)


def test_file_without_a_head_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, features=np.array("hog"))
    with pytest.raises(DataError, match="identity_weights"):
        FeatureClassifier.load(path)
