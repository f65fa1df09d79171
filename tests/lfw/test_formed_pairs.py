from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from lfw import formed_pairs
from lfw.embedding.cohort import Cohort
from lfw.formed_pairs import every_pair, unseen_images

MANIFEST = Cohort(
    pd.DataFrame(
        [
            ("train", "Seen", "Seen/Seen_0001.jpg", "Seen 1"),
            ("validation", "Watched", "Watched/Watched_0001.jpg", "Watched 1"),
        ],
        columns=["role", "name", "image_path", "sha256"],
    )
)
NOTHING = pd.DataFrame({side: pd.Series(dtype="str") for side in ("path1", "path2")})


def images_of(**counts: int) -> pd.DataFrame:
    rows = [
        (name, f"{name}/{name}_{k:04}.jpg", f"{name} {k}")
        for name, count in counts.items()
        for k in range(count, 0, -1)
    ]
    return pd.DataFrame(rows, columns=["name", "image_path", "sha256"])


def chosen(
    images: pd.DataFrame, people: Sequence[str], listed: pd.DataFrame = NOTHING
) -> list[str]:
    return [str(digest) for digest in unseen_images(images, people, listed, MANIFEST)["sha256"]]


def test_people_with_several_images_are_added_but_none_that_was_seen() -> None:
    images = images_of(Seen=3, Several=2, Single=1, Watched=2, Elsewhere=5)
    people = ["Seen", "Several", "Single", "Watched"]
    assert chosen(images, people) == ["Several 1", "Several 2", "Watched 1", "Watched 2"]


def test_an_image_that_was_learned_from_under_another_name_is_left_out() -> None:
    images = images_of(Several=3)
    images.loc[images["sha256"] == "Several 2", "sha256"] = "Seen 1"
    assert chosen(images, ["Several"]) == ["Several 1", "Several 3"]


def test_images_of_listed_pairs_are_always_there() -> None:
    listed = pd.DataFrame({"path1": ["Single/Single_0001.jpg"], "path2": ["Many/Many_0012.jpg"]})
    found = chosen(images_of(Many=12, Single=1), ["Many", "Single"], listed)
    assert found == [*(f"Many {k}" for k in range(1, 11)), "Many 12", "Single 1"]


def test_those_with_most_images_are_taken_where_there_are_very_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formed_pairs, "_PEOPLE", 2)
    found = chosen(images_of(A=2, B=4, C=3, D=3), list("ABCD"))
    assert {digest[0] for digest in found} == {"B", "C"}


def test_every_pair_is_there_once_with_its_cosine() -> None:
    images = pd.DataFrame({"name": ["A", "A", "B"], "image_path": ["a1", "a2", "b1"]})
    vectors = {"a1": np.array([3.0, 4.0]), "a2": np.array([4.0, 3.0]), "b1": np.array([-8.0, 6.0])}
    same, likeness = every_pair(images, vectors)
    assert same.tolist() == [True, False, False]  # a1 with a2, a1 with b1, a2 with b1
    np.testing.assert_allclose(likeness, [24 / 25, 0, -14 / 50], atol=1e-6)
