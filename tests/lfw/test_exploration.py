"""A random split tears people apart as often as the theory says."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw.catalog import expand_paths, read_catalog
from lfw.exploration import RandomSplit, draw_random_split


def images_of(*counts: int) -> pd.DataFrame:
    return pd.DataFrame({"name": [f"P{k}" for k, count in enumerate(counts) for _ in range(count)]})


def by_enumeration(*counts: int) -> tuple[float, float]:
    """Expected known and unknown people, over all tests of a fifth of the images."""
    people = images_of(*counts)["name"].to_numpy(dtype=str)
    known, unknown, draws = 0, 0, 0
    for test in combinations(range(len(people)), len(people) // 5):
        train = set(np.delete(people, list(test)))
        tested = {people[k] for k in test}
        known, unknown = known + len(tested & train), unknown + len(tested - train)
        draws += 1
    return known / draws, unknown / draws


@pytest.mark.parametrize("counts", [(1, 1, 2, 1), (1, 1, 1, 3, 4), (2,) * 5, (5, 5), (1,) * 10])
def test_expectation_is_that_of_all_splits(counts: tuple[int, ...]) -> None:
    found = draw_random_split(images_of(*counts), 0)
    expected = by_enumeration(*counts)
    assert (found.expected_known, found.expected_unknown) == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=3, max_size=20), st.integers(0, 2**32 - 1))
def test_people_are_counted(counts: list[int], seed: int) -> None:
    images = images_of(*counts)
    found = draw_random_split(images, seed)

    assert found.train_images + found.test_images == len(images)
    assert found.test_images == -(-len(images) // 5)
    assert 1 <= found.known + found.unknown <= min(found.test_images, len(counts))
    assert found.known <= sum(count > 1 for count in counts)
    for low, high in (found.known_range, found.unknown_range):
        assert 0 <= low <= high <= len(counts)
    assert draw_random_split(images.sample(frac=1, random_state=0), seed) == found


def test_people_with_one_image_are_never_known() -> None:
    found = draw_random_split(images_of(*[1] * 50), 3)
    assert (found.known, found.unknown) == (0, 10)
    assert found.expected_unknown == pytest.approx(10)
    assert found.unknown_range == (10, 10)


def test_one_person_is_always_known() -> None:
    found = draw_random_split(images_of(50), 3)
    assert (found.known, found.unknown, found.known_range) == (1, 0, (1, 1))


def test_seed_decides_the_draw() -> None:
    images = images_of(*range(1, 30))
    drawn = [draw_random_split(images, seed) for seed in range(8)]
    assert len({(split.known, split.unknown) for split in drawn}) > 1
    assert len({split.expected_known for split in drawn}) == 1


def within(split: RandomSplit) -> bool:
    known = split.known_range[0] <= split.expected_known <= split.known_range[1]
    return known and split.unknown_range[0] <= split.expected_unknown <= split.unknown_range[1]


def test_range_holds_the_expectation() -> None:
    assert within(draw_random_split(images_of(*range(1, 40)), 0))


def test_real_random_split_tests_as_many_strangers_as_known_people(
    real_folder: Path,
) -> None:
    found = draw_random_split(expand_paths(read_catalog(real_folder).people), 42)

    assert (found.train_images, found.test_images) == (10_586, 2647)
    assert found.expected_known == pytest.approx(848, abs=1)
    assert found.expected_unknown == pytest.approx(848, abs=1)
    assert within(found)
    assert abs(found.known - found.expected_known) < 60
