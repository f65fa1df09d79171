"""An embedding is learned the same for a seed, and goes on where it was interrupted."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from lfw.embedding import pretraining
from lfw.embedding.alignment import align_all, learn_alignment
from lfw.embedding.checkpoint import forget
from lfw.embedding.cohort import Cohort
from lfw.embedding.network import DIMENSIONS, WIDE, preprocess
from lfw.embedding.pretraining import Pretrained, pretrain, tune_views
from lfw.embedding.watching import cut_faces, read_faces
from lfw.pairs import view1_pairs
from lfw.spread import Spread
from tests.lfw.embedding.conftest import PIXELS, read
from tests.lfw.named_images import images_of
from tests.lfw.test_pairs import catalog_of, numbered

EPOCHS = 3
PEOPLE = {"Ann": 3, "Bob": 3, "Cy": 2}
ROWS = images_of(PEOPLE).assign(role="train")[["role", "name", "image_path", "sha256"]]
COHORT = Cohort(ROWS)
PAIRS = view1_pairs(
    catalog_of(
        view1_matched_test=numbered([("Dee", 1, "Dee", 2), ("Eve", 1, "Eve", 2)]),
        view1_mismatched_test=numbered([("Dee", 1, "Eve", 2), ("Eve", 1, "Dee", 2)]),
    ),
    "test",
)

pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

Told = list[tuple[int, int, set[str]]]


class Interrupted(Exception):  # noqa: N818
    pass


def teller(told: Told, last: int = EPOCHS + 1) -> Callable[[int, int, dict[str, float]], None]:
    def on_epoch(epoch: int, epochs: int, figures: dict[str, float]) -> None:
        told.append((epoch, epochs, set(figures)))
        if epoch == last:
            raise Interrupted

    return on_epoch


def learned(checkpoint: Path, told: Told, last: int = EPOCHS + 1, seed: int = 5) -> Pretrained:
    on_epoch = teller(told, last)
    return pretrain(COHORT, read, PAIRS, seed, EPOCHS, checkpoint, on_epoch)


def weights(model: keras.Model) -> NDArray[np.float32]:
    return np.concatenate([values.ravel() for values in model.get_weights()])


@pytest.fixture(scope="module")
def whole(eager: None) -> Pretrained:
    return pretrain(COHORT, read, PAIRS, seed=5, epochs=EPOCHS)


@pytest.fixture(scope="module")
def halfway(eager: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint after the second epoch. Not to be changed: copy it."""
    checkpoint = tmp_path_factory.mktemp("halfway") / "checkpoint"
    told: Told = []
    with pytest.raises(Interrupted):
        learned(checkpoint, told, last=2)
    assert [epoch for epoch, *_ in told] == [1, 2]
    return checkpoint


@pytest.fixture
def checkpoint(halfway: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(halfway, tmp_path / "checkpoint"))


def test_history_has_a_row_an_epoch(whole: Pretrained) -> None:
    history = whole.history
    assert history.columns.tolist() == ["epoch", "loss", "pairs_auc", "pairs_accuracy", "seconds"]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert np.isfinite(history.to_numpy()).all()
    assert history[["pairs_auc", "pairs_accuracy"]].isin([0, 0.25, 0.5, 0.75, 1]).all(axis=None)


def test_batches_of_an_epoch_are_not_tuned() -> None:
    given: list[Any] = []

    def fit(batches: Any, **_: Any) -> SimpleNamespace:
        given.append(batches)
        return SimpleNamespace(history={"loss": [1.0]})

    net: Any = SimpleNamespace(_flatten_layers=list, outputs=[None], fit=fit)
    faces, labels = np.zeros((4, *WIDE, 3), np.uint8), np.zeros(4, np.int64)
    pretraining._one_epoch(net, faces, labels, pretraining.PretrainRecipe(batch_size=2), (0, 0))
    assert given[0].options().autotune.enabled is False


def test_model_goes_from_pixels_to_vectors(whole: Pretrained) -> None:
    found = np.asarray(whole.model(PIXELS))
    assert found.shape == (4, DIMENSIONS)
    assert np.isfinite(found).all()
    assert getattr(whole.model.get_layer("views"), "optimizer", None) is None
    faces = read_faces(read, ROWS["image_path"].tolist())
    learned_alone = learn_alignment(faces, seed=5).get_weights()[0]
    inside = whole.model.get_layer("alignment").get_weights()[0]
    assert np.abs(inside).max() > 0
    np.testing.assert_allclose(inside, learned_alone, rtol=0.07, atol=1e-6)


