"""Asking a network: it is traced once, whatever number of images comes, if many do."""

from collections.abc import Callable
from functools import lru_cache

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

BATCH = 64

_FEW_CALLS, _FEW_IMAGES = 2, 16
"""Below both it is quicker to do without tracing, which takes a large network seconds."""

Answer = Callable[[tf.Tensor], tf.Tensor]


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
    answer = _asked(network, str(inputs.dtype))
    starts = range(0, max(1, len(inputs)), BATCH)
    parts = [answer(tf.constant(inputs[start : start + BATCH])).numpy() for start in starts]
    return np.concatenate(parts)


class _Asked:
    """A network at work: traced as soon as that is worth its seconds."""

    def __init__(self, network: keras.Model, dtype: str) -> None:
        self.calls = self.images = 0
        self._network = network
        self._traced: Answer = tf.function(
            self._ask, input_signature=[tf.TensorSpec(network.input_shape, dtype)]
        )

    def __call__(self, given: tf.Tensor) -> tf.Tensor:
        self.calls += 1
        self.images += len(given)
        few = self.calls <= _FEW_CALLS and self.images <= _FEW_IMAGES
        return self._ask(given) if few else self._traced(given)

    def _ask(self, given: tf.Tensor) -> tf.Tensor:
        return self._network(given, training=False)


@lru_cache(maxsize=2)  # a run has an embedding and a classifier at work
def _asked(network: keras.Model, dtype: str) -> _Asked:
    return _Asked(network, dtype)
