"""The nine lists are read exactly."""

from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfw.catalog import Catalog, expand_paths, image_path, read_catalog
from tests.lfw.lists import COUNTS, NAMES, ROWS, write_list


def frames(catalog: Catalog) -> dict[str, pd.DataFrame]:
    return {field.name: getattr(catalog, field.name) for field in fields(catalog)}


def assert_same(first: Catalog, second: Catalog) -> None:
    for name, frame in frames(first).items():
        pd.testing.assert_frame_equal(frame, frames(second)[name])


def test_lists_are_read(lists: Path) -> None:
    catalog = read_catalog(lists)

    assert catalog.people["name"].tolist() == NAMES
    assert catalog.people["images"].tolist() == [2] * 10
    assert catalog.view1_people_train["name"].tolist() == NAMES[:6]
    assert catalog.view1_people_test["name"].tolist() == NAMES[6:]
    assert catalog.view1_matched_train.to_dict("records") == [
        {"name1": "Person_A", "number1": 1, "name2": "Person_A", "number2": 2}
    ]
    assert catalog.view1_mismatched_test.to_dict("records") == [
        {"name1": "Person_G", "number1": 2, "name2": "Person_H", "number2": 1}
    ]
    assert catalog.view2_pairs["fold"].tolist() == [fold for fold in range(1, 11) for _ in "mm"]
    assert catalog.view2_people["fold"].tolist() == list(range(1, 11))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n"])
def test_line_ends_and_byte_order_marks_do_not_matter(
    end: str, mark: bytes, last: bytes, lists: Path
) -> None:
    expected = read_catalog(lists)
    for name, rows in ROWS.items():
        path = write_list(lists, name, rows, end)
        path.write_bytes(mark + path.read_bytes() + last)

    assert_same(read_catalog(lists), expected)


def test_spaces_around_fields_do_not_matter(lists: Path) -> None:
    expected = read_catalog(lists)
    write_list(lists, "matchpairsDevTrain", [" Person_A , 1 ,2 "])
    assert_same(read_catalog(lists), expected)


@pytest.mark.parametrize("name", sorted(COUNTS - {"people"}))
def test_null_rows_are_passed_over(name: str, lists: Path) -> None:
    expected = read_catalog(lists)
    write_list(lists, name, [",", *ROWS[name][:1], "", *ROWS[name][1:], " , "])
    assert_same(read_catalog(lists), expected)


@pytest.mark.parametrize(
    "rows",
    [
        [f"{name},2" for name in NAMES],
        [f"{name},2" for name in NAMES] + [","] * 9,
        [row for name in NAMES[:9] for row in (f"{name},2", ",")],
        ROWS["people"],
        [",", *ROWS["people"]],
        [*ROWS["people"][:16], ",", "Person_I,2", "Person_J,2"],
    ],
    ids=["no marks", "marks at the end", "nine folds", "as it is", "a mark first", "an empty fold"],
)
def test_fold_is_known_only_if_there_are_ten(rows: list[str], lists: Path) -> None:
    write_list(lists, "people", rows)

    folds = read_catalog(lists).view2_people["fold"]

    if rows == ROWS["people"]:
        assert folds.notna().all()
    else:
        assert folds.isna().all()
    assert str(folds.dtype) == "Int64"


def test_catalog_is_written_and_read(lists: Path, tmp_path: Path) -> None:
    catalog = read_catalog(lists)
    (tmp_path / "kept").mkdir()
    catalog.write(tmp_path / "kept")
    assert_same(Catalog.read(tmp_path / "kept"), catalog)


safe = st.characters(exclude_categories=["C", "Z"], exclude_characters=',/\\"')


people = st.dictionaries(
    st.text(safe, min_size=1, max_size=12).filter(lambda name: name not in {".", ".."}),
    st.integers(1, 9999),
    min_size=1,
    max_size=8,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(counts=people, end=st.sampled_from(["\n", "\r\n"]), nulls=st.booleans())
def test_any_names_and_counts_come_back(
    counts: dict[str, int], end: str, nulls: bool, lists: Path
) -> None:
    rows = [f"{name},{count}" for name, count in counts.items()]
    write_list(lists, "lfw_allnames", [*rows, *([","] if nulls else [])], end)

    read = read_catalog(lists).people

    assert dict(zip(read["name"], read["images"], strict=True)) == counts


numbers = st.integers(1, 9999)


pair = st.tuples(st.sampled_from(NAMES), numbers, st.sampled_from(NAMES), numbers)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(st.lists(pair.filter(lambda p: p[0] != p[2]), max_size=6))
def test_any_pairs_come_back(lists: Path, pairs: list[tuple[str, int, str, int]]) -> None:
    write_list(lists, "mismatchpairsDevTrain", [",".join(map(str, row)) for row in pairs])

    read = read_catalog(lists).view1_mismatched_train

    assert list(read.itertuples(index=False, name=None)) == pairs


@given(people)
def test_paths_are_expanded(counts: dict[str, int]) -> None:
    few = {name: count % 5 + 1 for name, count in counts.items()}
    frame = pd.DataFrame(list(few.items()), columns=["name", "images"])

    images = expand_paths(frame)

    expected = [image_path(name, k + 1) for name, count in few.items() for k in range(count)]
    assert images["image_path"].tolist() == expected
    assert images["image_number"].min() == 1


def test_image_path() -> None:
    assert image_path("George_W_Bush", 7) == "George_W_Bush/George_W_Bush_0007.jpg"
