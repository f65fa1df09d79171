"""Inputs are changed as it is said; parts of their work alone do that part, and all of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from benchmarks import augmentation, inputs
from benchmarks.contest import Taken
from benchmarks.data import Data
from lfw.augment import Augmentation


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (70, 112, 96, 1), dtype=np.uint8)


def test_an_input_that_changes_nothing_gives_every_image_once_a_pass(images: np.ndarray) -> None:
    labels = np.arange(len(images)) % 6
    given: list[np.ndarray] = []
    named: list[np.ndarray] = []
    for pixels, classes in inputs.unchanged_input(images, labels):
        given += list(pixels.numpy())
        named += list(classes.numpy().argmax(axis=1))
        if len(given) >= len(images):
            break
    order = [int(np.flatnonzero((images == one).all(axis=(1, 2, 3)))[0]) for one in given]
    assert sorted(order[: len(images)]) == list(range(len(images)))
    assert [labels[k] for k in order] == named


def test_the_changes_alone_are_those_of_as_many_batches(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[tuple[int, ...]] = []
    apply = Augmentation.apply

    def counted(*given: object) -> object:
        changed.append(apply(*given).shape)  # type: ignore[arg-type]
        return changed[-1]

    monkeypatch.setattr(Augmentation, "apply", counted)
    inputs.changes_alone(images, "compact")(70)
    assert changed == [(inputs.BATCH, 112, 96, 1)] * 70


@pytest.mark.parametrize(("changes", "peers"), [("notebook", True), (None, False)])
def test_like_for_like_is_with_the_changes_of_the_peer(
    changes: str | None, peers: bool, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Augmentation] = []
    apply = Augmentation.apply

    def noted(self: Augmentation, *given: Any) -> object:
        made.append(self)
        return apply(self, *given)

    monkeypatch.setattr(Augmentation, "apply", noted)
    labels = np.arange(len(images)) % 6
    inputs.take(inputs.passes(images, labels, "compact", changes), 2)
    alike = Augmentation(shear=0.2, zoom=0.2, flip=True)
    assert made
    assert all((one == alike) is peers for one in made)


def test_both_small_sizes_are_judged_by_the_same_standard(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unmeasured(contenders: Mapping[str, object], rounds: int) -> Taken:
        return {name: [1.0] * rounds for name in contenders}

    monkeypatch.setattr(augmentation, "contest", unmeasured)
    monkeypatch.setattr(augmentation, "_shares", lambda *_: ([], {}))
    claims = augmentation.run(data, rounds=1, steps=1).claims
    goals = [claim.what for claim in claims if claim.goal == 20.0]
    for size in augmentation._SIZES.values():
        alike = f"augmented input, {size}: shear, zoom, flip, taken"
        assert [what for what in goals if what.startswith(alike)] == [
            f"{alike} within TensorFlow's graph, as a fit takes them",
            f"{alike} by a loop in Python, as the generator's are",
        ]
    assert len(goals) == 4
    own = [claim for claim in claims if "the changes of `compact`" in claim.what]
    assert [claim.goal for claim in own] == [None]
