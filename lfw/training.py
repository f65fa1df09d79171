"""Fitting a network to a split."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from lfw.batches import untuned
from lfw.networks import Recipe, join, recipe_of
from lfw.threads import one_thread_an_image

OnEpoch = Callable[[int, int, dict[str, float]], None]
"""Called with the epoch (from 1), the number of epochs, and the figures of the epoch."""

_CHUNK = 64
_FRAME = 16  # pixels; what is moved in from farther away is the edge all the same


@dataclass(frozen=True)
class Fit:
    """A fitted network.

    Attributes
    ----------
    model
        From raw pixels (n, 250, 250, 3), 0 to 255, to probabilities (n, classes).
    history
        ``epoch`` (from 1), ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``seconds``.
    best_epoch
        The epoch whose weights the model has.
    """

    model: keras.Model
    history: pd.DataFrame
    best_epoch: int


def fit(
    name: str,
    train: tuple[NDArray[np.uint8], NDArray[np.int64]],
    validation: tuple[NDArray[np.uint8], NDArray[np.int64]],
    classes: int,
    seed: int,
    epochs: int | None = None,
    on_epoch: OnEpoch | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Fit:
    """Fit a network by name.

    Parameters
    ----------
    name
        One of :data:`lfw.parameters.MODELS`.
    train, validation
        Images of shape (n, 250, 250, 3) and their class numbers of shape (n,).
    classes
        Number of classes.
    seed
        Decides the first weights, the order of images and their changes.
    epochs
        Most passes over the training images; the recipe's own if None.
    on_epoch
        Told of each finished epoch.
    strategy
        Where copies of the network learn (see :mod:`lfw.strategies`); on one device if None. A
        batch is divided among the copies, so that the steps are the same.
    """
    recipe = recipe_of(name)
    epochs = epochs or recipe.epochs
    keras.utils.set_random_seed(seed)
    preprocess = recipe.preprocess()
    with _scope(strategy):
        core = recipe.core(classes)
    batches = training_batches(
        preprocess_images(preprocess, train[0]), one_hot(train[1], classes), recipe, seed
    )
    checked = (preprocess_images(preprocess, validation[0]), one_hot(validation[1], classes))
    steps = int(batches.cardinality())
    with _scope(strategy):
        recipe.compile(core, steps, epochs)
    if strategy is not None:
        core.steps_per_execution = 1  # Keras 3.15 takes several in one call on one device alone
    recorder = _Recorder(epochs, on_epoch)
    callbacks: list[keras.callbacks.Callback] = [recorder]
    if recipe.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(patience=recipe.patience, restore_best_weights=True)
        )
    slices = tf.data.Dataset.from_tensor_slices(checked)
    with one_thread_an_image():
        core.fit(
            batches.repeat(),  # one iterator for all passes: Keras would begin two for each
            steps_per_epoch=steps,
            validation_data=untuned(slices.batch(recipe.batch_size)),
            epochs=epochs,
            callbacks=callbacks,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
        )
    history = pd.DataFrame(recorder.rows)
    best = len(history) if recipe.patience is None else int(history["val_loss"].argmin()) + 1
    # The fitted core drags its optimiser's state into every file it is saved in: leave it behind.
    bare = recipe.core(classes)
    bare.set_weights(core.get_weights())
    return Fit(join(preprocess, bare), history, best)


def _scope(strategy: tf.distribute.Strategy | None) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def preprocess_images(preprocess: keras.Model, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Run the preprocessing over raw images, once; its result is kept in 8 bits.

    Parameters
    ----------
    preprocess
        A recipe's first part, whose result lies in 0 to 255.
    pixels
        Raw images of shape (n, 250, 250, 3).
    """
    parts = [
        np.asarray(preprocess(pixels[start : start + _CHUNK]))
        for start in range(0, len(pixels), _CHUNK)
    ]
    return np.concatenate(parts).round().clip(0, 255).astype(np.uint8)


def one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Turn class numbers (n,) into rows of zeros and a one (n, classes)."""
    return np.eye(classes, dtype=np.float32)[labels]


def framed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a frame of their edge around images (n, height, width, channels).

    What lies outside an image is its edge all the same; within a frame of it OpenCV finds it in two
    thirds of the time.
    """
    edge = (_FRAME, _FRAME)
    return np.pad(images, ((0, 0), edge, edge, (0, 0)), "edge")


def training_batches(
    images: NDArray[np.uint8], labels: NDArray[np.float32], recipe: Recipe, seed: int
) -> tf.data.Dataset:
    """Give shuffled, augmented batches, other ones in every pass, the same ones for a seed.

    Each batch is changed with a generator of its own, so that the result does not depend on which
    thread took it.

    Parameters
    ----------
    images
        Preprocessed images of shape (n, height, width, channels).
    labels
        Of shape (n, classes).
    recipe
        Says how images are changed and batched.
    seed
        Where chance starts.
    """

    def augmented(indices: NDArray[np.int64], chance: np.int64) -> NDArray[np.uint8]:
        rng = np.random.default_rng(abs(int(chance)))
        return recipe.augmentation.apply(around[indices], rng, size)

    def load(indices: tf.Tensor, chance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # A call a batch, in 8 bits: a call an image, in floats, costs more than the changes do.
        changed = tf.numpy_function(augmented, [indices, chance], tf.uint8, stateful=False)
        shaped = tf.ensure_shape(changed, (None, *size, channels))
        return tf.cast(shaped, tf.float32), tf.gather(targets, indices)

    targets = tf.constant(labels)
    size, channels = images.shape[1:3], images.shape[3]
    around = framed(images)
    passes = -(-recipe.least_steps * recipe.batch_size // len(images))
    order = tf.data.Dataset.range(len(images)).shuffle(len(images), seed=seed).repeat(passes)
    chances = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    return untuned(
        tf.data.Dataset.zip(order.batch(recipe.batch_size), chances)
        .map(load, num_parallel_calls=2, deterministic=True)
        .prefetch(2)
    )


class _Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Keep the figures of every epoch and pass them on."""

    def __init__(self, epochs: int, on_epoch: OnEpoch | None) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []
        self._epochs = epochs
        self._on_epoch = on_epoch
        self._since = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._since = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        figures = {name: float(value) for name, value in (logs or {}).items()}
        figures["seconds"] = time.monotonic() - self._since
        self.rows.append({"epoch": epoch + 1, **figures})
        if self._on_epoch is not None:
            self._on_epoch(epoch + 1, self._epochs, figures)
