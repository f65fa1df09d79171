from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from lfw.catalog import Catalog
from lfw.embedding.cohort import Cohort
from lfw.errors import InputError
from lfw.protocol import (
    cosines,
    fold_groups,
    numbered_pairs,
    numbered_people,
    people_in,
    published,
    unseen_pairs,
)


def catalog(**frames: pd.DataFrame) -> Catalog:
    empty = pairs(("A", 1, "A", 2))[:0]
    return Catalog(**{field.name: frames.get(field.name, empty) for field in fields(Catalog)})


def pairs(*rows: tuple[str, int, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["name1", "number1", "name2", "number2"])


def people(**folds: int | None) -> pd.DataFrame:
    fold = pd.array([pd.NA if f is None else f for f in folds.values()], dtype="Int64")
    return pd.DataFrame({"name": list(folds), "images": 1, "fold": fold})


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (2, [(1, 2, 3, 4, 5), (6, 7, 8, 9, 10)]),
        (3, [(1, 2, 3, 4), (5, 6, 7), (8, 9, 10)]),
        (5, [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]),
    ],
)
def test_folds_are_parted_in_groups_of_neighbours(
    groups: int, expected: list[tuple[int, ...]]
) -> None:
    assert fold_groups(groups) == expected


def test_view_1_is_numbered_by_its_parts() -> None:
    known = catalog(
        view1_matched_train=pairs(("A", 1, "A", 2)),
        view1_mismatched_train=pairs(("A", 1, "B", 1)),
        view1_matched_test=pairs(("C", 1, "C", 2)),
        view1_people_train=people(A=None, B=None),
        view1_people_test=people(C=None),
    )
    found = numbered_pairs(known, "1")
    assert found["fold"].tolist() == [0, 0, 1]
    assert found["same"].tolist() == [True, False, True]
    assert found["path2"].tolist() == ["A/A_0002.jpg", "B/B_0001.jpg", "C/C_0002.jpg"]
    listed = numbered_people(known, "1")
    assert dict(zip(listed["name"], listed["fold"], strict=True)) == {"A": 0, "B": 0, "C": 1}


def test_view_2_keeps_the_folds_of_its_lists() -> None:
    known = catalog(
        view2_people=people(A=1, B=2), view2_pairs=pairs(("A", 1, "A", 2)).assign(fold=1)
    )
    assert numbered_people(known, "2")["fold"].tolist() == [1, 2]
    assert numbered_pairs(known, "2")["fold"].tolist() == [1]


def test_a_list_of_people_without_folds_is_refused() -> None:
    with pytest.raises(InputError, match=r"people\.csv has no 9 empty rows.*--view 1"):
        numbered_people(catalog(view2_people=people(A=None)), "2")


def test_people_of_a_fold_are_those_listed_and_those_shown() -> None:
    shown = pd.DataFrame({"name1": ["A", "D"], "name2": ["X", "D"], "fold": [1, 2]})
    listed = people(A=1, B=1, C=2, D=2)
    assert people_in([1], listed, shown) == {"A", "B", "X"}
    assert people_in([1, 2], listed, shown) == {"A", "B", "X", "C", "D"}


def test_pairs_that_an_embedding_saw_a_person_or_a_photograph_of_are_left_out() -> None:
    cohort = Cohort(
        pd.DataFrame(
            [
                ("train", "Seen", "Seen/Seen_0001.jpg", "aa"),
                ("validation", "Watched", "Watched/Watched_0001.jpg", "bb"),
            ],
            columns=["role", "name", "image_path", "sha256"],
        )
    )
    asked = pd.DataFrame(
        [
            ("Seen", "Seen/Seen_0002.jpg", "New", "new"),
            ("New", "new", "Double", "double"),
            ("Watched", "watched", "New", "new"),
            ("New", "new", "New", "other"),
        ],
        columns=["name1", "path1", "name2", "path2"],
    )
    sha256 = {"Seen/Seen_0002.jpg": "cc", "new": "n", "other": "o", "watched": "w", "double": "aa"}
    kept = unseen_pairs(asked, cohort, sha256)
    assert kept[["name1", "path2"]].to_numpy().tolist() == [["Watched", "new"], ["New", "other"]]
    same_photo = [("another", "Seen/Seen_0001.jpg"), ("other", "another")]
    kept = unseen_pairs(asked, cohort, sha256, same_photo)
    assert kept[["name1", "path2"]].to_numpy().tolist() == [["Watched", "new"]]


def test_cosines_are_those_of_the_vectors() -> None:
    vectors = {"a": np.array([3.0, 4.0]), "b": np.array([4.0, 3.0]), "c": np.array([-8.0, 6.0])}
    asked = pd.DataFrame({"path1": ["a", "a", "a"], "path2": ["b", "c", "a"]})
    np.testing.assert_allclose(cosines(asked, vectors), [24 / 25, 0, 1], atol=1e-12)


def test_published_figures_are_means_with_their_errors() -> None:
    listed = published()
    assert listed["accuracy"].str.fullmatch(r"0\.\d{4} ± 0\.\d{4}").all()
    assert (listed["training"] == "unrestricted").sum() == 3
