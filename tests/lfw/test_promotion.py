from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lfw.promotion import (
    LEAST_TEST_IMAGES,
    Record,
    area_error,
    comparable_images,
    compare_answers,
    failed_gates,
    pass_gates,
)
from lfw.split import Split

PEOPLE = ("Ann_Ash", "Ben_Birch")


def split_of(parts: dict[str, Iterable[int]], people: tuple[str, ...] = PEOPLE) -> Split:
    """A split of numbered images: of each person the same numbers."""
    rows = [
        (part, name, f"{name}/{name}_{k:04}.jpg", f"{name}{k}")
        for part, numbers in parts.items()
        for name in people
        for k in numbers
    ]
    return Split(pd.DataFrame(rows, columns=["part", "name", "image_path", "sha256"]), people)


def answers_of(split: Split, wrong: int = 0) -> pd.DataFrame:
    """Answers to the test images, the first few of them wrong."""
    test = split.part("test")
    other = {split.classes[0]: split.classes[1], split.classes[1]: split.classes[0]}
    said = [other[name] if k < wrong else name for k, name in enumerate(test["name"])]
    return pd.DataFrame({"image_path": test["image_path"], "answer": said})


def record_of(split: Split, wrong: int = 0, version: str = "2") -> Record:
    return Record(version, False, False, split, answers_of(split, wrong))


SPLIT = split_of({"train": range(40), "validation": range(40, 50), "test": range(50, 80)})


def test_a_clean_version_passes_every_gate() -> None:
    assert failed_gates(record_of(SPLIT)) == []
    assert pass_gates(record_of(SPLIT)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"synthetic": True}, "synthetic sample"),
        ({"below": ("hog_lda",)}, "significantly below hog_lda"),
        ({"seen": frozenset({"Ben_Birch", "Cy_Cedar"})}, "trained on Ben_Birch"),
        ({"forgotten": frozenset({"Cy_Cedar"})}, "learned from 1 people who were forgotten"),
        ({"unusable": frozenset({"Ann_Ash/Ann_Ash_0003.jpg"})}, "1 of its images unusable"),
        (
            {"same_photo": (("Ann_Ash/Ann_Ash_0001.jpg", "Ann_Ash/Ann_Ash_0060.jpg"),)},
            "leaks 1 times, first Ann_Ash/Ann_Ash_0001.jpg",
        ),
        ({"split": split_of({"train": range(40), "test": range(50, 64)})}, "tested on 28 images"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_fails_a_gate_is_given_no_alias(change: dict[str, object], said: str) -> None:
    verdict = pass_gates(replace(record_of(SPLIT), **change))  # type: ignore[arg-type]
    assert verdict is not None
    assert not verdict.champion
    assert not verdict.eligible
    assert said in verdict.why


def test_versions_of_the_same_split_are_compared_on_all_its_test_images() -> None:
    new, old = record_of(SPLIT), record_of(SPLIT, version="1")
    paths, why = comparable_images(new, old)
    assert paths == SPLIT.part("test")["image_path"].tolist()
    assert why == ""


def test_images_that_the_champion_learned_from_are_left_out_of_the_comparison() -> None:
    other = split_of({"train": range(20, 60), "validation": range(10), "test": range(60, 90)})
    photos = (("Ben_Birch/Ben_Birch_0025.jpg", "Ben_Birch/Ben_Birch_0070.jpg"),)
    new = replace(record_of(SPLIT), same_photo=photos)
    paths, why = comparable_images(new, record_of(other, version="1"))
    assert why == ""
    wanted = {f"{name}/{name}_{k:04}.jpg" for name in PEOPLE for k in range(60, 80)}
    assert set(paths) == wanted - {"Ben_Birch/Ben_Birch_0070.jpg"}


def test_the_same_content_under_another_path_is_left_out_too() -> None:
    other = split_of({"train": range(40), "validation": range(40, 50), "test": range(50, 80)})
    other.rows.loc[0, "sha256"] = "Ann_Ash79"
    paths, _ = comparable_images(record_of(SPLIT), record_of(other, version="1"))
    assert len(paths) == 59
    assert "Ann_Ash/Ann_Ash_0079.jpg" not in paths


@pytest.mark.parametrize(
    ("champion", "said"),
    [
        (record_of(split_of({"train": [1], "test": [2]}, ("Ann_Ash", "Cy_Cedar"))), "other people"),
        (replace(record_of(SPLIT), outside_data=True), "outside data"),
        (record_of(split_of({"train": range(50, 70), "test": range(50)})), "not enough data"),
    ],
)
def test_what_cannot_be_compared_says_why(champion: Record, said: str) -> None:
    paths, why = comparable_images(record_of(SPLIT), champion)
    assert paths == []
    assert said in why


@pytest.mark.parametrize(
    ("wrong", "champion_wrong", "p", "better"),
    [
        (0, 6, 2 * 0.5**6, True),
        (0, 5, 2 * 0.5**5, False),  # 0.0625
        (6, 0, 2 * 0.5**6, False),
        (4, 4, 1.0, False),
    ],
)
def test_a_version_has_to_be_better_beyond_chance(
    wrong: int, champion_wrong: int, p: float, better: bool
) -> None:
    new, old = record_of(SPLIT, wrong), record_of(SPLIT, champion_wrong, "1")
    verdict = compare_answers(new, old, old.answers)
    assert verdict.champion is better
    assert verdict.eligible
    assert verdict.figures == {
        "images": 60,
        "right": 60 - wrong,
        "champion_right": 60 - champion_wrong,
        "p": pytest.approx(p),
    }
    assert f"right on {60 - wrong} and version 1 on {60 - champion_wrong}" in verdict.why


def test_only_the_images_that_the_champion_answered_count() -> None:
    new, old = record_of(SPLIT), record_of(SPLIT, 60, "1")
    verdict = compare_answers(new, old, old.answers.tail(LEAST_TEST_IMAGES))
    assert verdict.figures["images"] == LEAST_TEST_IMAGES


@pytest.mark.parametrize(("rate", "same", "different"), [(3.0, 40, 60), (10.0, 30, 200)])
def test_the_error_of_an_area_is_that_of_areas_drawn_anew(
    rate: float, same: int, different: int
) -> None:
    """For exponential scores, from which its authors derived it."""
    rng = np.random.default_rng(0)
    high = rng.exponential(rate, (3000, same))
    low = rng.exponential(1.0, (3000, different))
    ranks = np.concatenate([high, low], axis=1).argsort(axis=1).argsort(axis=1)[:, :same]
    areas = (ranks.sum(axis=1) - same * (same - 1) / 2) / (same * different)
    expected = float(areas.std())
    assert area_error(rate / (1 + rate), same, different) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("given", [(1.1, 3, 3), (0.5, 0, 3), (0.5, 3, 0)])
def test_no_area_has_no_error(given: tuple[float, int, int]) -> None:
    with pytest.raises(ValueError, match="an area of"):
        area_error(*given)
