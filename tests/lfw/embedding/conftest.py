"""A network that learned nothing, and fits without the minute that compiling takes."""

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from lfw.embedding import network
from lfw.embedding.rounding import shortened
from lfw.layers import FaceAligner
from tests.lfw.bad_images import drawn

PIXELS = np.stack([drawn(seed) for seed in range(4)])


def read(paths: Sequence[str]) -> NDArray[np.uint8]:
    """An image for every path, the same each time."""
    return np.stack([drawn(sum(path.encode())) for path in paths])


@pytest.fixture(scope="module")
def eager() -> Iterator[None]:
    """Run step by step: for a few steps that is quicker than compiling the network."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture(scope="session")
def untrained() -> keras.Model:
    """The embedding, its weights random and of few digits, as training leaves them."""
    keras.utils.set_random_seed(0)
    views = network.views()
    views.set_weights([w.astype(np.float16).astype(np.float32) for w in views.get_weights()])
    return network.embedding(views, moving())


def moving() -> FaceAligner:
    """An alignment that moves every face by some pixels, to nowhere in particular."""
    aligned = network.alignment()
    rng = np.random.default_rng(0)
    kernel, bias = aligned.get_weights()
    limits = np.array(FaceAligner.LIMITS)
    learned = rng.normal(0, 0.003, kernel.shape) * limits
    aligned.set_weights([shortened(learned.astype(np.float32)), bias])
    return aligned
