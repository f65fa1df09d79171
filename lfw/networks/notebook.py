"""The network of the notebook that this project replaces, unchanged."""

import keras
from keras import layers

from lfw.augment import Augmentation
from lfw.networks import SHAPE, Recipe


def recipe() -> Recipe:
    """Give the notebook's network, augmentation and fit.

    It keeps the last epoch, as the notebook does, with no early stopping.
    """
    return Recipe(
        epochs=14,
        batch_size=32,
        least_steps=1,
        patience=None,
        augmentation=Augmentation(shear=0.2, zoom=0.2, flip=True),
        preprocess=lambda: keras.Sequential([keras.Input(SHAPE), layers.Identity()]),
        core=_core,
        compile=_compile,
    )


def _core(classes: int) -> keras.Model:
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


def _compile(core: keras.Model, _steps: int, _epochs: int) -> None:
    core.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
