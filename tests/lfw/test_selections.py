from typing import Any

import pytest

from lfw.errors import InputError
from lfw.parameters import CompareParameters
from lfw.selections import read_selection


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("6x75", {"top": 6, "images_per_person": 75}),
        (" top 6 \u00d7 75 ", {"top": 6, "images_per_person": 75}),
        ("62 all", {"top": 62, "images_per_person": "all"}),
        ("12", {"top": 12, "images_per_person": "balanced"}),
        ("min 20 x all", {"min_images": 20, "images_per_person": "all"}),
        ("A_B,C_D", {"people": ("A_B", "C_D"), "images_per_person": "balanced"}),
        ("Max_X, Roxx x 30", {"people": ("Max_X", "Roxx"), "images_per_person": 30}),
        ("A_B,C_D all", {"people": ("A_B", "C_D"), "images_per_person": "all"}),
    ],
)
def test_a_selection_is_read(text: str, read: dict[str, Any]) -> None:
    assert read_selection(text) == read


@pytest.mark.parametrize("text", ["", "six", "6x", "6x75x3", "A_B", "6 x some", "A_B,C_D x few"])
def test_what_is_no_selection_is_told_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"no selection.*write 6x75"):
        read_selection(text)


def test_the_grid_has_a_training_for_each_cell() -> None:
    wanted = CompareParameters(models=("hog", "compact"), selections=("6x75", "A,B"), seeds=(3, 4))
    cells = wanted.cells()
    assert len(cells) == 8
    assert [(cell.model, cell.seed) for cell in cells[:3]] == [
        ("hog", 3),
        ("compact", 3),
        ("hog", 4),
    ]
    assert (cells[0].top, cells[0].images_per_person) == (6, 75)
    assert cells[-1].people == ("A", "B")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"models": ("hog", "hog")}, "models has hog more than once"),
        ({"seeds": (1, 1)}, "seeds has 1 more than once"),
        ({"selections": ("6x75", "top 6 x 75")}, "top 6 x 75 more than once"),
        ({"selections": ("one",)}, "'one' is no selection"),
        ({"selections": ("1x75",)}, "top = 1"),
        ({"selections": ("A,A",)}, "people names A more than once"),
        ({"selections": ()}, "selections"),
        ({"models": ("vgg",)}, "vgg"),
        ({"dask_address": "tcp://127.0.0.1:1"}, "is for the runner dask"),
        ({"runner": "dask"}, "needs dask_address"),
    ],
)
def test_a_grid_that_cannot_be_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        CompareParameters.checked(**given)
    assert said in str(error.value)
