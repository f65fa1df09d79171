"""The nine lists are read exactly; a row that cannot be understood is named by its line."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfw.catalog import Catalog, check_references, expand_paths, image_path, read_catalog
from lfw.errors import DataError
from lfw.manifest import Manifest

COUNTS = {"lfw_allnames", "peopleDevTrain", "peopleDevTest", "people"}
HEADERS = {
    **dict.fromkeys(COUNTS, "name,images"),
    "matchpairsDevTrain": "name,imagenum1,imagenum2",
    "matchpairsDevTest": "name,imagenum1,imagenum2",
    "mismatchpairsDevTrain": "name,imagenum1,name,imagenum2",
    "mismatchpairsDevTest": "name,imagenum1,name,imagenum2",
    "pairs": "name,imagenum1,imagenum2,",
}
NAMES = [f"Person_{letter}" for letter in "ABCDEFGHIJ"]


def other(name: str) -> str:
    return NAMES[NAMES.index(name) - 1]


ROWS: dict[str, list[str]] = {
    "lfw_allnames": [f"{name},2" for name in NAMES],
    "peopleDevTrain": [f"{name},2" for name in NAMES[:6]],
    "peopleDevTest": [f"{name},2" for name in NAMES[6:]],
    "matchpairsDevTrain": ["Person_A,1,2"],
    "matchpairsDevTest": ["Person_G,1,2"],
    "mismatchpairsDevTrain": ["Person_A,1,Person_B,2"],
    "mismatchpairsDevTest": ["Person_G,2,Person_H,1"],
    "pairs": [row for name in NAMES for row in (f"{name},1,2,", f"{name},1,{other(name)},2")],
    "people": [row for name in NAMES for row in (f"{name},2", ",")],
}


def write_list(folder: Path, name: str, rows: Sequence[str], end: str = "\r\n") -> Path:
    path = folder / f"{name}.csv"
    path.write_bytes(end.join([HEADERS[name], *rows]).encode())
    return path


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    for name, rows in ROWS.items():
        write_list(tmp_path, name, rows)
    return tmp_path


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


def problems(catalog: Catalog, paths: Sequence[str]) -> set[tuple[str, str, str]]:
    return set(check_references(catalog, paths).itertuples(index=False, name=None))


@pytest.fixture
def catalog(lists: Path) -> Catalog:
    return read_catalog(lists)


@pytest.fixture
def paths(catalog: Catalog) -> list[str]:
    return expand_paths(catalog.people)["image_path"].tolist()


def test_lists_that_agree_have_no_problem(catalog: Catalog, paths: list[str]) -> None:
    found = check_references(catalog, paths)
    assert found.empty
    assert list(found.columns) == ["list", "problem", "subject"]


def test_missing_and_unlisted_images_are_found(catalog: Catalog, paths: list[str]) -> None:
    gone, new = "Person_G/Person_G_0001.jpg", "Zed/Zed_0001.jpg"
    found = problems(catalog, [path for path in paths if path != gone] + [new])
    assert found == {
        ("lfw_allnames.csv", "missing image", gone),
        ("lfw_allnames.csv", "unlisted image", new),
        ("view1_matched_test", "missing image", gone),
        ("view2_pairs", "missing image", gone),
    }


def with_row(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    return pd.concat([frame, pd.DataFrame([values])], ignore_index=True)


def test_unknown_people_wrong_counts_and_both_parts_are_found(
    catalog: Catalog, paths: list[str]
) -> None:
    train = with_row(catalog.view1_people_train, name="Zed", images=1)
    test = with_row(catalog.view1_people_test, name="Person_A", images=3)

    found = problems(replace(catalog, view1_people_train=train, view1_people_test=test), paths)

    assert found == {
        ("view1_people_train", "unknown person", "Zed"),
        ("view1_people_test", "wrong count", "Person_A: 3 here, 2 in lfw_allnames"),
        ("view1_people_test", "person in both parts", "Person_A"),
    }


def test_sample_has_no_problem(sample_folder: Path) -> None:
    catalog = read_catalog(sample_folder)
    images = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    files = [path.relative_to(images).as_posix() for path in images.glob("*/*.jpg")]

    assert check_references(catalog, files).empty
    assert catalog.view2_people["fold"].nunique() == 10


Check = Callable[[Catalog], object]
REAL_FACTS: dict[str, tuple[Check, object]] = {
    "people": (lambda c: len(c.people), 5749),
    "images": (lambda c: c.people["images"].sum(), 13_233),
    "people with one": (lambda c: (c.people["images"] == 1).sum(), 4069),
    "people with two or more": (lambda c: (c.people["images"] >= 2).sum(), 1680),
    "people with 20 or more": (lambda c: (c.people["images"] >= 20).sum(), 62),
    "people with 70 or more": (lambda c: (c.people["images"] >= 70).sum(), 7),
    "view 1 people": (
        lambda c: [len(c.view1_people_train), len(c.view1_people_test)],
        [4038, 1711],
    ),
    "view 1 pairs": (
        lambda c: [
            len(frame)
            for frame in (
                c.view1_matched_train,
                c.view1_mismatched_train,
                c.view1_matched_test,
                c.view1_mismatched_test,
            )
        ],
        [1100, 1100, 500, 500],
    ),
    "view 2 pairs": (lambda c: c.view2_pairs.groupby("fold").size().tolist(), [600] * 10),
    "view 2 matched": (
        lambda c: (c.view2_pairs["name1"] == c.view2_pairs["name2"]).sum(),
        3000,
    ),
    "view 2 people": (lambda c: len(c.view2_people), 5749),
    "view 2 folds": (
        lambda c: c.view2_people["fold"].drop_duplicates().tolist(),
        list(range(1, 11)),
    ),
}


@pytest.fixture(scope="module")
def real_catalog(real_folder: Path) -> Catalog:
    return read_catalog(real_folder)


@pytest.mark.parametrize("fact", REAL_FACTS)
def test_real_lists_hold_the_published_facts(fact: str, real_catalog: Catalog) -> None:
    find, expected = REAL_FACTS[fact]
    assert find(real_catalog) == expected


def test_real_lists_most_photographed(real_catalog: Catalog) -> None:
    top = real_catalog.people.nlargest(6, "images")
    assert list(top.itertuples(index=False, name=None)) == [
        ("George_W_Bush", 530),
        ("Colin_Powell", 236),
        ("Tony_Blair", 144),
        ("Donald_Rumsfeld", 121),
        ("Gerhard_Schroeder", 109),
        ("Ariel_Sharon", 77),
    ]


def test_real_lists_have_nine_null_rows(real_folder: Path) -> None:
    rows = (real_folder / "people.csv").read_text(encoding="utf-8").splitlines()
    assert sum(not row.strip(", ") for row in rows) == 9


def test_real_lists_agree_with_the_files(real_catalog: Catalog, real_manifest: Manifest) -> None:
    assert check_references(real_catalog, real_manifest.images["path"]).empty


def test_real_list_with_a_damaged_row_is_refused(real_folder: Path, tmp_path: Path) -> None:
    for path in real_folder.glob("*.csv"):
        shutil.copy(path, tmp_path)
    pairs = (tmp_path / "pairs.csv").read_bytes().replace(b"Abel_Pacheco,1,4,", b"Abel_Pacheco,1,")
    (tmp_path / "pairs.csv").write_bytes(pairs)
    with pytest.raises(DataError, match=r"pairs\.csv:2: "):
        read_catalog(tmp_path)
