"""Parts of the input's work alone do that part, and all of it."""

import numpy as np
import pytest

from benchmarks import inputs
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
