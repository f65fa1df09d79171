"""dlib's face descriptors. They were learned from outside data, and need the extra ``dlib``."""

import importlib.metadata
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lfw.errors import InputError

LENGTH = 128
"""Numbers in a descriptor."""

_TOP, _LEFT, _BOTTOM, _RIGHT = 84, 72, 189, 177
"""First and last rows and columns of the face, as dlib's own detector frames it on average.

Its left is as far from the image's edge as its right, so that a mirror image is framed alike.
"""

_MODELS = "face_recognition_models"
_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"

_PACKAGES = ("dlib-bin", "face-recognition-models")

_Describe = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def versions() -> dict[str, str]:
    """Give the versions of what the descriptors rest on.

    Raises
    ------
    InputError
        If the extra ``dlib`` is not installed.
    """
    dlib_features(np.empty((0, 0, 0, 3), dtype=np.uint8))
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def check_installed() -> None:
    """See that the extra ``dlib`` is there, without loading it.

    Raises
    ------
    InputError
        If it is not; it says how to get it.
    """
    if importlib.util.find_spec("dlib") is None:
        raise _missing("dlib", "it is not installed")
    for name in (_LANDMARKS, _NETWORK):
        _model_file(name)


def dlib_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe faces by dlib's ResNet, one row an image: the mean of the image and its mirror's.

    The face is not searched for, as it is in the middle of an aligned image: five landmarks are
    found there, and turn and scale it to the 150x150 pixels that the network takes.

    The network has learned from outside data: its documentation
    (https://github.com/davisking/dlib-models) speaks of about 3 million faces of 7485 people, from
    FaceScrub, the VGG face data set and the web, among whom nobody of LFW is meant to be. The
    landmarks were learned from 7198 more faces from the web. Source: D. E. King, "Dlib-ml: A
    machine learning toolkit", J. Machine Learning Research 10 (2009).

    Parameters
    ----------
    pixels
        Images of shape (n, 250, 250, 3), RGB.

    Returns
    -------
    ndarray of shape (n, 128)

    Raises
    ------
    InputError
        If the extra ``dlib`` is not installed.
    """
    describe = _describer()
    features = np.empty((len(pixels), LENGTH), dtype=np.float32)
    for number, image in enumerate(pixels):
        features[number] = describe(image) / 2 + describe(image[:, ::-1]) / 2
    return features


@cache
def _describer() -> _Describe:
    """Load the landmarks and the network, once."""
    try:
        import dlib
    except ImportError as error:
        raise _missing("dlib", error) from error
    landmarks = dlib.shape_predictor(_model_file(_LANDMARKS))
    network = dlib.face_recognition_model_v1(_model_file(_NETWORK))
    frame = dlib.rectangle(_LEFT, _TOP, _RIGHT, _BOTTOM)

    def describe(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        whole = np.ascontiguousarray(image)
        face = dlib.get_face_chip(whole, landmarks(whole, frame))
        return np.asarray(network.compute_face_descriptor(face), dtype=np.float32)

    return describe


def _model_file(name: str) -> str:
    """Find a file of the package of models, whose own import needs an old setuptools."""
    spec = importlib.util.find_spec(_MODELS)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "models" / name
        if path.is_file():
            return str(path)
    raise _missing(_MODELS, f"no file {name}")


def _missing(package: str, why: object) -> InputError:
    return InputError(
        f"model = dlib: {package} cannot be used ({why}): it is in the extra dlib, which is not "
        'installed by default. Get it by: make setup EXTRAS="--extra dlib"; or choose another '
        "model."
    )
