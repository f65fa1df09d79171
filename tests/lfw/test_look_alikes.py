"""The short product rules out nothing that the whole one would find."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lfw import look_alikes
from lfw.look_alikes import ROUGHNESS, descriptors, find_look_alikes


def drawn(count: int, seed: int, coarse: int = 12) -> NDArray[np.uint8]:
    """Thumbnails of which every third resembles the one before, more or less."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, coarse, coarse), dtype=np.uint8)
    images = [cv2.resize(one, (64, 64), interpolation=cv2.INTER_CUBIC) for one in small]
    for place in range(2, count, 3):
        part = rng.uniform(0.3, 0.9)
        turned = cv2.warpAffine(
            images[place - 1],
            cv2.getRotationMatrix2D((31.5, 31.5), rng.uniform(-5, 5), rng.uniform(0.95, 1.1)),
            (64, 64),
            borderMode=cv2.BORDER_REPLICATE,
        )
        images[place] = cv2.addWeighted(turned, part, images[place], 1 - part, 0)
    return np.stack(images).astype(np.uint8)


def compared_one_by_one(thumbnails: NDArray[np.uint8], least: float = 0.8) -> list[tuple[int, int]]:
    plain = descriptors(thumbnails)
    likeness = [plain @ plain.T]
    for pose in look_alikes._POSES:
        posed = descriptors(look_alikes._posed(thumbnails, *pose))
        likeness += [plain @ posed.T, posed @ plain.T]
    best = np.triu(np.max(likeness, axis=0), 1)
    return [(int(i), int(j)) for i, j in np.argwhere(best > least)]


@pytest.mark.parametrize("count", [0, 1, 2, 9, 150])
@pytest.mark.parametrize("block", [16, 4096])
@pytest.mark.parametrize("many", [0.0, 0.02, 1.0])
def test_pairs_are_those_of_all_products(
    count: int, block: int, many: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way the pairs that are left are compared, and however they fall into blocks."""
    monkeypatch.setattr(look_alikes, "_BLOCK", block)
    monkeypatch.setattr(look_alikes, "_MANY", many)
    monkeypatch.setattr(look_alikes, "_PAIRS", 7)
    thumbnails = np.zeros((0, 64, 64), np.uint8) if count == 0 else drawn(count, count)
    expected = compared_one_by_one(thumbnails)
    assert find_look_alikes(thumbnails) == expected
    assert count < 100 or len(expected) > 10


@pytest.mark.parametrize("coarse", [3, 6, 16, 64])
def test_short_product_is_never_below_the_correlation(coarse: int) -> None:
    plain = descriptors(drawn(120, 1, coarse))
    short = look_alikes._shortened(plain, look_alikes._principal_axes(plain))
    assert (short @ short.T - plain @ plain.T).min() > -look_alikes._ROUNDING


def test_flat_images_are_like_none() -> None:
    flat = np.full((3, 64, 64), 90, np.uint8)
    assert not descriptors(flat).any()
    assert find_look_alikes(flat) == []


def test_exact_thumbnails_decide_and_few_are_asked_for() -> None:
    exact = drawn(150, 5)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3, exact.shape)
    rough = np.clip(exact + noise, 0, 255).astype(np.uint8)
    first, second = descriptors(exact), descriptors(rough)
    assert np.abs(first @ first.T - second @ second.T).max() < ROUGHNESS
    asked: list[int] = []

    def give(place: int) -> NDArray[np.uint8]:
        asked.append(place)
        return np.asarray(exact[place], np.uint8)

    assert find_look_alikes(rough, give) == find_look_alikes(exact)
    assert len(asked) == len(set(asked)) < 140
