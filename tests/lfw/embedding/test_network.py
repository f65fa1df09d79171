"""The embedding sees the face, whichever way it looks, in vectors of unit length."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from lfw.embedding import network
from lfw.images import FACE
from lfw.layers import ColourCrop
from lfw.networks.asking import ask
from tests.lfw.embedding.conftest import PIXELS

PART = network.DIMENSIONS // network.VIEWS


def middle(wide: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = network.MARGIN
    return wide[:, rows:-rows, columns:-columns]


def test_face_is_in_the_middle_of_its_margin() -> None:
    wide = np.asarray(network.preprocess()(PIXELS))
    assert wide.shape == (4, *network.WIDE, 3)
    assert set(np.unique(wide % 1)) == {0}
    rows, columns = FACE
    face = ColourCrop(rows.start, columns.start, 132, 114, 112, 96)(PIXELS)
    apart = np.abs(middle(wide) - np.asarray(face))
    assert apart[:, 1:-1, 1:-1].max() <= 1  # edges see past themselves


def test_untrained_alignment_cuts_the_middle_out() -> None:
    wide = network.preprocess()(PIXELS)
    assert np.array_equal(np.asarray(network.alignment()(wide)), middle(np.asarray(wide)))


def test_alignment_of_an_embedding_is_copied(untrained: keras.Model) -> None:
    aligned, inside = network.alignment_of(untrained), untrained.get_layer("alignment")
    assert aligned is not inside
    for copied, given in zip(aligned.get_weights(), inside.get_weights(), strict=True):
        assert np.array_equal(copied, given)
    wide = network.preprocess()(PIXELS)
    assert np.array_equal(np.asarray(aligned(wide)), np.asarray(inside(wide)))
    assert not np.array_equal(np.asarray(inside(wide)), middle(np.asarray(wide)))


def test_embedding_of_an_earlier_version_has_an_alignment_that_moves_nothing(
    untrained: keras.Model,
) -> None:
    views = untrained.get_layer("views")
    pixels = keras.Input((250, 250, 3))
    crop = ColourCrop(FACE[0].start, FACE[1].start, 132, 114, 112, 96)
    earlier = keras.Model(pixels, network.joined_views(views, crop(pixels)))
    aligned = network.alignment_of(earlier)
    assert [np.abs(weights).max() for weights in aligned.get_weights()] == [0, 0]


def test_each_view_gives_its_part_of_the_vector(untrained: keras.Model) -> None:
    views = untrained.get_layer("views")
    assert [output.shape for output in views.outputs] == [(None, PART)] * network.VIEWS
    face = middle(np.asarray(network.preprocess()(PIXELS)))
    joined = np.asarray(network.joined_views(views, face))
    for part, view in zip(np.split(joined, network.VIEWS, axis=1), views(face), strict=True):
        plain = np.asarray(view)
        unit = plain / np.linalg.norm(plain, axis=1, keepdims=True)
        assert part == pytest.approx(unit, abs=1e-5)


def test_embedding_is_the_mean_of_a_face_and_its_mirror_image(untrained: keras.Model) -> None:
    views = untrained.get_layer("views")
    face = np.asarray(untrained.get_layer("alignment")(network.preprocess()(PIXELS)))
    both = [np.asarray(network.joined_views(views, x)) for x in (face, face[:, :, ::-1])]
    found = np.asarray(untrained(PIXELS))
    assert found.shape == (4, network.DIMENSIONS)
    assert found == pytest.approx((both[0] + both[1]) / 2, abs=1e-5)
    assert not np.allclose(both[0], both[1], atol=1e-2)


def test_mirrored_image_has_the_same_vector_where_nothing_is_moved(untrained: keras.Model) -> None:
    still = network.embedding(untrained.get_layer("views"))
    first, other = (np.asarray(still(x)) for x in (PIXELS, PIXELS[:, :, ::-1]))
    assert (first * other).sum(axis=1) / (first * first).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert not np.allclose(first[0], first[1], atol=1e-2)


def test_what_lies_around_the_margin_does_not_count(untrained: keras.Model) -> None:
    painted = PIXELS.copy()
    painted[:, :25] = 0
    painted[:, :, 202:] = 255
    assert np.array_equal(np.asarray(untrained(painted)), np.asarray(untrained(PIXELS)))


def test_a_few_images_and_many_have_the_same_vectors(untrained: keras.Model) -> None:
    many = ask(untrained, np.concatenate([PIXELS] * 8))
    assert many[:4] == pytest.approx(np.asarray(untrained(PIXELS)), abs=1e-4)
    assert many[:2] == pytest.approx(np.asarray(untrained(PIXELS[:2])), abs=1e-4)
