"""Nobody who is left out or held out is learned from, under whatever name their image goes."""

from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw.embedding.cohort import Cohort, check_unseen, choose_left_out, draw_cohort
from lfw.errors import DataError, InputError
from lfw.parameters import PretrainParameters
from tests.lfw.named_images import FOUR, images_of, pairs_of, path_of, people_of, seeds, sha
from tests.lfw.test_pairs import catalog_of, numbered

LEARNED = [f"L{k}" for k in range(6)]
TESTED = [f"T{k:02d}" for k in range(13)]  # whom View 1 tests on: two of them are held out
EVERYBODY = LEARNED + TESTED
IMAGES = images_of(dict.fromkeys(EVERYBODY, 3))
CATALOG = catalog_of(
    view1_matched_train=numbered([("L0", 1, "L0", 2)]),
    view1_matched_test=numbered([(name, 1, name, 2) for name in TESTED[:6]]),
    view1_mismatched_test=numbered([(name, 1, "T00", 2) for name in TESTED[6:]]),
)


def drawn(images: pd.DataFrame = IMAGES, left_out: tuple[str, ...] = (), seed: int = 0) -> Cohort:
    return draw_cohort(images, CATALOG, left_out, seed=seed)


def names(cohort: Cohort, role: str) -> set[str]:
    return set(cohort.role(role)["name"])


def test_one_in_six_of_view_1_is_watched_and_the_rest_learned_from() -> None:
    cohort = drawn()
    watched = names(cohort, "validation")
    assert len(watched) == 2
    assert watched < set(TESTED)
    assert cohort.seen == names(cohort, "train") == set(EVERYBODY) - watched
    assert len(cohort.rows) == len(IMAGES)
    assert cohort.rows.columns.tolist() == ["role", "name", "image_path", "sha256"]
    order = cohort.rows.sort_values(["role", "name", "image_path"], ignore_index=True)
    pd.testing.assert_frame_equal(cohort.rows, order)


def test_held_out_people_are_drawn_anew_for_each_seed() -> None:
    assert {name for seed in range(40) for name in names(drawn(seed=seed), "validation")} == set(
        TESTED
    )
    digests = [drawn(seed=seed).digest for seed in range(5)]
    assert len(set(digests)) > 3
    assert digests == [drawn(seed=seed).digest for seed in range(5)]


def test_cohort_is_the_same_on_every_machine() -> None:
    cohort = drawn(left_out=("L5", "T03"), seed=7)
    assert names(cohort, "validation") == {"T01", "T11"}
    assert cohort.digest == "b8cce90e108a82d3e2ab82f9f87e7990c980c2e92c4b7ea28333166c9e01d540"


def test_those_with_few_images_are_not_learned_from() -> None:
    images = images_of(dict.fromkeys(EVERYBODY, 3) | {"L0": 1, "L1": 2})
    assert set(EVERYBODY) - drawn(images).seen - names(drawn(images), "validation") == {"L0"}
    more = draw_cohort(images, CATALOG, (), least_images=3)
    assert not more.seen & {"L0", "L1"}
    assert "L0" in draw_cohort(images, CATALOG, (), least_images=1).seen


def test_watched_people_need_not_have_many_images() -> None:
    images = images_of(dict.fromkeys(LEARNED, 3) | dict.fromkeys(TESTED, 1))
    assert len(names(drawn(images), "validation")) == 2


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(EVERYBODY), max_size=12), seeds, st.data())
def test_hidden_people_are_never_learned_from(
    left_out: set[str], seed: int, data: st.DataObject
) -> None:
    images = IMAGES.copy()
    paths = images["image_path"].tolist()
    pairs = data.draw(st.lists(pairs_of(paths), max_size=8))
    for first, second in data.draw(st.lists(pairs_of(paths), max_size=4)):
        images.loc[images["image_path"] == second, "sha256"] = sha(first)

    cohort = draw_cohort(images, CATALOG, left_out, iter(pairs), seed=seed)

    train, watched = cohort.role("train"), names(cohort, "validation")
    assert not set(cohort.rows["name"]) & left_out
    assert not set(train["name"]) & watched
    hidden = images[images["name"].isin(left_out | watched)]
    assert not set(train["sha256"]) & set(hidden["sha256"])
    there = set(hidden["image_path"])
    twins = {second for one in pairs for first, second in (one, one[::-1]) if first in there}
    assert not set(train["image_path"]) & twins


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from(EVERYBODY), max_size=9), seeds, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(left_out: set[str], seed: int, random: Random) -> None:
    order = list(range(len(IMAGES)))
    random.shuffle(order)
    pairs = [(path_of("L0", 1), path_of("L1", 1)), (path_of("T01", 1), path_of("L2", 2))]
    first = draw_cohort(IMAGES, CATALOG, sorted(left_out), pairs, seed=seed)
    other = draw_cohort(IMAGES.iloc[order], CATALOG, left_out, [p[::-1] for p in pairs], seed=seed)
    assert first.digest == other.digest
    pd.testing.assert_frame_equal(first.rows, other.rows)


