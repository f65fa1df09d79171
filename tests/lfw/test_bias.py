"""Counts and shares are right by hand, and nothing is claimed that they do not show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw.bias import (
    Bias,
    count_groups,
    describe_bias,
    gini,
    measure_bias,
    measure_selection,
    read_annotations,
)
from lfw.errors import InputError


def people(*counts: int) -> pd.DataFrame:
    return pd.DataFrame({"name": [f"P{k:03}" for k in range(len(counts))], "images": counts})


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1, 1, 1, 1], 0.0),
        ([5], 0.0),
        ([1, 3], 0.25),  # differences 0, 2, 2, 0: mean 1, over twice the mean of 2
        ([1, 1, 1, 5], 0.375),  # 6 of 16 ordered pairs differ, by 4: mean 1.5, over 2 x 2
        ([1, 2, 3, 4], 0.25),  # sum of differences 20: mean 1.25, over 2 x 2.5
    ],
)
def test_gini_by_hand(counts: list[int], expected: float) -> None:
    assert gini(np.array(counts)) == pytest.approx(expected)
    assert gini(np.array(counts[::-1])) == pytest.approx(expected)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60))
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    values = np.array(counts, dtype=float)
    expected = np.abs(values[:, None] - values).mean() / (2 * values.mean())
    assert gini(np.array(counts)) == pytest.approx(expected)
    assert 0 <= gini(np.array(counts)) + 1e-12 < 1


@pytest.fixture
def bias() -> Bias:
    return measure_bias(people(1, 10, 1, 5, 3))


def test_shares_by_hand(bias: Bias) -> None:
    assert (bias.people, bias.images, bias.single_people) == (5, 20, 2)
    assert bias.single_share_of_people == pytest.approx(2 / 5)
    assert bias.single_share_of_images == pytest.approx(2 / 20)
    assert bias.top_shares.to_dict("list") == {
        "top": [1, 5],
        "images": [10, 20],
        "share": [0.5, 1.0],
    }


def test_most_photographed_come_first_and_equals_by_name(bias: Bias) -> None:
    assert bias.most_photographed["name"].tolist() == ["P001", "P003", "P004", "P000", "P002"]
    assert bias.most_photographed["share"].tolist() == pytest.approx([0.5, 0.25, 0.15, 0.05, 0.05])
    assert len(measure_bias(people(*[2] * 50)).most_photographed) == 20


def test_distribution_by_hand(bias: Bias) -> None:
    rows = bias.distribution.set_index("images")
    assert rows["people"].to_dict() == {
        "1": 2,
        "2": 0,
        "3-4": 1,
        "5-9": 1,
        "10-19": 1,
        "20-49": 0,
        "50-99": 0,
        "100-199": 0,
        "200 or more": 0,
    }
    assert rows.loc["10-19", "share_of_images"] == pytest.approx(0.5)
    assert rows.loc["1", "share_of_people"] == pytest.approx(0.4)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=80))
def test_distribution_holds_everybody_once(counts: list[int]) -> None:
    measured = measure_bias(people(*counts))
    assert measured.distribution["people"].sum() == len(counts)
    assert measured.distribution["share_of_people"].sum() == pytest.approx(1)
    assert measured.distribution["share_of_images"].sum() == pytest.approx(1)


def test_selection_counts_who_is_left_out() -> None:
    chosen = pd.DataFrame({"name": ["P001"] * 4 + ["P003"] * 5})
    dropped = measure_selection(people(1, 10, 1, 5, 3), chosen)
    assert (dropped.people_kept, dropped.people_dropped) == (2, 3)
    assert (dropped.images_kept, dropped.images_dropped) == (9, 11)
    assert dropped.single_dropped == 2


def test_groups_are_counted_with_what_has_no_label() -> None:
    paths = pd.Series([f"{k}.jpg" for k in range(100)])
    labels = ["a"] * 60 + ["b"] * 29 + [""] * 6
    annotations = pd.DataFrame({"image_path": paths[:95], "kind": labels})
    extra = pd.DataFrame({"image_path": ["elsewhere.jpg"], "kind": ["c"]})
    groups = count_groups(pd.concat([annotations, extra]), paths)
    assert groups["group"].tolist() == ["a", "b", "no label"]
    assert groups["images"].tolist() == [60, 29, 11]
    assert groups["share"].tolist() == pytest.approx([0.6, 0.29, 0.11])
    assert groups["note"].tolist() == ["", "not enough data", "not enough data"]
    assert (groups["low"] < groups["share"]).all()
    assert (groups["share"] < groups["high"]).all()
    # Wilson's interval of 60 of 100.
    assert list(groups.loc[0, ["low", "high"]]) == pytest.approx([0.5020, 0.6906], abs=1e-4)


def test_groups_of_thirty_are_enough() -> None:
    paths = pd.Series([f"{k}.jpg" for k in range(30)])
    groups = count_groups(pd.DataFrame({"image_path": paths, "kind": "a"}), paths)
    assert groups["note"].tolist() == [""]


def test_every_attribute_is_counted_apart() -> None:
    paths = pd.Series(["1.jpg", "2.jpg"])
    annotations = pd.DataFrame({"image_path": paths, "one": ["a", "b"], "two": ["c", "c"]})
    groups = count_groups(annotations, paths)
    assert groups[["attribute", "group", "images"]].to_numpy().tolist() == [
        ["one", "a", 1],
        ["one", "b", 1],
        ["two", "c", 2],
    ]


def test_report_has_the_figures(bias: Bias) -> None:
    dropped = measure_selection(people(1, 10, 1, 5, 3), pd.DataFrame({"name": ["P001"] * 4}))
    text = describe_bias(bias, dropped, None)
    assert "20 images of 5 people" in text
    assert "2 people have a single photograph: 40.0% of the people, 10.0% of the images" in text
    assert "P001 alone has 10 images, 50.0% of all" in text
    assert f"is {gini(np.array([1, 10, 1, 5, 3])):.2f}" in text
    assert "keeps 4 images of 1 people, and leaves out 16 images and 4 people (2 of them" in text
    assert "It says nothing on strangers" in text


def test_report_speaks_of_groups_only_where_somebody_labelled_them(bias: Bias) -> None:
    dropped = measure_selection(people(1, 10), pd.DataFrame({"name": ["P001"]}))
    silent = describe_bias(bias, dropped, None)
    assert "No annotations were given, so nothing is said about groups" in silent
    for word in ("gender", "women", "men ", "male", "race", "ethnic", "age ", "skin"):
        assert word not in silent.lower()
    groups = count_groups(
        pd.DataFrame({"image_path": ["1"], "kind": ["a"]}), pd.Series(["1"], name="image_path")
    )
    spoken = describe_bias(bias, dropped, groups)
    assert "third-party annotations" in spoken
    assert "No annotations" not in spoken


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,kind\n1.jpg,a\n", "has the columns path,kind: it needs image_path"),
        ("image_path\n1.jpg\n", "at least one attribute"),
        ("image_path,kind\n1.jpg,a\n2.jpg,b\n1.jpg,b\n", r"names 1\.jpg twice"),
        ("", "cannot be read as a CSV"),
    ],
)
def test_unfit_annotations_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint) as raised:
        read_annotations(path)
    assert "annotations" in str(raised.value)
    assert "labels.csv" in str(raised.value)


def test_missing_annotations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"annotations.*nothing"):
        read_annotations(tmp_path / "nothing.csv")


def test_annotations_are_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\ufeffimage_path,kind\n1.jpg,NA\n2.jpg,\n", encoding="utf-8")
    assert read_annotations(path).to_dict("list") == {
        "image_path": ["1.jpg", "2.jpg"],
        "kind": ["NA", ""],
    }
