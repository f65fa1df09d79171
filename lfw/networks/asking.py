"""Asking a network: it is traced once, whatever number of images comes."""

from collections.abc import Callable
from functools import lru_cache

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

BATCH = 64


def ask(network: keras.Model, inputs: NDArray[np.generic]) -> NDArray[np.float32]:
    """Take inputs through a network, 64 at a time.

    `Model.predict` traces a network, and may compile it, anew for every size of a batch that it
    meets: of a large network that takes as long as some hundred images.

    Parameters
    ----------
    network
        With one input of shape (n, …), n left open.
    inputs
        Of that shape.

    Returns
    -------
    ndarray
        What the network gives, of shape (n, …).
    """
    answer = _traced(network, str(inputs.dtype))
    starts = range(0, max(1, len(inputs)), BATCH)
    parts = [answer(tf.constant(inputs[start : start + BATCH])).numpy() for start in starts]
    return np.concatenate(parts)


@lru_cache(maxsize=2)  # a run has an embedding and a classifier at work
def _traced(network: keras.Model, dtype: str) -> Callable[[tf.Tensor], tf.Tensor]:
    signature = [tf.TensorSpec(network.input_shape, dtype)]

    def call(given: tf.Tensor) -> tf.Tensor:
        return network(given, training=False)

    traced: Callable[[tf.Tensor], tf.Tensor] = tf.function(call, input_signature=signature)
    return traced
