"""Fused normalisation learns as Keras' own does, and leaves nothing behind."""

import keras
import numpy as np
import pytest
from keras import layers

from lfw.embedding.fused import FusedNormalization, fused, plain

IMAGES = np.random.default_rng(0).normal(3, 2, (16, 6, 5, 3)).astype(np.float32)
ANSWERS = np.arange(16) % 2


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 5, 3))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv2D(8, 3)(image)))
    x = layers.Dropout(0.0)(layers.Flatten()(x))
    return keras.Model(image, layers.BatchNormalization(scale=False)(layers.Dense(2)(x)))


def kinds(network: keras.Model) -> list[type]:
    found = [type(layer) for layer in network.layers]
    return [kind for kind in found if issubclass(kind, layers.BatchNormalization)]


def learn(network: keras.Model) -> list[float]:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.05), loss, jit_compile=False)
    fitted = network.fit(IMAGES, ANSWERS, epochs=5, batch_size=8, shuffle=False, verbose=0)
    return list(fitted.history["loss"])


def test_only_normalisation_of_images_is_replaced(network: keras.Model) -> None:
    assert kinds(fused(network)) == [FusedNormalization, layers.BatchNormalization]
    assert kinds(network) == [layers.BatchNormalization] * 2


def test_learns_as_keras_does(network: keras.Model) -> None:
    other = fused(network)
    losses = learn(network)
    assert learn(other) == pytest.approx(losses, rel=1e-4)
    assert losses[-1] < losses[0]
    for ours, theirs in zip(other.get_weights(), network.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
    assert other.predict(IMAGES, verbose=0) == pytest.approx(
        network.predict(IMAGES, verbose=0), abs=1e-3
    )


def test_what_is_frozen_learns_nothing(network: keras.Model) -> None:
    other = fused(network)
    other.trainable = False
    before = other.get_weights()
    found = np.asarray(other(IMAGES, training=True))
    assert found == pytest.approx(np.asarray(network(IMAGES, training=False)), abs=1e-5)
    for ours, theirs in zip(other.get_weights(), before, strict=True):
        assert np.array_equal(ours, theirs)


def test_what_was_learned_is_in_keras_own_layers(network: keras.Model) -> None:
    other = fused(network)
    learn(other)
    bare = plain(other)
    assert kinds(bare) == [layers.BatchNormalization] * 2
    names = [[layer.name for layer in one.layers[1:]] for one in (bare, network)]
    assert names[0] == names[1]
    assert np.array_equal(bare.predict(IMAGES, verbose=0), other.predict(IMAGES, verbose=0))
    assert not np.array_equal(bare.predict(IMAGES, verbose=0), network.predict(IMAGES, verbose=0))
