"""Layers of the project's networks; importing this module makes saved models readable."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JPEG has it


class _Crop(keras.layers.Layer):  # type: ignore[misc]
    """Cut a part out of images, at another size. It has no weights.

    Parameters
    ----------
    top, left, crop_height, crop_width
        The part, in pixels.
    height, width
        Size of the result, in pixels.
    """

    channels: int

    def __init__(
        self,
        top: int,
        left: int,
        crop_height: int,
        crop_width: int,
        height: int,
        width: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.part = (top, left, crop_height, crop_width)
        self.size = (height, width)

    def call(self, inputs: Any) -> Any:
        """Take pixels (n, h, w, 3), 0 to 255, to whole values (n, height, width, channels)."""
        top, left, high, wide = self.part
        cut = ops.cast(inputs[:, top : top + high, left : left + wide, :], "float32")
        small = ops.image.resize(
            self.colour(cut), self.size, interpolation="bilinear", antialias=True
        )
        return ops.round(small)  # training keeps these values in 8 bits: serving sees the same

    def colour(self, cut: Any) -> Any:
        """Bring the part's three channels to those of the result."""
        return cut

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give (n, height, width, channels)."""
        return (input_shape[0], *self.size, self.channels)

    def get_config(self) -> dict[str, Any]:
        """Give what the layer is built from."""
        names = ("top", "left", "crop_height", "crop_width", "height", "width")
        values = (*self.part, *self.size)
        base: dict[str, Any] = super().get_config()
        return base | dict(zip(names, values, strict=True))


@keras.saving.register_keras_serializable(package="lfw")
class GreyCrop(_Crop):
    """Cut a part out of RGB images, in grey, at another size (see :class:`_Crop`)."""

    channels = 1

    def colour(self, cut: Any) -> Any:
        """Take the luma of the colours."""
        return luma(cut)


@keras.saving.register_keras_serializable(package="lfw")
class ColourCrop(_Crop):
    """Cut a part out of RGB images, in colour, at another size (see :class:`_Crop`)."""

    channels = 3


@keras.saving.register_keras_serializable(package="lfw")
class Grey(keras.layers.Layer):  # type: ignore[misc]
    """Take RGB (n, h, w, 3) to grey (n, h, w, 1). It has no weights."""

    def call(self, inputs: Any) -> Any:
        """Take the luma of the colours."""
        return luma(ops.cast(inputs, "float32"))


@keras.saving.register_keras_serializable(package="lfw")
class Resized(keras.layers.Layer):  # type: ignore[misc]
    """Bring images (n, h, w, c) to another size. It has no weights.

    Keras' own layer, `Resizing`, is one of augmentation: within it a network that is called without
    saying so is taken to learn, and normalises by the batch.

    Parameters
    ----------
    height, width
        Size of the result, in pixels.
    """

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = (height, width)

    def call(self, inputs: Any) -> Any:
        """Interpolate between the nearest pixels."""
        return ops.image.resize(inputs, self.size, interpolation="bilinear")

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give (n, height, width, c)."""
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Give what the layer is built from."""
        base: dict[str, Any] = super().get_config()
        return base | {"height": self.size[0], "width": self.size[1]}


@keras.saving.register_keras_serializable(package="lfw")
class Mirror(keras.layers.Layer):  # type: ignore[misc]
    """Exchange left and right of images (n, h, w, c). It has no weights.

    Embeddings learned by earlier versions have it, as they have :class:`MirrorGradients`.
    """

    def call(self, inputs: Any) -> Any:
        """Flip the third axis."""
        return ops.flip(inputs, axis=2)


@keras.saving.register_keras_serializable(package="lfw")
class WithMirrorImages(keras.layers.Layer):  # type: ignore[misc]
    """Let the mirror images follow: (n, h, w, c) to (2n, h, w, c). It has no weights."""

    def call(self, inputs: Any) -> Any:
        """Give the images, then those with left and right exchanged."""
        return ops.concatenate([inputs, ops.flip(inputs, axis=2)], axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give (2n, h, w, c)."""
        count, *rest = input_shape
        return (None if count is None else 2 * count, *rest)


