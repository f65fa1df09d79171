from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from lfw import formed_pairs
from lfw.embedding.cohort import Cohort
from lfw.formed_pairs import every_pair, images_for_threshold

MANIFEST = Cohort(
    pd.DataFrame(
        [
            ("train", "Seen", "Seen/Seen_0001.jpg", "Seen 1"),
            ("validation", "Watched", "Watched/Watched_0001.jpg", "Watched 1"),
        ],
        columns=["role", "name", "image_path", "sha256"],
    )
)


def images_of(**counts: int) -> pd.DataFrame:
    rows = [
        (name, f"{name}/{name}_{k:04}.jpg", f"{name} {k}")
        for name, count in counts.items()
        for k in range(count, 0, -1)
    ]
    return pd.DataFrame(rows, columns=["name", "image_path", "sha256"])


def pairs_of(*paths: tuple[str, str]) -> pd.DataFrame:
    names = [[path.partition("/")[0] for path in pair] for pair in paths]
    rows = [(n1, p1, n2, p2) for (n1, n2), (p1, p2) in zip(names, paths, strict=True)]
    return pd.DataFrame(rows, columns=["name1", "path1", "name2", "path2"], dtype="str")


NONE = pairs_of()


def chosen(
    images: pd.DataFrame,
    people: Sequence[str],
    listed: pd.DataFrame = NONE,
    judged: pd.DataFrame = NONE,
    same_photo: Sequence[tuple[str, str]] = (),
) -> list[str]:
    found = images_for_threshold(images, same_photo, people, (listed, judged), MANIFEST)
    assert found["image_path"].is_monotonic_increasing
    return [
        f"{row.name} {int(str(row.image_path)[-8:-4])}" for row in found.itertuples(index=False)
    ]


def test_people_with_several_images_are_added_but_none_that_was_seen() -> None:
    images = images_of(Seen=3, Several=2, Single=1, Watched=2, Elsewhere=5)
    people = ["Seen", "Several", "Single", "Watched"]
    assert chosen(images, people) == ["Several 1", "Several 2", "Watched 1", "Watched 2"]


def test_whoever_is_judged_sets_no_threshold() -> None:
    judged = pairs_of(("Judged/Judged_0001.jpg", "Other/Other_0001.jpg"))
    images = images_of(Judged=3, Other=2, Several=2)
    assert chosen(images, ["Judged", "Other", "Several"], judged=judged) == [
        "Several 1",
        "Several 2",
    ]


def test_an_image_that_was_learned_from_under_another_name_is_left_out() -> None:
    images = images_of(Several=3)
    images.loc[images["sha256"] == "Several 2", "sha256"] = "Seen 1"
    assert chosen(images, ["Several"]) == ["Several 1", "Several 3"]


def test_a_photograph_that_is_judged_or_was_learned_from_sets_no_threshold() -> None:
    several = [f"Several/Several_{k:04}.jpg" for k in range(1, 7)]
    judged = pairs_of(("Judged/Judged_0001.jpg", "Other/Other_0001.jpg"))
    same_photo = [
        (several[0], "Seen/Seen_0001.jpg"),
        ("Judged/Judged_0001.jpg", several[2]),
        (several[2], several[3]),
    ]
    images = images_of(Several=6, Judged=1, Other=1)
    found = chosen(images, ["Several"], judged=judged, same_photo=same_photo)
    assert found == ["Several 2", "Several 5", "Several 6"]


def test_of_a_photograph_that_is_there_twice_one_image_is_taken() -> None:
    images = images_of(Alias=2, Several=4)
    images.loc[images["sha256"] == "Several 4", "sha256"] = "Several 3"
    same_photo = [("Several/Several_0001.jpg", "Alias/Alias_0001.jpg")]
    found = chosen(images, ["Alias", "Several"], same_photo=same_photo)
    assert found == ["Alias 1", "Alias 2", "Several 2", "Several 3"]


def test_images_of_listed_pairs_are_there() -> None:
    listed = pairs_of(("Single/Single_0001.jpg", "Many/Many_0012.jpg"))
    found = chosen(images_of(Many=12, Single=1), ["Many", "Single"], listed)
    assert found == [*(f"Many {k}" for k in range(1, 11)), "Many 12", "Single 1"]


def test_those_with_most_images_are_taken_where_there_are_very_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formed_pairs, "_PEOPLE", 2)
    found = chosen(images_of(A=2, B=4, C=3, D=3), list("ABCD"))
    assert {one[0] for one in found} == {"B", "C"}


def test_no_more_images_are_taken_than_can_be_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formed_pairs, "_MOST", 3)
    listed = pairs_of(("Single/Single_0001.jpg", "Sole/Sole_0001.jpg"))
    images = images_of(Several=2, Single=1, Sole=1)
    found = chosen(images, ["Several", "Single", "Sole"], listed)
    assert found == ["Several 1", "Several 2", "Single 1"]


def test_every_pair_is_there_once_with_its_cosine() -> None:
    images = pd.DataFrame({"name": ["A", "A", "B"], "image_path": ["a1", "a2", "b1"]})
    vectors = {"a1": np.array([3.0, 4.0]), "a2": np.array([4.0, 3.0]), "b1": np.array([-8.0, 6.0])}
    same, likeness = every_pair(images, vectors)
    assert same.tolist() == [True, False, False]  # a1 with a2, a1 with b1, a2 with b1
    np.testing.assert_allclose(likeness, [24 / 25, 0, -14 / 50], atol=1e-6)