def test_images_of_one_photograph_are_dropped_by_hand() -> None:
    images = IMAGES.copy()
    images.loc[images["image_path"] == path_of("L1", 1), "sha256"] = sha(path_of("L0", 3))
    pairs = [(path_of("L2", 2), path_of("L0", 2)), (path_of("L3", 1), path_of("L4", 1))]
    cohort = draw_cohort(images, CATALOG, ["L0"], pairs)
    dropped = set(images["image_path"]) - set(cohort.rows["image_path"])
    own = {path_of("L0", number) for number in (1, 2, 3)}
    assert dropped == own | {path_of("L1", 1), path_of("L2", 2)}


def test_learning_takes_two_people() -> None:
    with pytest.raises(InputError, match="1 people with at least 2 images are left to learn from"):
        draw_cohort(images_of(FOUR), CATALOG, ["Ann", "Bob", "Cy"])


def test_manifest_is_written_and_read(tmp_path: Path) -> None:
    cohort = drawn(images_of({"NA": 2, "Zoë": 3}))
    cohort.write(tmp_path / "manifest.csv")
    again = Cohort.read(tmp_path / "manifest.csv")
    assert again.digest == cohort.digest
    assert again.seen == {"NA", "Zoë"}


@pytest.mark.parametrize("column", ["role", "name", "image_path", "sha256"])
def test_digest_covers_every_column_and_each_is_needed(column: str, tmp_path: Path) -> None:
    cohort = drawn()
    rows = cohort.rows.copy()
    rows.loc[3, column] = "x"
    assert Cohort(rows).digest != cohort.digest
    cohort.rows.drop(columns=column).to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(DataError, match=f"has no column {column}: it is no manifest"):
        Cohort.read(tmp_path / "manifest.csv")


# Left out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["Ann", "Bob", "Dee"]),  # 20 images or more
        ({"exclude_min_images": 3}, ["Ann", "Bob", "Cy", "Dee"]),
        ({"exclude_min_images": 31}, []),
        ({"exclude_top": 2}, ["Ann", "Dee"]),
        ({"exclude_people": ("Dee", "Cy")}, ["Cy", "Dee"]),
    ],
)
def test_people_are_left_out_as_asked(chosen: dict[str, object], expected: list[str]) -> None:
    wanted = PretrainParameters.checked(**chosen)
    assert choose_left_out(people_of(FOUR), wanted) == expected
    assert choose_left_out(people_of(FOUR).iloc[::-1], wanted) == expected


def test_unknown_name_to_leave_out_is_explained() -> None:
    wanted = PretrainParameters.checked(exclude_people=("Ann", "Bobb"))
    with pytest.raises(InputError, match=r"exclude_people: .* nobody called Bobb \(nearest: Bob\)"):
        choose_left_out(people_of(FOUR), wanted)


# Unseen ----------------------------------------------------------------------------------------


def test_people_and_images_that_were_learned_from_are_named() -> None:
    cohort = drawn(left_out=("L5",))
    watched = sorted(names(cohort, "validation"))
    told = ("recognising", "Choose others.")
    check_unseen(cohort, ["L5", "Ann", *watched], [sha("other")], *told)
    with pytest.raises(InputError, match="was trained on L0, L3: recognising them would be a leak"):
        check_unseen(cohort, {"L3", "L5", "L0"}, [], *told)
    with pytest.raises(InputError, match=r"was trained on L2 \(by L2/L2_0002.jpg\): "):
        check_unseen(cohort, ["Ann"], [sha(path_of("L2", 2))], *told)
    seen = cohort.role("validation")["sha256"]
    check_unseen(cohort, [], seen, *told)


def test_many_people_are_counted() -> None:
    with pytest.raises(InputError, match=r"was trained on L0, .* and 7 more: verifying them"):
        check_unseen(drawn(), EVERYBODY, [], "verifying", "Choose others.")