@keras.saving.register_keras_serializable(package="lfw")
class MeanOfHalves(keras.layers.Layer):  # type: ignore[misc]
    """Average the first half of vectors with the second: (2n, d) to (n, d). It has no weights."""

    def call(self, inputs: Any) -> Any:
        """Average row k with row n + k."""
        return ops.mean(ops.reshape(inputs, (2, -1, inputs.shape[-1])), axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give (n, d)."""
        count, *rest = input_shape
        return (None if count is None else count // 2, *rest)


@keras.saving.register_keras_serializable(package="lfw")
class KnownShare(keras.layers.Layer):  # type: ignore[misc]
    """Take probabilities (n, k), "somebody else" the last, to that of being known (n, 1)."""

    def call(self, inputs: Any) -> Any:
        """Give what the last class leaves."""
        return 1.0 - inputs[:, -1:]


def luma(colours: Any) -> Any:
    """Take RGB (n, h, w, 3) to grey (n, h, w, 1)."""
    return ops.sum(colours * np.array(_LUMA, "float32"), axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package="lfw")
class OrientedGradients(keras.layers.Layer):  # type: ignore[misc]
    """Histograms of gradient orientation over cells. It has no weights.

    A pixel's gradient goes to its two nearest of `bins` unsigned orientations; cells are averaged,
    blocks of 2x2 cells brought to unit length, and the square root taken.

    Parameters
    ----------
    bins
        Number of orientations over 180 degrees.
    cell
        Height and width of a cell, in pixels.
    """

    def __init__(self, bins: int = 9, cell: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bins = bins
        self.cell = cell

    def call(self, inputs: Any) -> Any:
        """Take grey (n, h, w, 1), 0 to 255, to (n, h / cell - 1, w / cell - 1, 4 bins)."""
        grey = ops.pad(
            ops.cast(inputs, "float32") / 255.0, ((0, 0), (1, 1), (1, 1), (0, 0)), "symmetric"
        )
        across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
        down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
        strength = ops.sqrt(across * across + down * down + 1e-8)
        place = ops.arctan2(down, across) * (self.bins / math.pi)
        away = place - np.arange(self.bins, dtype="float32")
        away = away - self.bins * ops.round(away / self.bins)  # orientations go round
        shares = ops.maximum(0.0, 1.0 - ops.abs(away)) * strength
        cells = ops.average_pool(shares, self.cell, self.cell, padding="valid")
        corners = [cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]]
        blocks = ops.concatenate(corners, axis=-1)
        length = ops.sqrt(ops.sum(blocks * blocks, axis=-1, keepdims=True) + 1e-5)
        return ops.sqrt(blocks / length + 1e-6)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give (n, h / cell - 1, w / cell - 1, 4 bins)."""
        count, height, width, _ = input_shape
        return (count, height // self.cell - 1, width // self.cell - 1, 4 * self.bins)

    def get_config(self) -> dict[str, Any]:
        """Give what the layer is built from."""
        base: dict[str, Any] = super().get_config()
        return base | {"bins": self.bins, "cell": self.cell}


@keras.saving.register_keras_serializable(package="lfw")
class MirrorGradients(keras.layers.Layer):  # type: ignore[misc]
    """Take oriented gradients of images to those of their mirror images. It has no weights.

    What :class:`OrientedGradients` gives is turned into what it would give of the mirrored image,
    for a hundredth of its time: columns change places, and so do left and right corners of a block,
    and every orientation goes to the opposite one.
    """

    def call(self, inputs: Any) -> Any:
        """Take (n, rows, columns, 4 bins) to the same shape."""
        bins = inputs.shape[-1] // 4
        opposite = [(bins - k) % bins for k in range(bins)]
        order = [corner * bins + k for corner in (1, 0, 3, 2) for k in opposite]
        return ops.take(ops.flip(inputs, axis=2), np.array(order), axis=-1)


@keras.saving.register_keras_serializable(package="lfw")
class FaceAligner(keras.layers.Layer):  # type: ignore[misc]
    """Move faces to where faces usually lie: to the middle, of one size, upright.

    How far a face is moved, enlarged and turned is a linear function of its oriented gradients,
    asked again of what it gave, as in the supervised descent of X. Xiong and F. De la Torre
    ("Supervised descent method and its applications to face alignment", CVPR 2013). Its weights are
    zero at first, which moves nothing; :mod:`lfw.embedding.alignment` learns them.

    Parameters
    ----------
    height, width
        Size of the result, in pixels: the middle of what is given.
    passes
        How often it is asked.
    """

    LIMITS = (16.0, 16.0, 0.3, math.radians(20))
    """The most that a face is moved: columns and rows, in pixels, logarithm of scale, angle."""

    _PARTS = 64  # of a grey level: even areas stay even, and no last digit becomes a whole level
    _SHRUNK, _CELL = 2, 4  # at half the size it is told as well, and sooner

    def __init__(self, height: int, width: int, passes: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = (height, width)
        self.passes = passes
        self.supports_jit = False  # XLA has no projective transform
        self._gradients = OrientedGradients(cell=self._CELL)

    def build(self, input_shape: tuple[int, ...]) -> None:  # noqa: ARG002 (Keras asks for it)
        """Make the weights."""
        features = math.prod(self._gradients.compute_output_shape((1, *self._told_size, 1)))
        motions = len(self.LIMITS)
        self.kernel = self.add_weight((features, motions), "zeros", trainable=False, name="kernel")
        self.bias = self.add_weight((motions,), "zeros", trainable=False, name="bias")

    def call(self, inputs: Any) -> Any:
        """Take pixels (n, h, w, 3), 0 to 255, to faces (n, height, width, 3)."""
        faces = ops.cast(inputs, "float32")
        moved = move(faces, self.motion(faces), self.size)
        return ops.round(moved * self._PARTS) / self._PARTS

    def motion(self, faces: Any) -> Any:
        """Say where the faces of images (n, h, w, 3) lie: four numbers each, as `LIMITS` has."""
        grey = self.shrink(faces)
        motion = ops.zeros((ops.shape(grey)[0], len(self.LIMITS)))
        limits = np.array(self.LIMITS, "float32")
        for _ in range(self.passes):
            found = ops.matmul(self.features(grey, motion), self.kernel) + self.bias
            motion = ops.clip(motion + found, -limits, limits)
        return motion

    def shrink(self, faces: Any) -> Any:
        """Take images (n, h, w, 3) to what features are made of: grey, at half the size."""
        grey = luma(ops.cast(faces, "float32"))
        return ops.average_pool(grey, self._SHRUNK, self._SHRUNK, "valid")

    def features(self, grey: Any, motion: Any) -> Any:
        """Give what the motion is told from, of shrunk images: of shape (n, f)."""
        shrunk = motion / np.array([self._SHRUNK, self._SHRUNK, 1, 1], "float32")
        gradients = self._gradients(move(grey, shrunk, self._told_size))
        return ops.reshape(gradients, (-1, math.prod(gradients.shape[1:])))

    @property
    def _told_size(self) -> tuple[int, int]:
        height, width = self.size
        return height // self._SHRUNK, width // self._SHRUNK

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give (n, height, width, c)."""
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Give what the layer is built from."""
        height, width = self.size
        base: dict[str, Any] = super().get_config()
        return base | {"height": height, "width": width, "passes": self.passes}


def move(images: Any, motion: Any, size: tuple[int, int]) -> Any:
    """Bring the place that a motion leads to into the middle of images, and cut the middle out.

    Parameters
    ----------
    images
        Of shape (n, h, w, c).
    motion
        Of shape (n, 4), as :attr:`FaceAligner.LIMITS` has it.
    size
        Height and width of the result, in pixels; no more than the images'.
    """
    (high, wide), (height, width) = (int(side) for side in images.shape[1:3]), size
    across, down, scale, angle = (motion[:, k] for k in range(4))
    cos, sin = ops.exp(scale) * ops.cos(angle), ops.exp(scale) * ops.sin(angle)
    x, y = (width - 1) / 2, (height - 1) / 2  # the middle of the result
    left = (wide - 1) / 2 + across - cos * x + sin * y
    top = (high - 1) / 2 + down - sin * x - cos * y
    nothing = ops.zeros_like(across)
    transform = ops.stack([cos, -sin, left, sin, cos, top, nothing, nothing], axis=1)
    moved = ops.image.affine_transform(images, transform, "bilinear", "nearest")
    return moved[:, :height, :width]
