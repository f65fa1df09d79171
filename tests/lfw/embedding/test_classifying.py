"""A classifier on an embedding is its head, and fine-tuning is kept only where it helps."""

import dataclasses
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from lfw.embedding import classifying
from lfw.embedding.classifying import Classified, classify, fine_tune
from lfw.head_ways import POOLED
from lfw.heads import choose_head
from lfw.serving import predict
from lfw.spread import Spread
from lfw.strangers import Strangers
from tests.lfw.bad_images import drawn

pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def noisy(seed: int, chance: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(chance).normal(scale=12, size=(250, 250, 3))
    return (drawn(seed) + noise).clip(0, 255).astype(np.uint8)


LABELS = np.array([0, 0, 0, 1, 1, 1])
TRAIN = np.stack([noisy(label, k) for k, label in enumerate(LABELS)]), LABELS
VALIDATION = np.stack([noisy(label, 20 + label) for label in (0, 1)]), np.array([0, 1])
STRANGERS, STRANGER = np.stack([drawn(7)]), ["Somebody"]


@pytest.fixture(scope="module")
def frozen(untrained: keras.Model, eager: None) -> Classified:
    def embedded(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(untrained(pixels))

    return classify(
        untrained,
        (embedded(TRAIN[0]), TRAIN[1]),
        (embedded(VALIDATION[0]), VALIDATION[1]),
        Strangers.of(embedded(STRANGERS), STRANGER),
    )


def losing(frozen: Classified) -> Classified:
    """The same, as if it did badly on validation."""
    candidates = frozen.chosen.candidates.assign(validation_loss=99.0)
    return dataclasses.replace(
        frozen, chosen=dataclasses.replace(frozen.chosen, candidates=candidates)
    )


def test_classifier_is_the_head_behind_the_embedding(
    frozen: Classified, untrained: keras.Model
) -> None:
    pixels = np.concatenate([VALIDATION[0], STRANGERS])
    expected = frozen.chosen.head.probabilities(np.asarray(untrained(pixels)))
    assert predict(frozen.model, pixels) == pytest.approx(expected, abs=1e-5)
    assert expected[:2].argmax(axis=1).tolist() == [0, 1]
    assert frozen.network is untrained
    assert frozen.history.empty
    assert not frozen.tuned


def test_spread_of_the_embeddings_own_people_is_put_to_use(untrained: keras.Model) -> None:
    def embedded(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(untrained(pixels))

    train, validation = [(embedded(pixels), labels) for pixels, labels in (TRAIN, VALIDATION)]
    spread = Spread.of(train[0], TRAIN[1])
    strangers = Strangers.of(embedded(STRANGERS), STRANGER)
    found = classify(untrained, train, validation, strangers, spread)
    assert found.chosen.candidates["head"][0] == POOLED
    expected = choose_head(train, validation, strangers, spread=spread).head
    assert np.array_equal(found.chosen.head.identity.weights, expected.identity.weights)


def test_fine_tuning_that_helps_is_kept(frozen: Classified, untrained: keras.Model) -> None:
    before = untrained.get_weights()
    told: list[tuple[int, int]] = []
    tuned = fine_tune(
        losing(frozen),
        TRAIN,
        VALIDATION,
        (STRANGERS, STRANGER),
        epochs=2,
        seed=0,
        on_epoch=lambda epoch, epochs, _: told.append((epoch, epochs)),
    )
    assert tuned.tuned
    assert told == [(1, 2), (2, 2)]
    assert tuned.history["epoch"].tolist() == [1, 2]
    vectors = np.asarray(tuned.network(VALIDATION[0]))
    assert not np.allclose(vectors, np.asarray(untrained(VALIDATION[0])), atol=1e-4)
    expected = tuned.chosen.head.probabilities(vectors)
    assert predict(tuned.model, VALIDATION[0]) == pytest.approx(expected, abs=1e-5)
    for weights, given in zip(untrained.get_weights(), before, strict=True):
        assert np.array_equal(weights, given)  # the given network is left alone
    aligned, given = (m.get_layer("alignment") for m in (tuned.network, untrained))
    assert aligned is not given
    assert np.array_equal(aligned.get_weights()[0], given.get_weights()[0])


def test_fine_tuning_that_does_not_help_is_told_and_dropped(
    frozen: Classified, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = pd.DataFrame({"epoch": [1], "loss": [2.0], "seconds": [0.1]})

    def unchanged(views: keras.Model, *_: Any) -> tuple[keras.Model, pd.DataFrame]:
        return views, history

    monkeypatch.setattr(classifying, "tune_views", unchanged)
    monkeypatch.setattr(classifying, "choose_head", lambda *_: frozen.chosen)  # as good, no better
    kept = fine_tune(frozen, TRAIN, VALIDATION, (STRANGERS, STRANGER), epochs=1, seed=0)
    assert not kept.tuned
    assert kept.model is frozen.model
    assert kept.network is frozen.network
    assert kept.chosen is frozen.chosen
    assert kept.history is history


@pytest.mark.parametrize(
    ("accuracy", "loss", "taken"), [(0.1, -1.0, True), (-0.1, -1.0, False), (0.0, -1.0, True)]
)
def test_fine_tuning_is_judged_by_accuracy_and_then_by_loss(
    frozen: Classified, monkeypatch: pytest.MonkeyPatch, accuracy: float, loss: float, taken: bool
) -> None:
    given = dataclasses.replace(
        frozen.chosen, candidates=frozen.chosen.candidates.assign(validation_accuracy=0.5)
    )
    found = given.candidates.assign(
        validation_accuracy=0.5 + accuracy,
        validation_loss=given.candidates["validation_loss"] + loss,
    )
    chosen = dataclasses.replace(given, candidates=found)
    monkeypatch.setattr(classifying, "tune_views", lambda views, *_: (views, pd.DataFrame()))
    monkeypatch.setattr(classifying, "choose_head", lambda *_: chosen)
    before = dataclasses.replace(frozen, chosen=given)
    tuned = fine_tune(before, TRAIN, VALIDATION, (STRANGERS, STRANGER), epochs=1, seed=0)
    assert tuned.tuned is taken
