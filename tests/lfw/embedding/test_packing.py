"""A packed classifier answers as its head does on the embedding's vectors."""

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from lfw.embedding.packing import pack_classifier
from lfw.linear import Head, Linear
from lfw.serving import load_model, predict, save_model
from tests.lfw.embedding.conftest import PIXELS


@pytest.fixture(scope="module")
def vectors(untrained: keras.Model) -> NDArray[np.float32]:
    return np.asarray(untrained(PIXELS))


def linear(vectors: NDArray[np.float32], classes: int) -> Linear:
    """Random, and of two minds about these vectors."""
    weights = np.random.default_rng(classes).normal(size=(vectors.shape[1], classes))
    bias = -(vectors @ weights).mean(axis=0)
    return Linear(weights.astype(np.float32), bias.astype(np.float32))


def test_packed_network_answers_as_the_head_and_is_read_safely(
    untrained: keras.Model, vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    head = Head(linear(vectors, 3), linear(vectors, 4))
    expected = head.probabilities(vectors)
    packed = pack_classifier(untrained, head)
    assert predict(packed, PIXELS) == pytest.approx(expected, abs=1e-5)
    again = load_model(save_model(packed, tmp_path))
    assert predict(again, PIXELS) == pytest.approx(expected, abs=1e-5)
    assert again.input_shape == (None, 250, 250, 3)
    assert again.output_shape == (None, 3)
    assert np.ptp(expected, axis=0).max() > 0.1  # the images are told apart
    assert expected.sum(axis=1).max() < 0.99


def test_embedding_may_be_packed_twice(
    untrained: keras.Model, vectors: NDArray[np.float32]
) -> None:
    heads = [Head(linear(vectors, 2), None), Head(linear(vectors, 5), linear(vectors, 6))]
    packed = [pack_classifier(untrained, head) for head in heads]
    for model, head in zip(packed, heads, strict=True):
        assert np.asarray(model(PIXELS)) == pytest.approx(head.probabilities(vectors), abs=1e-5)
