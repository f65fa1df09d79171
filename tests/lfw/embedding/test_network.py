"""The embedding sees the face, whichever way it looks, in vectors of unit length."""

import keras
import numpy as np
import pytest

from lfw.embedding import network
from tests.lfw.embedding.conftest import PIXELS

PART = network.DIMENSIONS // network.VIEWS


def test_face_and_face_with_margin_are_of_one_scale() -> None:
    face = np.asarray(network.preprocess()(PIXELS))
    wide = np.asarray(network.preprocess(margin=True)(PIXELS))
    assert face.shape == (4, 112, 96, 3)
    assert wide.shape == (4, 168, 128, 3)
    rows, columns = network.MARGIN
    middle = wide[:, rows:-rows, columns:-columns]
    assert np.abs(middle - face)[:, 1:-1, 1:-1].max() <= 1  # edges see past themselves
    assert set(np.unique(face % 1)) == {0}


def test_each_view_gives_its_part_of_the_vector(untrained: keras.Model) -> None:
    views = untrained.get_layer("views")
    assert [output.shape for output in views.outputs] == [(None, PART)] * network.VIEWS
    face = network.preprocess()(PIXELS)
    joined = np.asarray(network.joined_views(views, face))
    for part, view in zip(np.split(joined, network.VIEWS, axis=1), views(face), strict=True):
        plain = np.asarray(view)
        unit = plain / np.linalg.norm(plain, axis=1, keepdims=True)
        assert part == pytest.approx(unit, abs=1e-5)


def test_embedding_is_the_mean_of_a_face_and_its_mirror_image(untrained: keras.Model) -> None:
    views = untrained.get_layer("views")
    face = np.asarray(network.preprocess()(PIXELS))
    both = [np.asarray(network.joined_views(views, x)) for x in (face, face[:, :, ::-1])]
    found = np.asarray(untrained(PIXELS))
    assert found.shape == (4, network.DIMENSIONS)
    assert found == pytest.approx((both[0] + both[1]) / 2, abs=1e-5)
    assert not np.allclose(both[0], both[1], atol=1e-2)


def test_mirrored_image_has_the_same_vector(untrained: keras.Model) -> None:
    first, other = (np.asarray(untrained(x)) for x in (PIXELS, PIXELS[:, :, ::-1]))
    assert (first * other).sum(axis=1) / (first * first).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert not np.allclose(first[0], first[1], atol=1e-2)


def test_what_lies_around_the_face_does_not_count(untrained: keras.Model) -> None:
    painted = PIXELS.copy()
    painted[:, :58] = 0
    painted[:, :, 182:] = 255
    assert np.array_equal(np.asarray(untrained(painted)), np.asarray(untrained(PIXELS)))
