"""People and their images are chosen as asked."""

import pandas as pd
import pytest

from lfw.errors import InputError
from lfw.split import (
    check_names,
    sample_images,
    select_people,
)
from tests.lfw.named_images import FOUR, chosen_by, images_of, people_of


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"top": 2}, ["Dee", "Ann"]),
        ({"top": 4}, ["Dee", "Ann", "Bob", "Cy"]),
        ({"min_images": 20}, ["Dee", "Ann", "Bob"]),
        ({"min_images": 3}, ["Dee", "Ann", "Bob", "Cy"]),
        ({"people": ("Cy", "Dee")}, ["Dee", "Cy"]),
    ],
)
def test_people_are_named_most_photographed_first(
    chosen: dict[str, object], expected: list[str]
) -> None:
    people = people_of(FOUR)
    assert select_people(people, chosen_by(**chosen)) == expected
    assert select_people(people.iloc[::-1], chosen_by(**chosen)) == expected


def test_six_people_are_chosen_if_nothing_is_said() -> None:
    people = people_of({f"P{n}": 10 + n for n in range(9)})
    assert select_people(people, chosen_by()) == ["P8", "P7", "P6", "P5", "P4", "P3"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"top": 5}, "top = 5: the data set has 4 people"),
        ({"min_images": 31}, "min_images = 31: 0 people .* ask for 20 or fewer"),
        ({"min_images": 21}, "min_images = 21: 1 people .* ask for 20 or fewer"),
        ({"people": ("Ann", "Bobb")}, r"nobody called Bobb \(nearest: Bob\)"),
        ({"people": ("Xyz", "Qrs")}, r"Qrs \(nothing near\); Xyz \(nothing near\)"),
    ],
)
def test_selection_that_cannot_be_met_is_explained(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        select_people(people_of(FOUR), chosen_by(**chosen))


def test_unknown_names_are_told_by_their_parameter() -> None:
    check_names("exclude_people", ("Ann", "Bob"), list(FOUR))
    with pytest.raises(InputError, match=r"^left out: the data set has nobody called Bobb \(near"):
        check_names("left out", ("Ann", "Bobb"), list(FOUR))
    with pytest.raises(InputError, match=r"^people: this copy has nobody called Zoe"):
        check_names("people", ("Zoe",), list(FOUR), known_to="this copy")


def counts(frame: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(count) for name, count in frame["name"].value_counts().items()}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("all", {"Dee": 30, "Ann": 20}),
        ("balanced", {"Dee": 20, "Ann": 20}),
        (5, {"Dee": 5, "Ann": 5}),
    ],
)
def test_as_many_images_are_drawn_as_are_asked(wanted: object, expected: dict[str, int]) -> None:
    images = images_of(FOUR)
    parameters = chosen_by(images_per_person=wanted)
    drawn = sample_images(images, ["Ann", "Dee"], parameters, 0)

    assert counts(drawn) == expected
    assert drawn["image_path"].is_monotonic_increasing
    shuffled = images.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(sample_images(shuffled, ["Dee", "Ann"], parameters, 0), drawn)
    other = sample_images(images, ["Ann", "Dee"], parameters, 1)
    assert other.equals(drawn) == (wanted == "all")


def test_balanced_is_75_at_the_most() -> None:
    drawn = sample_images(images_of({"A": 90, "B": 80}), ["A", "B"], chosen_by(), 0)
    assert counts(drawn) == {"A": 75, "B": 75}


def test_too_few_images_are_named() -> None:
    with pytest.raises(
        InputError, match=r"images_per_person = 25: Ann has 20 usable .* 20 or fewer"
    ):
        sample_images(images_of(FOUR), ["Ann", "Dee"], chosen_by(images_per_person=25), 0)


@pytest.mark.parametrize("wanted", ["all", "balanced", 5])
def test_person_without_a_usable_image_is_named(wanted: object) -> None:
    with pytest.raises(InputError, match="Eve has no usable image"):
        sample_images(images_of(FOUR), ["Ann", "Eve"], chosen_by(images_per_person=wanted), 0)
