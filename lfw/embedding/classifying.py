"""A selection's classifier on an embedding: a head, and fine-tuning if it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.embedding import network
from lfw.embedding.packing import pack_classifier
from lfw.embedding.pretraining import OnEpoch, tune_views
from lfw.heads import Chosen, choose_head
from lfw.networks.asking import ask
from lfw.spread import Spread
from lfw.strangers import Strangers

Labels = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Classified:
    """A classifier on an embedding.

    Attributes
    ----------
    model
        From raw pixels (n, 250, 250, 3), 0 to 255, to probabilities (n, classes).
    chosen
        Its head.
    network
        The embedding in it: the given one, or the fine-tuned one if that did better.
    history
        One row an epoch of fine-tuning: ``epoch``, ``loss``, ``seconds``; empty without.
    tuned
        Whether the fine-tuned embedding was kept.
    """

    model: keras.Model
    chosen: Chosen
    network: keras.Model
    history: pd.DataFrame
    tuned: bool


def classify(
    embedding: keras.Model,
    train: tuple[Vectors, Labels],
    validation: tuple[Vectors, Labels],
    strangers: Strangers,
    spread: Spread | None = None,
) -> Classified:
    """Choose a head on the validation part, and pack it behind the embedding.

    Parameters
    ----------
    embedding
        From raw pixels to vectors.
    train, validation
        Vectors of shape (n, d) and class numbers of shape (n,).
    strangers
        People outside the selection.
    spread
        That of the people whom the embedding was learned from.
    """
    chosen = choose_head(train, validation, strangers, spread=spread)
    model = pack_classifier(embedding, chosen.head)
    return Classified(model, chosen, embedding, pd.DataFrame(), tuned=False)


def fine_tune(
    frozen: Classified,
    train: tuple[NDArray[np.uint8], Labels],
    validation: tuple[NDArray[np.uint8], Labels],
    strangers: tuple[NDArray[np.uint8], Sequence[str]],
    epochs: int,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> Classified:
    """Learn on from the training images, and keep the result if it does better on validation.

    The heads on it are those that take no spread of other people: what was measured is that of the
    embedding as it was.

    Parameters
    ----------
    frozen
        What :func:`classify` gave.
    train, validation
        Raw images of shape (n, 250, 250, 3) and class numbers of shape (n,).
    strangers
        Raw images of people outside the selection, and their names.
    epochs
        Passes over the training images.
    seed
        Decides the order of images and their changes.
    on_epoch
        Told of each finished epoch.
    """
    views = frozen.network.get_layer("views")
    aligned = network.alignment_of(frozen.network)
    tuned, history = tune_views(views, aligned, *train, epochs, seed, on_epoch)
    embedding = network.embedding(tuned, aligned)

    def embed(pixels: NDArray[np.uint8]) -> Vectors:
        return ask(embedding, pixels)

    chosen = choose_head(
        (embed(train[0]), train[1]),
        (embed(validation[0]), validation[1]),
        Strangers.of(embed(strangers[0]), strangers[1]),
    )
    if not _standing(chosen) > _standing(frozen.chosen):  # a loss that is no number is no better
        return Classified(frozen.model, frozen.chosen, frozen.network, history, tuned=False)
    model = pack_classifier(embedding, chosen.head)
    return Classified(model, chosen, embedding, history, tuned=True)


def _standing(chosen: Chosen) -> tuple[float, float]:
    """Give the chosen head's accuracy on the validation part, then its loss turned round."""
    first = chosen.candidates.iloc[0]
    return float(first["validation_accuracy"]), -float(first["validation_loss"])
