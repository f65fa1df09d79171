"""The notebook's network is the notebook's, layer by layer."""

import keras
import numpy as np
import pytest

from lfw.augment import Augmentation
from lfw.networks import recipe_of
from tests.lfw.bad_images import drawn


@pytest.fixture(scope="module")
def core() -> keras.Model:
    return recipe_of("notebook").core(6)


def test_layers_are_the_notebooks(core: keras.Model) -> None:
    kinds = [type(layer).__name__ for layer in core.layers]
    assert kinds == ["Rescaling", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense"]
    rescaling, convolution, pooling, _, hidden, last = core.layers
    assert core.input_shape == (None, 250, 250, 3)
    assert rescaling.scale == pytest.approx(1 / 255)
    assert rescaling.offset == 0
    assert (convolution.filters, convolution.kernel_size) == (32, (3, 3))
    assert (convolution.strides, convolution.padding) == ((1, 1), "valid")
    assert (pooling.pool_size, pooling.strides, pooling.padding) == ((2, 2), (2, 2), "valid")
    assert (hidden.units, last.units) == (128, 6)
    activations = [layer.activation.__name__ for layer in (convolution, hidden, last)]
    assert activations == ["relu", "relu", "softmax"]
    assert all(layer.use_bias for layer in (convolution, hidden, last))


def test_number_of_weights_is_the_notebooks(core: keras.Model) -> None:
    flat = 124 * 124 * 32
    assert core.count_params() == (3 * 3 * 3 + 1) * 32 + (flat + 1) * 128 + (128 + 1) * 6


def test_fit_is_the_notebooks() -> None:
    recipe = recipe_of("notebook")
    assert (recipe.epochs, recipe.batch_size) == (14, 32)
    assert recipe.patience is None
    assert recipe.least_steps == 1
    assert recipe.augmentation == Augmentation(
        shift=0, rotate=0, shear=0.2, zoom=0.2, flip=True, contrast=0, brightness=0
    )


def test_optimiser_and_loss_are_the_notebooks(core: keras.Model) -> None:
    recipe_of("notebook").compile(core, 1, 10)
    assert type(core.optimizer) is keras.optimizers.Adam
    assert float(core.optimizer.learning_rate) == pytest.approx(0.001)
    assert core.loss == "categorical_crossentropy"


def test_preprocessing_leaves_pixels_alone() -> None:
    pixels = drawn()[None]
    assert np.array_equal(np.asarray(recipe_of("notebook").preprocess()(pixels)), pixels)
