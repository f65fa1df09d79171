"""A fitted network at work: written, read, and asked for names.

This module is packed with every registered model, so it rests on little.
"""

import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.digest import arrays_digest, file_digest
from lfw.errors import DataError
from lfw.features import FeatureClassifier

UNKNOWN = "unknown"
"""What is answered where no name is likely enough."""

Classifier: TypeAlias = Any  # keras.Model has no types; or a FeatureClassifier
"""From raw pixels to the probability of each person."""

_BATCH = 64
_NETWORK, _NUMBERS = "model.keras", "model.npz"


def save_model(model: Classifier, folder: Path) -> Path:
    """Write a classifier: a network in Keras' own format, another as plain numbers."""
    if isinstance(model, FeatureClassifier):
        model.save(folder / _NUMBERS)
        return folder / _NUMBERS
    model.save(folder / _NETWORK)
    return folder / _NETWORK


def model_file(folder: Path) -> Path:
    """Give the file that :func:`save_model` wrote into a folder."""
    network = folder / _NETWORK
    return network if network.exists() else folder / _NUMBERS


def count_weights(model: Classifier) -> int:
    """Count a classifier's numbers."""
    if isinstance(model, FeatureClassifier):
        return sum(values.size for values in model.arrays.values())
    return int(model.count_params())


def weights_digest(model: Classifier) -> str:
    """SHA-256 of a model's weights, whatever file they are saved in."""
    if isinstance(model, FeatureClassifier):
        return model.digest
    return arrays_digest(model.get_weights())


def load_model(path: Path) -> Classifier:
    """Read a model, refusing any code that it may carry.

    A network that was read last and has not changed since, to the byte, is given again: to read
    one and to ask it for the first time takes seconds.

    Raises
    ------
    DataError
        If it is no whole model, or has a part that would run code of its own (a Lambda layer).
    """
    if path.suffix == ".npz":
        return FeatureClassifier.load(path)
    try:
        digest = file_digest(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    return _read(_Saved(digest, path))


@dataclass(frozen=True)
class _Saved:
    """A network's file: the same one wherever it is, if its digest is the same."""

    digest: str
    path: Path = field(compare=False)


@lru_cache(maxsize=1)
def _read(saved: _Saved) -> Classifier:
    # Here, since they take seconds and a classifier that is plain numbers does without.
    import keras

    import lfw.layers  # noqa: F401 (models are made of its layers)

    try:
        return keras.models.load_model(saved.path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise DataError(f"{saved.path} is no model that can be loaded safely: {why}") from error


def predict(model: Classifier, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
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
    if isinstance(model, FeatureClassifier):
        parts = [pixels[k : k + _BATCH] for k in range(0, len(pixels), _BATCH)]
        return np.concatenate([model.predict(part) for part in parts])
    from lfw.networks.asking import ask

    return ask(model, pixels)


def answers(
    probabilities: NDArray[np.float32], classes: tuple[str, ...], threshold: float | None = None
) -> pd.DataFrame:
    """Turn probabilities into what a user is told.

    Parameters
    ----------
    probabilities
        Of shape (n, classes).
    classes
        The name of each class.
    threshold
        The least probability with which a name is given; below it the answer is ``unknown``. None
        gives a name always.

    Returns
    -------
    DataFrame
        ``name`` and ``probability`` of the likeliest person, then the probability of each class
        under its name.
    """
    best, surest = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    names = np.array(classes, dtype=object)[best]
    if threshold is not None:
        names[surest < threshold] = UNKNOWN
    frame = pd.DataFrame(probabilities.astype(np.float64), columns=list(classes))
    frame.insert(0, "name", names.tolist())
    frame.insert(1, "probability", surest)
    return frame
