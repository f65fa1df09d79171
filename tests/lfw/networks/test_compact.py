"""The compact network sees the face alone, and little of it is learned."""

import keras
import numpy as np
import pytest

from lfw.images import FACE
from lfw.networks import Recipe, recipe_of
from tests.lfw.bad_images import drawn


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return recipe_of("compact")


def test_preprocessing_sees_the_face_alone(recipe: Recipe) -> None:
    image = drawn()
    elsewhere = np.zeros_like(image)
    elsewhere[FACE] = image[FACE]
    inside = image.copy()
    inside[FACE[0].start, FACE[1].start] ^= 255
    last = image.copy()
    last[FACE[0].stop - 1, FACE[1].stop - 1] ^= 255
    whole, same, first, end = np.asarray(
        recipe.preprocess()(np.stack([image, elsewhere, inside, last]))
    )
    assert whole.shape == (112, 96, 1)
    assert np.array_equal(whole, same)
    assert (whole[0, 0] != first[0, 0]).all()
    assert (whole[-1, -1] != end[-1, -1]).all()


def test_preprocessing_gives_whole_values_of_a_byte(recipe: Recipe) -> None:
    pixels = np.stack([drawn(), np.full((250, 250, 3), 255, np.uint8)])
    found = np.asarray(recipe.preprocess()(pixels))
    assert np.array_equal(found, found.astype(np.uint8))


def test_network_is_small(recipe: Recipe) -> None:
    assert recipe.core(6).count_params() < 1_000_000


def test_learning_rate_falls_over_the_whole_fit(recipe: Recipe) -> None:
    core = recipe.core(3)
    recipe.compile(core, 10, 20)
    rate = core.optimizer._learning_rate  # the schedule; the public one is its present value
    assert float(rate(0)) == pytest.approx(1e-3)
    assert float(rate(200)) == pytest.approx(1e-5)
    assert isinstance(core.loss, keras.losses.CategoricalCrossentropy)


def test_a_pass_in_one_call_learns_what_its_steps_would() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 112, 96, 1)).astype(np.float32)
    classes = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
    learned = []
    for at_once in (3, 1):
        keras.utils.set_random_seed(0)
        core = recipe_of("compact").core(3)
        recipe_of("compact").compile(core, 3, 2)
        assert core.steps_per_execution == 3
        core.steps_per_execution = at_once
        core.fit(images, classes, batch_size=4, epochs=2, shuffle=False, verbose=0)
        learned.append(core.get_weights())
    for one, other in zip(*learned, strict=True):
        np.testing.assert_array_equal(one, other)
