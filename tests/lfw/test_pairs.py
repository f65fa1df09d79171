"""Pairs name their images, and are chosen by people and by what is there."""

from collections.abc import Sequence

import pandas as pd
import pytest

from lfw.catalog import Catalog
from lfw.pairs import paths_of, people_of, view1_pairs, view2_pairs, with_images, without

Numbered = tuple[str, int, str, int]


def numbered(pairs: Sequence[Numbered] = ()) -> pd.DataFrame:
    return pd.DataFrame(list(pairs), columns=["name1", "number1", "name2", "number2"])


def catalog_of(**lists: pd.DataFrame) -> Catalog:
    """A catalog in which most lists are empty."""
    counts = pd.DataFrame({"name": [], "images": []})
    empty = {
        **dict.fromkeys(("people", "view1_people_train", "view1_people_test"), counts),
        **{f"view1_{kind}matched_{part}": numbered() for kind, part in KINDS},
        "view2_pairs": numbered().assign(fold=1),
        "view2_people": counts,
    }
    return Catalog(**(empty | lists))


KINDS = [("", "train"), ("", "test"), ("mis", "train"), ("mis", "test")]
CATALOG = catalog_of(
    view1_matched_train=numbered([("Eve", 1, "Eve", 2)]),
    view1_matched_test=numbered([("Ann", 1, "Ann", 12)]),
    view1_mismatched_test=numbered([("Bob", 3, "Ann", 1), ("Cy", 1, "Bob", 2)]),
    view2_pairs=numbered([("Dee", 1, "Dee", 2), ("Dee", 1, "Ann", 1)]).assign(fold=[1, 2]),
)


def test_view1_pairs_are_matched_ones_then_others() -> None:
    pairs = view1_pairs(CATALOG, "test")
    assert pairs.columns.tolist() == ["name1", "path1", "name2", "path2", "same"]
    assert pairs.to_numpy().tolist() == [
        ["Ann", "Ann/Ann_0001.jpg", "Ann", "Ann/Ann_0012.jpg", True],
        ["Bob", "Bob/Bob_0003.jpg", "Ann", "Ann/Ann_0001.jpg", False],
        ["Cy", "Cy/Cy_0001.jpg", "Bob", "Bob/Bob_0002.jpg", False],
    ]
    assert view1_pairs(CATALOG, "train")["name1"].tolist() == ["Eve"]


def test_view2_pairs_carry_their_fold() -> None:
    pairs = view2_pairs(CATALOG)
    assert pairs["fold"].tolist() == [1, 2]
    assert pairs["same"].tolist() == [True, False]
    assert pairs["path2"].tolist() == ["Dee/Dee_0002.jpg", "Ann/Ann_0001.jpg"]


def test_everybody_and_every_image_is_named_once() -> None:
    pairs = view1_pairs(CATALOG, "test")
    assert people_of(pairs) == {"Ann", "Bob", "Cy"}
    assert paths_of(pairs) == [
        "Ann/Ann_0001.jpg",
        "Ann/Ann_0012.jpg",
        "Bob/Bob_0002.jpg",
        "Bob/Bob_0003.jpg",
        "Cy/Cy_0001.jpg",
    ]


@pytest.mark.parametrize(
    ("people", "left"),
    [((), [0, 1, 2]), (["Cy"], [0, 1]), (["Ann"], [2]), ({"Bob", "Dee"}, [0]), ({"Ann", "Cy"}, [])],
)
def test_a_pair_goes_with_either_of_its_people(people: set[str], left: list[int]) -> None:
    pairs = view1_pairs(CATALOG, "test")
    expected = pairs.loc[left].reset_index(drop=True)
    pd.testing.assert_frame_equal(without(pairs, people), expected)


def test_a_pair_takes_both_its_images() -> None:
    pairs = view1_pairs(CATALOG, "test")
    there = ["Ann/Ann_0001.jpg", "Bob/Bob_0003.jpg", "Bob/Bob_0002.jpg"]
    kept = with_images(pairs, iter(there))
    assert kept[["path1", "path2"]].to_numpy().tolist() == [there[1::-1]]
    assert with_images(pairs, []).empty
