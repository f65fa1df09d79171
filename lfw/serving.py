"""A fitted network at work: written, read, and asked for names.

This module is packed with every registered model, so it rests on little.
"""

import hashlib
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lfw.layers  # noqa: F401 (models are made of its layers)

_BATCH = 64


def save_model(model: keras.Model, path: Path) -> None:
    """Write a model in Keras' own format."""
    model.save(path)


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of a model's weights, whatever file they are saved in."""
    whole = hashlib.sha256()
    for weights in model.get_weights():
        whole.update(str(weights.shape).encode())
        whole.update(np.ascontiguousarray(weights).tobytes())
    return whole.hexdigest()


def load_model(path: Path) -> keras.Model:
    """Read a model, refusing any code that it may carry."""
    return keras.models.load_model(path, compile=False, safe_mode=True)


def predict(model: keras.Model, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the probability of each class for raw images.

    Parameters
    ----------
    model
        From raw pixels to probabilities.
    pixels
        Of shape (n, 250, 250, 3), 0 to 255.

    Returns
    -------
    ndarray of shape (n, classes)
    """
    return np.asarray(model.predict(pixels, batch_size=_BATCH, verbose=0))


def answers(probabilities: NDArray[np.float32], classes: tuple[str, ...]) -> pd.DataFrame:
    """Turn probabilities into what a user is told.

    Parameters
    ----------
    probabilities
        Of shape (n, classes).
    classes
        The name of each class.

    Returns
    -------
    DataFrame
        ``name`` and ``probability`` of the answer, then the probability of each class under its
        name.
    """
    best = probabilities.argmax(axis=1)
    frame = pd.DataFrame(probabilities.astype(np.float64), columns=list(classes))
    frame.insert(0, "name", [classes[k] for k in best])
    frame.insert(1, "probability", probabilities.max(axis=1).astype(np.float64))
    return frame
