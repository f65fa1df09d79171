"""A list, or a row of one, that cannot be understood is refused by its name and line."""

from pathlib import Path

import pytest

from lfw.catalog import read_catalog
from lfw.errors import DataError
from tests.lfw.lists import COUNTS, HEADERS, ROWS, write_list

BAD_COUNTS: list[tuple[str, str]] = [
    ("Cy", "1 fields, not a name and a count"),
    ("Cy,1,2", "3 fields, not a name and a count"),
    (",3", "'' is not a person's name"),
    ("..,3", "'..' is not a person's name"),
    ("a/b,3", "'a/b' is not a person's name"),
    ("a\\b,3", "is not a person's name"),
    ('"Cy",3', "is not a person's name"),
    ("Cy,", "'' is not a number"),
    ("Cy,0", "'0' is not a number from 1 to 9999"),
    ("Cy,-1", "'-1' is not a number"),
    ("Cy,10000", "'10000' is not a number"),
    ("Cy,1.0", "'1.0' is not a number"),
    ("Cy,one", "'one' is not a number"),
    ("Cy,²", "'²' is not a number"),
    ("Cy,99999999999999999999", "is not a number"),
    ("Person_G,2", "Person_G is named twice"),
]


@pytest.mark.parametrize(("row", "message"), BAD_COUNTS)
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_bad_row_of_people_is_named(name: str, row: str, message: str, lists: Path) -> None:
    write_list(lists, name, ["Person_G,2", "", row])
    with pytest.raises(DataError) as caught:
        read_catalog(lists)
    assert f"{name}.csv:4: " in str(caught.value)
    assert message in str(caught.value)


BAD_PAIRS: list[tuple[str, str, str]] = [
    ("matchpairsDevTrain", "Person_A,1", "2 fields"),
    ("matchpairsDevTrain", "Person_A,1,Person_B,2", "4 fields, not 3"),
    ("matchpairsDevTest", "Person_A,1,0", "'0' is not a number"),
    ("matchpairsDevTest", "Person_A,1,1", "paired with itself"),
    ("matchpairsDevTest", ",1,2", "'' is not a person's name"),
    ("mismatchpairsDevTrain", "Person_A,1,2", "3 fields, not 4"),
    ("mismatchpairsDevTrain", "Person_A,1,Person_B,2,", "5 fields, not 4"),
    ("mismatchpairsDevTrain", "Person_A,1,,2", "'' is not a person's name"),
    ("mismatchpairsDevTest", "Person_A,1,Person_B,", "'' is not a number"),
    ("mismatchpairsDevTest", "Person_A,1,Person_A,2", "names Person_A twice"),
    ("mismatchpairsDevTest", "Person_A,1,Person_A,1", "paired with itself"),
    ("pairs", "Person_A,1,Person_B,2,", "5 fields"),
    ("pairs", "Person_A,x,2,", "'x' is not a number"),
    ("pairs", "Person_A,1", "2 fields"),
]


@pytest.mark.parametrize(("name", "row", "message"), BAD_PAIRS)
def test_bad_row_of_pairs_is_named(name: str, row: str, message: str, lists: Path) -> None:
    write_list(lists, name, [ROWS[name][0], row])
    with pytest.raises(DataError) as caught:
        read_catalog(lists)
    assert f"{name}.csv:3: " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", sorted(HEADERS))
@pytest.mark.parametrize("content", [b"", b"name;images\nAnn;2\n", b"Person_A,2\n"])
def test_wrong_header_is_named(name: str, content: bytes, lists: Path) -> None:
    (lists / f"{name}.csv").write_bytes(content)
    with pytest.raises(
        DataError, match=rf"{name}\.csv:1: the header is '.*', not '{HEADERS[name]}'"
    ):
        read_catalog(lists)


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_missing_list_is_named(name: str, lists: Path) -> None:
    (lists / f"{name}.csv").unlink()
    with pytest.raises(DataError, match=rf"{name}\.csv is missing"):
        read_catalog(lists)


def test_list_that_is_not_utf8_is_named(lists: Path) -> None:
    (lists / "people.csv").write_bytes("name,images\nZoë,2\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"people\.csv is not UTF-8 at byte 14"):
        read_catalog(lists)


def test_list_of_nobody_is_refused(lists: Path) -> None:
    write_list(lists, "lfw_allnames", [])
    with pytest.raises(DataError, match=r"lfw_allnames\.csv names nobody"):
        read_catalog(lists)


@pytest.mark.parametrize(
    "rows",
    [[], ROWS["pairs"][:-1], ROWS["pairs"][:-2], ROWS["pairs"][1:], ROWS["pairs"] * 2],
    ids=["none", "one row short", "nine folds", "mismatched first", "twenty folds"],
)
def test_pairs_that_are_not_ten_equal_folds_are_refused(rows: list[str], lists: Path) -> None:
    write_list(lists, "pairs", rows)
    with pytest.raises(DataError, match=r"pairs\.csv has blocks of .* 10 such folds"):
        read_catalog(lists)
