"""An embedding and a head as one network: raw pixels in, probabilities out."""

import keras

from lfw.layers import KnownShare
from lfw.linear import Head, Linear
from lfw.networks import SHAPE


def pack_classifier(network: keras.Model, head: Head) -> keras.Model:
    """Put a head behind an embedding.

    Parameters
    ----------
    network
        From raw pixels (n, 250, 250, 3), 0 to 255, to vectors.
    head
        Names the person of a vector.

    Returns
    -------
    Model
        From raw pixels to the probability of each person, of shape (n, people), as
        :meth:`lfw.heads.Head.probabilities` gives it.
    """
    pixels = keras.Input(SHAPE, name="pixels")
    vector = network(pixels)
    dense = [_dense(head.identity, "identity")]
    who = dense[0](vector)
    if head.known is not None:
        dense.append(_dense(head.known, "known"))
        who = keras.layers.Multiply()([who, KnownShare()(dense[1](vector))])
    for layer, linear in zip(dense, (head.identity, head.known), strict=False):
        if linear is not None:
            layer.set_weights([linear.weights, linear.bias])
    return keras.Model(pixels, who)


def _dense(linear: Linear, name: str) -> keras.Layer:
    return keras.layers.Dense(len(linear.bias), activation="softmax", name=name)
