"""Networks, one module each: what each does to pixels, how it is built, and how it is fitted.

A network is two parts. `preprocess` takes raw pixels (0 to 255, 250x250 RGB) and has no weights; it
runs once over the training images, which are then augmented. `core` takes what comes out of it.
Joined, they are the one model that is evaluated, registered and served: pixels go the same way
everywhere.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import keras

from lfw.augment import Augmentation
from lfw.images import SIZE

SHAPE = (SIZE, SIZE, 3)


@dataclass(frozen=True)
class Recipe:
    """How a network is built and fitted.

    Attributes
    ----------
    epochs, batch_size
        Passes over the training images at most, and images a step.
    least_steps
        Least steps of an epoch: a small training set is passed over several times in one.
    patience
        Epochs without a better validation loss after which the fit ends and the best weights are
        kept; None fits all epochs and keeps the last.
    augmentation
        How training images are changed.
    preprocess, core
        Build the two parts; `core` takes the number of classes.
    compile
        Sets the core's optimiser and loss; takes the number of steps of an epoch, and of epochs.
    """

    epochs: int
    batch_size: int
    least_steps: int
    patience: int | None
    augmentation: Augmentation
    preprocess: Callable[[], keras.Model]
    core: Callable[[int], keras.Model]
    compile: Callable[[keras.Model, int, int], None]


def recipe_of(name: str) -> Recipe:
    """Give a network's recipe by its name, one of :data:`lfw.parameters.MODELS`.

    Raises
    ------
    ModuleNotFoundError
        If there is no such network.
    """
    recipe: Recipe = importlib.import_module(network_module(name)).recipe()
    return recipe


def network_module(name: str) -> str:
    """Give the module that a network is defined in."""
    return f"lfw.networks.{name}"


def join(preprocess: keras.Model, core: keras.Model) -> keras.Model:
    """Put the core behind the preprocessing: one model on raw pixels."""
    pixels = keras.Input(SHAPE, name="pixels")
    return keras.Model(pixels, core(preprocess(pixels)))
