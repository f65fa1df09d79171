"""Networks by name: what each does to pixels, how it is built, and how it is fitted.

A model is two parts. `preprocess` takes raw pixels (0 to 255, 250x250 RGB) and has no weights; it
runs once over the training images, which are then augmented. `core` takes what comes out of it.
Joined, they are the one model that is evaluated, registered and served: pixels go the same way
everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

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
    patience
        Epochs without a better validation loss after which the fit ends and the best weights are
        kept; None fits all epochs and keeps the last.
    augmentation
        How training images are changed.
    preprocess, core
        Build the two parts; `core` takes the number of classes.
    join
        Builds the model on raw pixels from both parts.
    compile
        Sets the core's optimiser and loss; takes the number of steps of the whole fit.
    """

    epochs: int
    batch_size: int
    patience: int | None
    augmentation: Augmentation
    preprocess: Callable[[], keras.Model]
    core: Callable[[int], keras.Model]
    join: Callable[[keras.Model, keras.Model], keras.Model]
    compile: Callable[[keras.Model, int], None]


def notebook_recipe() -> Recipe:
    """Give the notebook's network, augmentation and fit, unchanged.

    It keeps the last epoch, as the notebook does, with no early stopping.
    """
    return Recipe(
        epochs=14,
        batch_size=32,
        patience=None,
        augmentation=Augmentation(shear=0.2, zoom=0.2, flip=True),
        preprocess=lambda: keras.Sequential([keras.Input(SHAPE), layers.Identity()]),
        core=_notebook_core,
        join=join_plainly,
        compile=_compile_plainly,
    )


def _notebook_core(classes: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="notebook",
    )


def _compile_plainly(core: keras.Model, _steps: int) -> None:
    core.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])


def join_plainly(preprocess: keras.Model, core: keras.Model) -> keras.Model:
    """Put the core behind the preprocessing."""
    pixels = keras.Input(SHAPE, name="pixels")
    return keras.Model(pixels, core(preprocess(pixels)))


RECIPES: dict[str, Callable[[], Recipe]] = {"notebook": notebook_recipe}
"""What :data:`lfw.parameters.MODELS` names."""