def test_spread_is_that_of_the_people_learned_from(
    whole: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.asarray(whole.model(read(ROWS["image_path"].tolist())))
    expected = Spread.of(vectors, ROWS["name"].tolist())
    assert whole.spread is not None
    assert whole.spread.freedom == expected.freedom == 5
    np.testing.assert_allclose(whole.spread.covariance, expected.covariance, atol=1e-5)
    assert np.trace(expected.covariance) > 0.01
    monkeypatch.setattr(pretraining, "_CHUNK", 3)
    watched = pd.concat([ROWS, ROWS.assign(role="validation", name="Dee")])
    again = pretraining.spread_of(whole.model, Cohort(watched), read)
    assert again is not None
    np.testing.assert_allclose(again.covariance, whole.spread.covariance, atol=1e-5)


def test_people_of_one_image_each_show_no_spread(whole: Pretrained) -> None:
    once = Cohort(ROWS.drop_duplicates("name"))
    assert pretraining.spread_of(whole.model, once, read) is None


def test_weights_have_few_digits(whole: Pretrained) -> None:
    for array in whole.model.get_weights():
        if array.ndim == 1:
            assert np.array_equal(array, array.astype(np.float16))
        else:
            fraction = 32 * np.frexp(array)[0]
            assert np.array_equal(fraction, fraction.round())
    assert np.unique(weights(whole.model)).size > 300


def test_interrupted_fit_goes_on_and_ends_the_same(whole: Pretrained, checkpoint: Path) -> None:
    told: Told = []
    resumed = learned(checkpoint, told)
    figures = {"loss", "pairs_auc", "pairs_accuracy", "seconds"}
    assert told == [(epoch, EPOCHS, figures) for epoch in (1, 2, 3)], "kept epochs are told, too"
    columns = ["epoch", "loss", "pairs_auc", "pairs_accuracy"]
    np.testing.assert_allclose(
        resumed.history[columns].to_numpy(), whole.history[columns].to_numpy(), rtol=1e-4
    )
    # They are equal here; elsewhere threads may add up in another order, and the last of few
    # digits is one in 16.
    np.testing.assert_allclose(weights(resumed.model), weights(whole.model), rtol=0.07, atol=1e-6)
    again = learned(checkpoint, told)  # nothing is left to do
    assert len(told) == 6
    assert np.array_equal(weights(again.model), weights(resumed.model))
    assert again.history.equals(resumed.history)


def first_epoch(monkeypatch: pytest.MonkeyPatch, *asked: Any) -> tuple[int, int]:
    """The seed and the epoch that a fit begins with; nothing is fitted."""

    def begin(*given: Any) -> float:
        begun.append(given[-1])
        raise Interrupted

    begun: list[tuple[int, int]] = []
    monkeypatch.setattr(pretraining, "_one_epoch", begin)
    with pytest.raises(Interrupted):
        pretrain(*asked)
    return begun[0]


def test_checkpoint_of_another_fit_is_ignored(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = Cohort(ROWS[ROWS["name"] != "Cy"])
    asked = [(COHORT, 5, EPOCHS), (COHORT, 6, EPOCHS), (COHORT, 5, 4), (others, 5, EPOCHS)]
    begun = [
        first_epoch(monkeypatch, cohort, read, PAIRS, seed, epochs, checkpoint)
        for cohort, seed, epochs in asked
    ]
    assert begun == [(5, 3), (6, 1), (5, 1), (5, 1)]


@pytest.mark.parametrize("content", ["", "{", '{"key": "of another", "history": []}'])
def test_damaged_state_is_ignored(
    checkpoint: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkpoint / "state.json").write_text(content)
    assert first_epoch(monkeypatch, COHORT, read, PAIRS, 5, EPOCHS, checkpoint) == (5, 1)


def test_damaged_weights_are_ignored(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_file = checkpoint / "epoch-2.weights.h5"
    weights_file.write_bytes(weights_file.read_bytes()[:-100])
    assert first_epoch(monkeypatch, COHORT, read, PAIRS, 5, EPOCHS, checkpoint) == (5, 1)


def test_checkpoint_is_kept_whole_and_forgotten(checkpoint: Path) -> None:
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == ["checkpoint"]
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "epoch-2.weights.h5",
        "state.json",
    ]
    forget(checkpoint)
    forget(checkpoint)
    assert not checkpoint.exists()


@pytest.mark.parametrize("pairs", [PAIRS.head(0), PAIRS.head(2), PAIRS.tail(2)])
def test_pairs_of_both_kinds_are_watched_or_none(
    pairs: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "_one_epoch", lambda *_: 0.5)
    history = pretrain(COHORT, read, pairs, 5, epochs=1).history
    assert history.drop(columns="seconds").to_dict("records") == [{"epoch": 1, "loss": 0.5}]


def test_tuned_views_are_others_near_the_given_ones(
    untrained: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = keras.models.clone_model(untrained.get_layer("views"))
    views.set_weights(untrained.get_layer("views").get_weights())
    told: Told = []
    aligned = untrained.get_layer("alignment")
    asked: list[NDArray[np.uint8]] = []
    one_epoch = pretraining._one_epoch

    def noted(net: keras.Model, faces: NDArray[np.uint8], *rest: Any) -> float:
        asked.append(faces)
        return one_epoch(net, faces, *rest)

    monkeypatch.setattr(pretraining, "_one_epoch", noted)
    tuned, history = tune_views(views, aligned, PIXELS, np.array([0, 1, 0, 1]), 2, 0, teller(told))
    wide = cut_faces(preprocess(), PIXELS)
    assert np.array_equal(asked[0], align_all(aligned, wide))
    assert not np.array_equal(asked[0], wide)
    assert told == [(epoch, 2, {"loss", "seconds"}) for epoch in (1, 2)]
    assert history["epoch"].tolist() == [1, 2]
    assert tuned is not views
    trained = [np.asarray(w) for w in tuned.trainable_weights]
    given = [np.asarray(w) for w in untrained.get_layer("views").trainable_weights]
    moved = [np.abs(w - v).max() for w, v in zip(trained, given, strict=True)]
    assert 0 < max(moved) < 0.01


def test_embeddings_of_any_number_of_views_are_tuned(untrained: keras.Model) -> None:
    face = keras.Input((112, 96, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(face))
    views = keras.Model(face, [keras.layers.Dense(8)(pooled) for _ in range(5)])
    aligned = untrained.get_layer("alignment")
    tuned, _ = tune_views(views, aligned, PIXELS, np.array([0, 1, 0, 1]), 1, 0)
    assert [output.shape for output in tuned.outputs] == [(None, 8)] * 5
