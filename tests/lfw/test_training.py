"""A fit learns, keeps what it should, tells what it does, and does the same for the same seed."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from lfw import training
from lfw.augment import Augmentation
from lfw.networks import Recipe, recipe_of
from lfw.serving import predict
from lfw.training import Fit, fit, one_hot, preprocess_images, training_batches
from tests.lfw.drawn_people import PEOPLE, Divided, divided


@pytest.fixture(scope="module")
def faces(sample_folder: Path) -> Divided:
    return divided(sample_folder)


def short_fit(faces: Divided, seed: int = 1, epochs: int = 2) -> Fit:
    return fit("compact", faces.train, faces.validation, PEOPLE, seed, epochs)


@pytest.fixture(scope="module")
def fitted(faces: Divided) -> Fit:
    return short_fit(faces)


def test_history_has_a_row_an_epoch(fitted: Fit) -> None:
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert sorted(fitted.history.columns) == sorted(columns)
    assert fitted.history["epoch"].tolist() == [1, 2]
    assert fitted.history.notna().all().all()
    assert (fitted.history["seconds"] > 0).all()
    for column in ("accuracy", "val_accuracy"):
        assert fitted.history[column].between(0, 1).all()


def test_model_goes_from_pixels_to_probabilities(faces: Divided, fitted: Fit) -> None:
    found = predict(fitted.model, faces.test.pixels[:3])
    assert found.shape == (3, PEOPLE)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_neither_batches_of_a_fit_are_tuned(
    faces: Divided, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def noted(_: keras.Model, batches: Any, *, validation_data: Any, **_more: Any) -> None:
        given.extend([batches, validation_data])
        raise InterruptedError

    monkeypatch.setattr(keras.Model, "fit", noted)
    with pytest.raises(InterruptedError):
        short_fit(faces)
    assert [batches.options().autotune.enabled for batches in given] == [False, False]


def test_same_seed_fits_the_same_and_another_another(faces: Divided, fitted: Fit) -> None:
    first = predict(fitted.model, faces.test.pixels)
    again = short_fit(faces)
    # Threads may add up in another order: the last digits of a float are not promised.
    assert predict(again.model, faces.test.pixels) == pytest.approx(first, abs=1e-4)
    figures = ["loss", "accuracy", "val_loss", "val_accuracy"]
    pd.testing.assert_frame_equal(again.history[figures], fitted.history[figures], rtol=1e-4)
    other = short_fit(faces, seed=2)
    assert not np.allclose(predict(other.model, faces.test.pixels), first, atol=1e-3)


def test_compact_learns_drawn_faces_and_tells_of_each_epoch(faces: Divided) -> None:
    told: list[tuple[int, int, set[str]]] = []
    fitted = fit(
        "compact",
        faces.train,
        faces.validation,
        PEOPLE,
        seed=0,
        epochs=8,
        on_epoch=lambda epoch, epochs, figures: told.append((epoch, epochs, set(figures))),
    )
    accuracy = (predict(fitted.model, faces.test.pixels).argmax(1) == faces.test.labels).mean()
    assert accuracy > 0.7  # chance is one in six
    assert [(epoch, epochs) for epoch, epochs, _ in told] == [(k, 8) for k in range(1, 9)]
    assert told[0][2] == {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"}


def toy(patience: int | None, rate: float) -> Recipe:
    """One dense layer on the mean colour: quick to fit, and to overshoot."""

    def core(classes: int) -> keras.Model:
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input((250, 250, 3)),
                layers.Rescaling(1 / 255),
                layers.GlobalAveragePooling2D(),
                layers.Dense(classes, activation="softmax"),
            ]
        )

    def compile_(core: keras.Model, _steps: int, _epochs: int) -> None:
        core.compile(keras.optimizers.SGD(rate), "categorical_crossentropy", metrics=["accuracy"])

    return dataclasses.replace(
        recipe_of("notebook"),
        epochs=12,
        patience=patience,
        augmentation=Augmentation(flip=False),
        core=core,
        compile=compile_,
    )


def validation_loss(fitted: Fit, faces: Divided) -> float:
    probabilities = predict(fitted.model, faces.validation.pixels)
    chosen = probabilities[np.arange(len(probabilities)), faces.validation.labels]
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())


@pytest.mark.parametrize(("patience", "epochs"), [(2, 12), (10, 4)])
def test_best_epoch_is_kept(
    faces: Divided, monkeypatch: pytest.MonkeyPatch, patience: int, epochs: int
) -> None:
    monkeypatch.setattr(training, "recipe_of", lambda _: toy(patience, rate=8.0))
    fitted = fit("compact", faces.train, faces.validation, PEOPLE, seed=0, epochs=epochs)
    losses = fitted.history["val_loss"]
    assert fitted.best_epoch == losses.argmin() + 1
    assert len(losses) == min(fitted.best_epoch + patience, epochs)
    assert validation_loss(fitted, faces) == pytest.approx(losses.min(), rel=1e-3)
    assert losses.iloc[-1] > losses.min() * 1.01


def test_without_patience_the_last_epoch_is_kept(
    faces: Divided, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "recipe_of", lambda _: toy(patience=None, rate=8.0))
    fitted = fit("compact", faces.train, faces.validation, PEOPLE, seed=0, epochs=5)
    losses = fitted.history["val_loss"]
    assert fitted.best_epoch == len(losses) == 5
    assert validation_loss(fitted, faces) == pytest.approx(losses.iloc[-1], rel=1e-3)


def test_model_is_left_without_an_optimiser(fitted: Fit) -> None:
    assert getattr(fitted.model, "optimizer", None) is None
    for layer in fitted.model.layers:
        assert getattr(layer, "optimizer", None) is None


def test_preprocessed_images_are_kept_in_bytes_as_serving_sees_them(
    faces: Divided, fitted: Fit
) -> None:
    recipe = recipe_of("compact")
    preprocess = recipe.preprocess()
    pixels = np.concatenate([faces.train.pixels, faces.test.pixels])[:70]  # more than a chunk
    kept = preprocess_images(preprocess, pixels)
    assert kept.dtype == np.uint8
    assert np.array_equal(kept, np.asarray(preprocess(pixels)))
    core = fitted.model.layers[-1]
    expected = np.asarray(core(kept[:8].astype(np.float32)))
    assert predict(fitted.model, pixels[:8]) == pytest.approx(expected, abs=1e-5)


def test_one_hot_by_hand() -> None:
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def numbered(count: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.zeros((count, 4, 4, 1), np.uint8)
    images[:] = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return images, one_hot(np.arange(count), count)


def passes(count: int, seed: int, **changes: Any) -> list[list[int]]:
    """Which image stands where, in two passes; every image comes with its own label."""
    plain = dataclasses.replace(
        recipe_of("notebook"), augmentation=Augmentation(flip=False), batch_size=4
    )
    batches = training_batches(*numbered(count), dataclasses.replace(plain, **changes), seed)
    found = []
    for _ in range(2):
        order: list[int] = []
        for pixels, labels in batches.as_numpy_iterator():
            assert pixels[:, 0, 0, 0].astype(int).tolist() == labels.argmax(1).tolist()
            assert len(labels) <= 4
            order += labels.argmax(1).tolist()
        found.append(order)
    return found


def test_every_pass_takes_every_image_once_in_another_order() -> None:
    first, second = passes(10, seed=3)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert first != list(range(10))
    assert passes(10, seed=3) == [first, second]
    assert passes(10, seed=4)[0] != first


def test_few_images_are_passed_over_several_times_in_an_epoch() -> None:
    first, _ = passes(10, seed=3, least_steps=6)  # 24 images at least
    assert len(first) == 30
    assert [first.count(k) for k in range(10)] == [3] * 10


def test_images_are_changed_anew_each_time_and_the_same_for_a_seed() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 20, 20, 1), dtype=np.uint8)
    labels = one_hot(np.arange(6), 6)
    recipe = dataclasses.replace(
        recipe_of("notebook"), augmentation=Augmentation(shift=5, brightness=0.5)
    )

    def two_passes() -> list[np.ndarray]:
        batches = training_batches(images, labels, recipe, seed=1)
        found = []
        for _ in range(2):
            (pixels, answers), *_ = batches.as_numpy_iterator()
            found.append(pixels[answers.argmax(1).argsort()])
        return found

    first, second = two_passes()
    assert first.dtype == np.float32
    assert not any(np.array_equal(one, two) for one, two in zip(first, second, strict=True))
    again = two_passes()
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])


def test_the_frame_changes_next_to_nothing() -> None:
    images = np.random.default_rng(0).integers(0, 256, (32, 60, 50, 1), dtype=np.uint8)
    labels = one_hot(np.arange(32), 32)
    moving = Augmentation(shift=20, rotate=8, zoom=0.2)
    recipe = dataclasses.replace(recipe_of("compact"), augmentation=moving, batch_size=32)
    framed = next(iter(training_batches(images, labels, recipe, seed=2)))
    chance = next(iter(tf.data.Dataset.random(seed=2, rerandomize_each_iteration=True)))
    chosen = np.asarray(framed[1]).argmax(axis=1)
    plain = moving.apply(images[chosen], np.random.default_rng(abs(int(chance))))
    apart = np.abs(np.asarray(framed[0]) - plain)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3


def batch_by_batch(
    images: np.ndarray, labels: np.ndarray, recipe: Recipe, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One pass after the other, each batch made for itself in the plainest way."""
    framed = np.pad(images, ((0, 0), (16, 16), (16, 16), (0, 0)), "edge")
    passes = -(-recipe.least_steps * recipe.batch_size // len(images))
    order = tf.data.Dataset.range(len(images)).shuffle(len(images), seed=seed).repeat(passes)
    chances = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    plan = tf.data.Dataset.zip(order.batch(recipe.batch_size), chances)
    for _ in range(3):
        for chosen, chance in plan.as_numpy_iterator():
            rng = np.random.default_rng(abs(int(chance)))
            changed = recipe.augmentation.apply(framed[chosen], rng, images.shape[1:3])
            yield changed.astype(np.float32), labels[chosen]


@pytest.mark.parametrize(("count", "least_steps"), [(30, 1), (32, 1), (10, 9), (3, 1)])
def test_batches_of_a_seed_are_those_made_one_by_one_in_the_plainest_way(
    count: int, least_steps: int
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, 12, 9, 1), dtype=np.uint8)
    labels = one_hot(np.arange(count), count)
    recipe = dataclasses.replace(recipe_of("compact"), batch_size=4, least_steps=least_steps)
    batches = training_batches(images, labels, recipe, seed=2)
    found = [batch for _ in range(3) for batch in batches.as_numpy_iterator()]
    expected = list(batch_by_batch(images, labels, recipe, seed=2))
    assert len(found) == len(expected) == 3 * int(batches.cardinality())
    for (pixels, answers), (as_before, names) in zip(found, expected, strict=True):
        assert pixels.dtype == np.float32
        assert np.array_equal(pixels, as_before)
        assert np.array_equal(answers, names)
