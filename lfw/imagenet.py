"""Features of a network that Keras offers, learned from outside data: MobileNetV2 on ImageNet."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lfw.download import download
from lfw.errors import DataError
from lfw.images import CENTRE
from lfw.settings import data_folder

if TYPE_CHECKING:
    import keras

HOME = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
"""Where Keras publishes the weights; ``LFW_WEIGHTS_URL`` names a mirror."""

NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
LENGTH = 1280
"""Numbers in a vector."""

_INSTEAD = f"name a mirror of {NAME} with LFW_WEIGHTS_URL, or choose another model than imagenet"
_SIZE = 224


def imagenet_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure faces by a MobileNetV2 that was learned from ImageNet, one row an image.

    The middle of the image is brought to 224x224 pixels; the last feature map is averaged. The
    network has learned from outside data: 1.28 million photographs of objects (O. Russakovsky et
    al., "ImageNet large scale visual recognition challenge", IJCV 115, 2015). Source: M. Sandler
    et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR (2018). The weights are
    downloaded when they are first needed, and kept in the data folder.

    Parameters
    ----------
    pixels
        Images of shape (n, 250, 250, 3), RGB.

    Returns
    -------
    ndarray of shape (n, 1280)

    Raises
    ------
    FetchError
        If the weights cannot be downloaded.
    DataError
        If what was downloaded is no such weights.
    """
    if not len(pixels):
        return np.empty((0, LENGTH), dtype=np.float32)
    network = _network(weights_file())
    faces = pixels[:, CENTRE[0], CENTRE[1]].astype(np.float32)
    from lfw.networks.asking import ask

    return ask(network, faces)


def weights_file() -> Path:
    """Bring the weights to hand.

    Raises
    ------
    FetchError
        If they cannot be downloaded.
    """
    home = os.environ.get("LFW_WEIGHTS_URL", HOME).rstrip("/")
    kept = data_folder(os.environ) / "weights" / NAME
    return download(f"{home}/{NAME}", kept, instead=_INSTEAD)


@cache
def _network(weights: Path) -> "keras.Model":
    import keras

    body = keras.applications.MobileNetV2(
        input_shape=(_SIZE, _SIZE, 3), include_top=False, weights=None, pooling="avg"
    )
    try:
        body.load_weights(weights)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{weights} holds no weights of MobileNetV2 ({error}): delete it, and it is fetched "
            "again."
        ) from error
    face = keras.Input((CENTRE[0].stop - CENTRE[0].start, CENTRE[1].stop - CENTRE[1].start, 3))
    resized = keras.layers.Resizing(_SIZE, _SIZE, interpolation="bilinear")(face)
    return keras.Model(face, body(keras.layers.Rescaling(1 / 127.5, -1)(resized)))
