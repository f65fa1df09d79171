"""People are chosen as asked, and split so that no photograph is on two sides."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from lfw.catalog import read_catalog
from lfw.errors import DataError, InputError
from lfw.manifest import Manifest
from lfw.parameters import SelectionParameters
from lfw.split import (
    PARTS,
    Split,
    check_leaks,
    check_names,
    draw_split,
    find_leaks,
    sample_images,
    select_people,
)
from tests.lfw.test_same_photo import SAME_PHOTOS

Pair = tuple[str, str]


def path_of(name: str, number: int) -> str:
    return f"{name}/{name}_{number:04d}.jpg"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def images_of(counts: dict[str, int]) -> pd.DataFrame:
    paths = [path_of(name, n + 1) for name, count in counts.items() for n in range(count)]
    return pd.DataFrame(
        {
            "name": [path.split("/")[0] for path in paths],
            "image_path": paths,
            "sha256": [sha(path) for path in paths],
        }
    )


def people_of(counts: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame({"name": list(counts), "images": list(counts.values())})


def chosen_by(**chosen: object) -> SelectionParameters:
    return SelectionParameters.checked(**chosen)


FOUR = {"Dee": 30, "Ann": 20, "Bob": 20, "Cy": 3}


# Selection -------------------------------------------------------------------------------------


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


# Split -----------------------------------------------------------------------------------------

several = st.dictionaries(
    st.sampled_from(["Ann", "Bob", "Cy", "Dee", "Eve"]), st.integers(8, 40), min_size=2
)
seeds = st.integers(0, 2**32 - 1)
shares = st.sampled_from([0.2, 0.25, 0.3, 0.5])


def parts_of(split: Split) -> dict[str, str]:
    return dict(zip(split.rows["image_path"], split.rows["part"], strict=True))


@settings(max_examples=40, deadline=None)
@given(several, seeds, shares, shares)
def test_split_is_disjoint_exhaustive_and_stratified(
    people: dict[str, int], seed: int, test: float, validation: float
) -> None:
    images = images_of(people)
    split = draw_split(images, [], seed, test, validation)

    assert sorted(split.rows["image_path"]) == sorted(images["image_path"])
    assert set(split.rows["part"]) == set(PARTS)
    assert split.classes == tuple(sorted(people))
    assert sum(split.sizes.values()) == len(images)
    for name, count in people.items():
        mine = split.rows.loc[split.rows["name"] == name, "part"]
        tested = int((mine == "test").sum())
        validated = int((mine == "validation").sum())
        assert abs(tested - count * test) <= 0.5
        assert abs(validated - (count - tested) * validation) <= 0.5
    assert find_leaks(split, []).empty


@settings(max_examples=25, deadline=None)
@given(several, seeds, st.randoms(use_true_random=False), st.data())
def test_split_does_not_depend_on_the_order_of_rows_and_pairs(
    people: dict[str, int], seed: int, random: Random, data: st.DataObject
) -> None:
    images = images_of(people)
    pairs = data.draw(st.lists(pairs_of(images["image_path"].tolist()), max_size=2))
    order = list(range(len(images)))
    random.shuffle(order)

    split = drawn(images, pairs, seed)
    other = drawn(images.iloc[order], [(b, a) for a, b in reversed(pairs)], seed)

    assert other.digest == split.digest
    pd.testing.assert_frame_equal(other.rows, split.rows)


def pairs_of(paths: Sequence[str]) -> st.SearchStrategy[Pair]:
    return st.tuples(st.sampled_from(paths), st.sampled_from(paths))


def drawn(images: pd.DataFrame, pairs: Sequence[Pair], seed: int) -> Split:
    try:
        return draw_split(images, pairs, seed)
    except InputError:  # so many images are one that a person is left without a part
        reject()


@settings(max_examples=60, deadline=None)
@given(several, seeds, st.data())
def test_one_photograph_is_on_one_side(
    people: dict[str, int], seed: int, data: st.DataObject
) -> None:
    images = images_of(people)
    paths = images["image_path"].tolist()
    pairs = data.draw(st.lists(pairs_of(paths), max_size=5))
    copies = data.draw(st.lists(pairs_of(paths), max_size=3))
    for first, second in copies:
        images.loc[images["image_path"] == second, "sha256"] = sha(first)

    split = drawn(images, pairs, seed)
    part_of = parts_of(split)

    assert all(part_of[first] == part_of[second] for first, second in pairs)
    assert len(split.rows.drop_duplicates(["sha256", "part"])) == images["sha256"].nunique()
    assert sorted(part_of) == sorted(paths)
    assert find_leaks(split, pairs).empty
    check_leaks(split, pairs)


@pytest.mark.parametrize("seed", range(12))
def test_pairs_within_and_across_people_stay_together(seed: int) -> None:
    images = images_of({"Ann": 20, "Bob": 20})
    within = [(path_of("Ann", n), path_of("Ann", n + 1)) for n in (1, 3, 5)]
    across = [(path_of("Ann", n), path_of("Bob", n)) for n in (10, 11, 12)]
    chain = [(path_of("Ann", 15), path_of("Bob", 15)), (path_of("Bob", 15), path_of("Ann", 16))]
    pairs = [*within, *across, *chain, ("Eve/Eve_0001.jpg", path_of("Ann", 7))]

    part_of = parts_of(draw_split(images, pairs, seed))

    assert all(part_of[first] == part_of[second] for first, second in pairs[:-1])


def test_groups_go_to_every_part() -> None:
    images = images_of({"Ann": 40, "Bob": 40})
    pair = (path_of("Ann", 1), path_of("Ann", 2))
    drawn_to = [parts_of(draw_split(images, [pair], seed))[pair[0]] for seed in range(60)]

    assert set(drawn_to) == set(PARTS)
    assert drawn_to.count("train") > 20


def test_seed_decides_the_split() -> None:
    images = images_of(FOUR | {"Cy": 12})
    digests = [draw_split(images, [], seed).digest for seed in range(20)]

    assert len(set(digests)) == 20
    assert digests == [draw_split(images, [], seed).digest for seed in range(20)]


def test_split_is_the_same_on_every_machine() -> None:
    pairs = [(path_of("Ann", 1), path_of("Bob", 2)), (path_of("Dee", 3), path_of("Dee", 9))]
    split = draw_split(images_of(FOUR | {"Cy": 12}), pairs, 7)

    assert split.sizes == {"train": 53, "validation": 13, "test": 16}
    assert split.digest == "d86cbc8f49a6bedcfabb2e2cf7a787bf5329ec73f6a2c740258d0e729bec6730"


def test_digest_covers_every_column() -> None:
    split = draw_split(images_of({"Ann": 8, "Bob": 8}), [], 0)
    for column in ("part", "name", "image_path", "sha256"):
        rows = split.rows.copy()
        rows.loc[3, column] = "x"
        assert Split(rows, split.classes).digest != split.digest


def test_split_is_written_and_read(tmp_path: Path) -> None:
    split = draw_split(images_of({"NA": 8, "Zoë": 8}), [], 0)
    split.write(tmp_path / "split.csv")
    read = Split.read(tmp_path / "split.csv")

    assert read.digest == split.digest
    assert read.classes == split.classes == ("NA", "Zoë")
    assert read.labels("test") == [0, 0, 1, 1]
    assert set(read.part("test")["part"]) == {"test"}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_class_that_is_too_small_is_named(count: int) -> None:
    with pytest.raises(InputError, match=f"Cy has {count} images, which leaves none for"):
        draw_split(images_of({"Ann": 20, "Cy": count}), [], 0)


def test_class_of_one_photograph_is_named() -> None:
    paths = [path_of("Cy", n) for n in range(1, 9)]
    with pytest.raises(InputError, match="Cy has 8 images"):
        draw_split(images_of({"Ann": 20, "Cy": 8}), [(paths[0], other) for other in paths[1:]], 0)


# Leaks -----------------------------------------------------------------------------------------


@pytest.fixture
def split() -> Split:
    return draw_split(images_of({"Ann": 20, "Bob": 20}), [], 0)


def planted(split: Split, **values: str) -> Split:
    """Copy a training row into the test, some of its values changed."""
    row = split.part("train").iloc[[0]].assign(part="test", **values)
    return Split(pd.concat([split.rows, row], ignore_index=True), split.classes)


def kinds(split: Split, pairs: Sequence[Pair] = ()) -> list[str]:
    return find_leaks(split, pairs)["kind"].tolist()


def test_planted_leaks_are_found(split: Split) -> None:
    pair = (split.part("train")["image_path"][0], split.part("validation")["image_path"][0])

    assert kinds(split) == []
    assert kinds(planted(split, sha256=sha("x"))) == ["path"]
    assert kinds(planted(split, image_path="Ann/Ann_0099.jpg")) == ["content"]
    assert kinds(split, [pair]) == ["same photo"]
    assert kinds(planted(split), [pair]) == ["path", "content", "same photo"]


def test_leak_is_described(split: Split) -> None:
    first, second = split.part("test")["image_path"][0], split.part("train")["image_path"][0]
    leaks = find_leaks(split, [(first, second), (first, "Eve/Eve_0001.jpg"), (first, first)])
    assert leaks.to_dict("records") == [
        {"kind": "same photo", "first": first, "second": second, "parts": "test, train"}
    ]


def test_leaks_are_refused(split: Split) -> None:
    with pytest.raises(
        DataError, match=r"leaks 2 times: Ann/.* and Ann/.* \(path\) are in test, t"
    ):
        check_leaks(planted(split), [])
    pair = (split.part("train")["image_path"][0], split.part("test")["image_path"][0])
    with pytest.raises(DataError, match=r"leaks 1 times: .* \(same photo\)"):
        check_leaks(split, [pair])


def test_changed_and_missing_files_are_refused(split: Split, tmp_path: Path) -> None:
    for path in split.rows["image_path"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    check_leaks(split, [], tmp_path)

    (tmp_path / path_of("Bob", 7)).write_bytes(b"x")
    with pytest.raises(DataError, match=r"Bob_0007\.jpg changed since the split was drawn"):
        check_leaks(split, [], tmp_path)

    (tmp_path / path_of("Bob", 7)).unlink()
    with pytest.raises(DataError, match=r"Bob_0007\.jpg cannot be read: No such file"):
        check_leaks(split, [], tmp_path)


# Real ------------------------------------------------------------------------------------------


def test_real_split_has_the_notebooks_sizes(real_folder: Path, real_manifest: Manifest) -> None:
    people = read_catalog(real_folder).people
    images = real_manifest.images.rename(columns={"path": "image_path"})
    images["name"] = images["image_path"].str.partition("/")[0]
    pairs = [(real_path(first), real_path(second)) for first, second in sorted(SAME_PHOTOS)]
    wanted = chosen_by(top=6, images_per_person=75)

    chosen = sample_images(images, select_people(people, wanted), wanted, 0)
    split = draw_split(chosen, pairs, 0)

    assert split.sizes == {"train": 288, "validation": 72, "test": 90}
    for part, size in split.sizes.items():
        assert set(split.part(part)["name"].value_counts()) == {size // 6}
    check_leaks(split, pairs, real_folder / real_manifest.image_folder)


def real_path(stem: str) -> str:
    return f"{stem.rpartition('_')[0]}/{stem}.jpg"
