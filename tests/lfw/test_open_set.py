"""Strangers have one role each, and the threshold lets in as few as it says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw.intervals import wilson
from lfw.open_set import ROLES, Probabilities, draw_strangers, score_open_set, set_threshold
from tests.lfw.named_images import images_of, path_of


def people(count: int, images: int = 2) -> pd.DataFrame:
    return images_of({f"P{k:04d}": images for k in range(count)})


def test_roles_are_different_people_outside_the_selection() -> None:
    images = people(32)
    drawn = draw_strangers(images, selected=["P0000", "P0001"], seen={"P0002"})
    assert drawn.columns.tolist() == ["role", "name", "image_path", "sha256"]
    assert drawn.groupby("role")["name"].nunique().to_dict() == dict.fromkeys(ROLES, 9)
    assert drawn.drop_duplicates(["role", "name"])["name"].is_unique
    assert not set(drawn["name"]) & {"P0000", "P0001", "P0002"}
    asked = drawn[drawn["role"] != "head"]
    assert asked["image_path"].tolist() == [path_of(name, 1) for name in asked["name"]]
    assert len(drawn[drawn["role"] == "head"]) == 18
    assert drawn.drop(columns="role").merge(images).shape == (36, 3)


def test_those_with_several_images_are_learned_from_first() -> None:
    images = images_of({f"P{k:04d}": 1 if k % 10 else 30 for k in range(90)})
    drawn = draw_strangers(images, ["P0000"])
    several = {f"P{k:04d}" for k in range(10, 90, 10)}
    head = drawn[drawn["role"] == "head"]
    assert head["name"].value_counts().head(8).to_dict() == dict.fromkeys(several, 20)
    assert head["name"].nunique() == 29
    assert set(drawn[drawn["role"] != "head"]["name"].value_counts()) == {1}


def test_order_of_images_does_not_matter() -> None:
    images = people(30)
    shuffled = images.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(draw_strangers(shuffled, []), draw_strangers(images, []))


def test_selections_share_most_of_their_strangers() -> None:
    images = people(91, images=1)
    drawn = [draw_strangers(images, [one]).groupby("role")["name"] for one in ("P0007", "P0070")]
    for first, second in zip(*(groups.agg(set) for groups in drawn), strict=True):
        assert len(first & second) >= 28  # of 30


def test_no_photograph_of_two_is_used() -> None:
    images = people(3)
    images.loc[[0, 2], "sha256"] = "copied"  # the first of P0000 and of P0001
    same_photo = [(path_of("P0002", 1), path_of("P0001", 2))]
    drawn = draw_strangers(images, [], same_photo=same_photo)
    assert drawn.empty  # two are left, and three roles take three
    drawn = draw_strangers(people(3), [], same_photo=same_photo)
    assert path_of("P0002", 1) not in set(drawn["image_path"])
    assert path_of("P0001", 2) not in set(drawn["image_path"])
    assert drawn["name"].nunique() == 3


def test_no_role_takes_more_than_it_needs() -> None:
    drawn = draw_strangers(people(3100, images=1), [])
    assert drawn["role"].value_counts().to_dict() == ROLES


def answers(surest: list[float]) -> np.ndarray:
    return np.column_stack([np.zeros(len(surest)), surest])


def test_threshold_by_hand() -> None:
    strangers = answers([k / 200 for k in range(200)])  # two of them may be let in
    threshold = set_threshold(strangers)
    assert threshold == np.nextafter(197 / 200, 1)
    assert set_threshold(strangers, 0.5) == np.nextafter(99 / 200, 1)
    assert set_threshold(strangers[:99]) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=100, max_size=250), st.booleans())
def test_threshold_lets_in_one_in_a_hundred_at_the_most(surest: list[float], single: bool) -> None:
    strangers: Probabilities = answers(surest)
    if single:
        strangers = strangers.astype(np.float32)
    threshold = set_threshold(strangers)
    assert threshold is not None
    reached = strangers.max(axis=1)
    assert (reached >= threshold).mean() <= 0.01
    assert (reached >= np.nextafter(reached.dtype.type(threshold), -np.inf)).mean() > 0.01


TRUTH = np.array([0, 1, 1, 0])
KNOWN = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.3]])  # the third is wrong
STRANGERS = np.array([[0.7, 0.1], [0.3, 0.2], [0.1, 0.1], [0.0, 0.5], [0.1, 0.0]])


@pytest.mark.parametrize(
    ("threshold", "named", "accepted"),
    [(0.0, 3, 5), (0.5, 3, 2), (0.55, 2, 1), (0.8, 2, 0), (0.85, 1, 0), (1.0, 0, 0)],
)
def test_rates_by_hand(threshold: float, named: int, accepted: int) -> None:
    found = score_open_set(TRUTH, KNOWN, STRANGERS, threshold)
    assert found.threshold == threshold
    assert found.identified == named / 4
    assert (found.identified_low, found.identified_high) == wilson(named, 4)
    assert found.accepted == accepted / 5
    assert (found.accepted_low, found.accepted_high) == wilson(accepted, 5)
    assert found.identified_at_far == 0.5  # whatever the threshold
    assert (found.known, found.strangers) == (4, 5)


def test_curve_by_hand() -> None:
    curve = score_open_set(TRUTH, KNOWN, STRANGERS, 0.5).curve
    assert curve["false_accepts"].tolist() == [0, 0, 0.2, 0.2, 0.4, 0.6, 1]
    assert curve["identified"].tolist() == [0.25, 0.5, 0.5, 0.5, 0.75, 0.75, 0.75]


def test_nobody_is_identified_beside_a_stranger_who_is_surer() -> None:
    assert score_open_set(TRUTH, KNOWN, np.array([[1.0, 0.0]]), 0.5).identified_at_far == 0


def test_score_takes_strangers() -> None:
    with pytest.raises(ValueError, match="takes strangers"):
        score_open_set(TRUTH, KNOWN, np.empty((0, 2)), 0.5)
