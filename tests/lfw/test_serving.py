"""A model is the same after it was written and read, and brings no code along."""

from pathlib import Path

import keras
import numpy as np
import pytest

from lfw.errors import DataError
from lfw.features import FEATURES, FeatureClassifier
from lfw.linear import Head, Linear
from lfw.networks import join, recipe_of
from lfw.serving import (
    UNKNOWN,
    answers,
    count_weights,
    load_model,
    model_file,
    predict,
    save_model,
    weights_digest,
)
from tests.lfw.bad_images import drawn

CLASSES = ("Ann", "Bob", "Cat")
PIXELS = np.stack([drawn(seed) for seed in range(3)])


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    recipe = recipe_of("compact")
    return join(recipe.preprocess(), recipe.core(3))


def test_read_model_answers_as_the_written_one(model: keras.Model, tmp_path: Path) -> None:
    path = save_model(model, tmp_path)
    assert path == tmp_path / "model.keras" == model_file(tmp_path)
    again = load_model(path)
    assert np.array_equal(predict(again, PIXELS), predict(model, PIXELS))
    assert again.input_shape == (None, 250, 250, 3)


def test_weights_digest_outlives_the_file_and_notices_a_change(
    model: keras.Model, tmp_path: Path
) -> None:
    again = load_model(save_model(model, tmp_path))
    assert weights_digest(again) == weights_digest(model)
    changed = [weights.copy() for weights in again.get_weights()]
    changed[-1][0] += 1e-3
    again.set_weights(changed)
    assert weights_digest(again) != weights_digest(model)


def test_file_holds_the_weights_and_little_else(model: keras.Model, tmp_path: Path) -> None:
    path = save_model(model, tmp_path)
    assert path.stat().st_size < 4 * model.count_params() * 1.1 + 100_000
    assert getattr(load_model(path), "optimizer", None) is None


def test_model_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    carrier = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    carrier.save(path)
    with pytest.raises(DataError, match=r"model\.keras is no model .*Lambda"):
        load_model(path)


def test_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"model\.keras is no model that can be loaded"):
        load_model(path)


def test_answer_does_not_depend_on_the_company(model: keras.Model) -> None:
    together = predict(model, PIXELS)
    alone = np.concatenate([predict(model, PIXELS[k : k + 1]) for k in range(len(PIXELS))])
    assert together == pytest.approx(alone, abs=1e-5)
    assert together.shape == (3, 3)
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_answers_name_the_most_probable() -> None:
    probabilities = np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]], np.float32)
    found = answers(probabilities, CLASSES)
    assert found.columns.tolist() == ["name", "probability", *CLASSES]
    assert found["name"].tolist() == ["Bob", "Ann"]
    assert found["probability"].tolist() == pytest.approx([0.7, 0.5])
    assert found[list(CLASSES)].to_numpy() == pytest.approx(probabilities)
    assert found["probability"].dtype == np.float64


def test_no_image_has_no_answer() -> None:
    found = answers(np.empty((0, 3), np.float32), CLASSES)
    assert found.empty
    assert found.columns.tolist() == ["name", "probability", *CLASSES]


@pytest.mark.parametrize(
    ("threshold", "names"),
    [
        (None, ["Bob", "Ann", "Cat"]),
        (0.5, ["Bob", "Ann", UNKNOWN]),
        (0.51, ["Bob", UNKNOWN, UNKNOWN]),
        (0.0, ["Bob", "Ann", "Cat"]),
        (1.0, [UNKNOWN] * 3),
    ],
)
def test_name_takes_enough_probability(threshold: float | None, names: list[str]) -> None:
    probabilities = np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.2]], np.float32)
    found = answers(probabilities, CLASSES, threshold)
    assert found["name"].tolist() == names
    assert found["probability"].tolist() == pytest.approx([0.7, 0.5, 0.2])
    assert found[list(CLASSES)].to_numpy() == pytest.approx(probabilities)
    assert CLASSES == ("Ann", "Bob", "Cat")


# On features -----------------------------------------------------------------------------------


def corner(pixels: np.ndarray) -> np.ndarray:
    return pixels[:, 0, 0].astype(np.float32)


@pytest.fixture
def classifier(monkeypatch: pytest.MonkeyPatch) -> FeatureClassifier:
    """Tells the strongest colour of the corner."""
    monkeypatch.setitem(FEATURES, "corner", corner)
    colour = Linear(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    nobody = Linear(np.zeros((3, 4), np.float32), np.log(np.array([1, 1, 1, 1], np.float32)))
    return FeatureClassifier("corner", Head(colour, nobody))


def test_classifier_on_features_is_served_like_a_network(
    classifier: FeatureClassifier, tmp_path: Path
) -> None:
    pixels = np.zeros((130, 250, 250, 3), np.uint8)
    colours = np.arange(130) % 3
    pixels[np.arange(130), 0, 0, colours] = 200
    path = save_model(classifier, tmp_path)
    assert path == tmp_path / "model.npz" == model_file(tmp_path)
    again = load_model(path)
    assert weights_digest(again) == weights_digest(classifier) == classifier.digest
    assert predict(again, pixels) == pytest.approx(0.75 * np.eye(3)[colours])


def test_weights_are_counted(model: keras.Model, classifier: FeatureClassifier) -> None:
    assert count_weights(classifier) == 3 * 3 + 3 + 3 * 4 + 4
    closed = FeatureClassifier("corner", Head(classifier.head.identity, None))
    assert count_weights(closed) == 3 * 3 + 3
    assert count_weights(model) == sum(weights.size for weights in model.get_weights())


def test_file_that_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"not a model")
    with pytest.raises(DataError, match="is no classifier on features"):
        load_model(path)
