"""The embedding's network: three views of a face that err on different faces.

One view is made of oriented gradients, which light hardly changes; one of the face's pixels, at
half their size; one of the pixels of its inner part, where more of the detail is left. Each is a
small residual network (K. He et al., "Deep residual learning for image recognition", CVPR 2016)
that ends in a vector of its own; the three, each brought to unit length and laid side by side, are
the embedding.
"""

import keras
from keras import layers

from lfw.images import FACE
from lfw.layers import (
    ColourCrop,
    FaceAligner,
    Grey,
    MeanOfHalves,
    OrientedGradients,
    Resized,
    WithMirrorImages,
)
from lfw.networks import SHAPE

HEIGHT, WIDTH = 112, 96
"""Size of the face that the network is given, in pixels."""

MARGIN = (28, 16)
"""Rows and columns around the face that may be moved into view, in pixels of its size."""

WIDE = (HEIGHT + 2 * MARGIN[0], WIDTH + 2 * MARGIN[1])
"""Height and width of the face with its margin."""

VIEWS = 3
DIMENSIONS = 576
"""Length of the embedding: a third of it from each view."""

_HALF = (HEIGHT // 2 - 4, WIDTH // 2 - 4)  # 52x44

_BOTTLENECK = 80
_DROPOUT = 0.1


def preprocess() -> keras.Model:
    """Take raw pixels (n, 250, 250, 3), 0 to 255, to the face in colour, with a margin around it.

    Returns
    -------
    Model
        Its result has the shape (n, 168, 128, 3): the face of 112x96 pixels is in the middle.
    """
    rows, columns = FACE
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    more = [MARGIN[0] * high // HEIGHT, MARGIN[1] * wide // WIDTH]
    crop = ColourCrop(
        rows.start - more[0],
        columns.start - more[1],
        high + 2 * more[0],
        wide + 2 * more[1],
        *WIDE,
    )
    return keras.Sequential([keras.Input(SHAPE), crop])


def views() -> keras.Model:
    """Build the network, untrained: from faces (n, 112, 96, 3) to a vector of each view."""
    face = keras.Input((HEIGHT, WIDTH, 3), name="face")
    whole = layers.AveragePooling2D(2)(layers.Cropping2D(4)(face))
    inner = Resized(*_HALF)(layers.Cropping2D((16, 14))(face))  # of 80x68
    found = [
        _gradient_view(OrientedGradients(cell=8)(Grey()(face)), "gradients"),  # of 13x11
        _pixel_view(whole, "pixels"),
        _pixel_view(inner, "inner-pixels"),
    ]
    return keras.Model(face, found, name="views")


def alignment() -> FaceAligner:
    """Build the alignment, untrained: from faces with margin to faces (n, 112, 96, 3)."""
    layer = FaceAligner(HEIGHT, WIDTH, name="alignment")
    layer.build((1, *WIDE, 3))
    return layer


def embedding(trained: keras.Model, aligned: FaceAligner | None = None) -> keras.Model:
    """Join trained views into the embedding: from raw pixels to vectors of shape (n, 576).

    A face and its mirror image are both taken, and their vectors averaged.

    Parameters
    ----------
    trained
        The views.
    aligned
        Moves each face to where faces usually lie; nothing is moved if None.
    """
    pixels = keras.Input(SHAPE, name="pixels")
    face = (aligned or alignment())(preprocess()(pixels))
    both = joined_views(trained, WithMirrorImages()(face))  # as one batch: half to trace
    return keras.Model(pixels, MeanOfHalves(name="embedding")(both), name="embedding")


def alignment_of(network: keras.Model) -> FaceAligner:
    """Copy the alignment within an embedding; one that moves nothing if it has none."""
    aligned = alignment()  # a layer that two networks share keeps both in memory
    for layer in network.layers:
        if isinstance(layer, FaceAligner):
            aligned.set_weights(layer.get_weights())
    return aligned


def joined_views(trained: keras.Model, face: keras.KerasTensor) -> keras.KerasTensor:
    """Bring the views' vectors to unit length and lay them side by side."""
    return layers.Concatenate()([layers.UnitNormalization()(view) for view in trained(face)])


def _gradient_view(gradients: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = _convolve(_normalise(gradients), 96, 3)
    x = _residual(x, 128)
    x = _residual(x, 192, stride=2)  # 7x6
    return _vector(x, name)


def _pixel_view(pixels: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = _convolve(layers.Rescaling(1 / 64, -2)(pixels), 32, 3)
    for width in (48, 96, 192):
        x = _residual(x, width, stride=2)  # at last 7x6
    return _vector(x, name)


def _vector(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = layers.Flatten()(_convolve(x, _BOTTLENECK, 1))
    x = layers.Dense(DIMENSIONS // VIEWS, use_bias=False)(layers.Dropout(_DROPOUT)(x))
    return layers.BatchNormalization(momentum=0.95, scale=False, name=name)(x)


def _residual(x: keras.KerasTensor, width: int, stride: int = 1) -> keras.KerasTensor:
    y = _convolve(x, width, 3, stride)
    y = _normalise(layers.Conv2D(width, 3, padding="same", use_bias=False)(y))
    if stride != 1:
        x = layers.AveragePooling2D(stride, padding="same")(x)
    if stride != 1 or x.shape[-1] != width:
        x = _normalise(layers.Conv2D(width, 1, use_bias=False)(x))
    return layers.ReLU()(layers.Add()([x, y]))


def _convolve(x: keras.KerasTensor, width: int, size: int, stride: int = 1) -> keras.KerasTensor:
    convolved = layers.Conv2D(width, size, stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(_normalise(convolved))


def _normalise(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=0.95)(x)
