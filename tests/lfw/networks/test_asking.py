"""A network is asked in batches, and traced once for all sizes of them, unless few come."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from lfw.networks.asking import BATCH, _Asked, ask


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 2 * BATCH])
def test_answers_are_those_of_the_network_in_order(count: int) -> None:
    face = keras.Input((3,))
    network = keras.Model(face, keras.layers.Rescaling(2.0, 1.0)(face))
    given = np.random.default_rng(0).integers(0, 255, (count, 3)).astype(np.uint8)
    found = ask(network, given)
    assert found.dtype == np.float32
    assert np.array_equal(found, 2.0 * given + 1)


def test_one_trace_serves_all_sizes_and_later_weights() -> None:
    traces = []

    @keras.saving.register_keras_serializable(package="lfw-tests")
    class Counted(keras.layers.Layer):  # type: ignore[misc]
        def build(self, _shape: tuple[int, ...]) -> None:
            self.factor = self.add_weight(shape=(), initializer="ones")

        def call(self, inputs: Any) -> Any:
            traces.append(1)
            return inputs * self.factor

    given = keras.Input((2,))
    layer = Counted()
    network = keras.Model(given, layer(given))
    traces.clear()
    for size in (BATCH, 1, 5, BATCH + 3):
        assert np.array_equal(ask(network, np.ones((size, 2), np.float32)), np.ones((size, 2)))
    assert len(traces) == 1
    layer.factor.assign(3.0)
    assert np.array_equal(ask(network, np.ones((1, 2), np.float32)), [[3.0, 3.0]])


@pytest.mark.parametrize(("sizes", "traced"), [((6, 1), []), ((6, 11), [11]), ((1, 1, 1), [1])])
def test_a_few_images_are_answered_without_a_trace(
    sizes: tuple[int, ...], traced: list[int]
) -> None:
    given = keras.Input((2,))
    asked = _Asked(keras.Model(given, keras.layers.Rescaling(2.0)(given)), "float32")
    through = []

    def traced_call(images: tf.Tensor) -> tf.Tensor:
        through.append(len(images))
        return images * 2

    asked._traced = traced_call
    for size in sizes:
        assert np.array_equal(asked(tf.ones((size, 2))), np.full((size, 2), 2.0))
    assert through == traced


def test_inference_is_asked_for() -> None:
    given = keras.Input((4,))
    network = keras.Model(given, keras.layers.Dropout(0.9)(given))
    assert np.array_equal(ask(network, np.ones((8, 4), np.float32)), np.ones((8, 4)))
