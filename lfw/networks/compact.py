"""A small network on oriented gradients: fixed arithmetic first, then one convolution.

What is learned from some hundred images is little: a 3x3 convolution, an embedding and a softmax.
The gradients before it, which need no learning, are those of N. Dalal and B. Triggs, "Histograms of
oriented gradients for human detection", CVPR (2005), with the square root of R. Arandjelovic and
A. Zisserman, "Three things everyone should know to improve object retrieval", CVPR (2012).
"""

import keras
from keras import layers

from lfw.augment import Augmentation
from lfw.images import FACE
from lfw.layers import GreyCrop, OrientedGradients
from lfw.networks import SHAPE, Recipe

_HEIGHT, _WIDTH = 112, 96


def recipe() -> Recipe:
    """Give the network, its augmentation and its fit."""
    return Recipe(
        epochs=60,
        batch_size=32,
        least_steps=9,
        patience=20,
        augmentation=Augmentation(
            shift=4.0, rotate=8.0, zoom=0.1, flip=True, contrast=0.2, brightness=0.15
        ),
        preprocess=_preprocess,
        core=_core,
        compile=_compile,
    )


def _preprocess() -> keras.Model:
    crop = GreyCrop(
        FACE[0].start, FACE[1].start, _extent(FACE[0]), _extent(FACE[1]), _HEIGHT, _WIDTH
    )
    return keras.Sequential([keras.Input(SHAPE), crop])


def _extent(part: slice) -> int:
    return int(part.stop - part.start)


def _core(classes: int) -> keras.Model:
    def normalise() -> keras.Layer:
        # Few steps are taken: with the usual momentum the running means would not settle.
        return layers.BatchNormalization(momentum=0.9)

    return keras.Sequential(
        [
            keras.Input((_HEIGHT, _WIDTH, 1)),
            OrientedGradients(),
            normalise(),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            normalise(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(128, use_bias=False),
            normalise(),
            layers.Dense(classes, activation="softmax"),
        ],
        name="compact",
    )


def _compile(core: keras.Model, steps: int, epochs: int) -> None:
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps * epochs, alpha=0.01)
    core.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-2),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
        steps_per_execution=steps,  # a step is so short that Python's part would be a tenth of it
        jit_compile=False,  # compiled (XLA), a step takes longer than it does in oneDNN's kernels
    )
