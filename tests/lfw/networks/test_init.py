"""Every network that can be asked for is there, and fits the others' shape."""

from typing import get_args

import keras
import numpy as np
import pytest

from lfw.fields import Model
from lfw.networks import SHAPE, join, network_module, recipe_of
from lfw.parameters import MODELS
from tests.lfw.bad_images import drawn

NETWORKS = ("compact", "notebook")


def test_models_are_the_choices_of_the_parameter() -> None:
    assert get_args(get_args(Model)[0]) == MODELS


@pytest.mark.parametrize("name", NETWORKS)
def test_network_takes_pixels_and_gives_probabilities(name: str) -> None:
    recipe = recipe_of(name)
    preprocess, core = recipe.preprocess(), recipe.core(4)
    assert not preprocess.weights
    assert preprocess.input_shape == (None, *SHAPE) == (None, 250, 250, 3)
    assert preprocess.output_shape == core.input_shape
    model = join(preprocess, core)
    assert model.input_shape == (None, *SHAPE)
    assert model.output_shape == (None, 4)
    found = np.asarray(model(np.stack([drawn(1), drawn(2), drawn(3)])))
    assert found.shape == (3, 4)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (found >= 0).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_recipe_compiles(name: str) -> None:
    recipe = recipe_of(name)
    core = recipe.core(3)
    recipe.compile(core, 1, 100)
    assert core.optimizer is not None
    assert recipe.epochs >= 1
    assert recipe.batch_size >= 1
    assert recipe.least_steps >= 1


def test_joined_model_is_core_after_preprocess() -> None:
    recipe = recipe_of("compact")
    preprocess, core = recipe.preprocess(), recipe.core(3)
    pixels = np.stack([drawn(1), drawn(2)])
    expected = np.asarray(core(preprocess(pixels)))
    assert np.asarray(join(preprocess, core)(pixels)) == pytest.approx(expected, abs=1e-6)


def test_unknown_network_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"lfw\.networks\.nothing"):
        recipe_of("nothing")


def test_network_module_is_where_the_recipe_is() -> None:
    for name in NETWORKS:
        assert network_module(name) == recipe_of(name).preprocess.__module__
    assert isinstance(recipe_of("compact").core(2), keras.Model)
