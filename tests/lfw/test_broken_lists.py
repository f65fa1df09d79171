"""Whatever is wrong with a list: one error that names the file and the line, or a row of the check.

What each row may hold is in `test_catalog_refused`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfw.catalog import LISTS, Catalog, check_references, expand_paths, read_catalog, read_list
from lfw.errors import DataError
from tests.lfw.lists import ROWS, write_list

ALL = "lfw_allnames.csv"


def rewritten(folder: Path, content: bytes) -> None:
    (folder / ALL).write_bytes(content)


def _folder_instead(folder: Path) -> None:
    (folder / ALL).unlink()
    (folder / ALL).mkdir()


def _larger_than_any_list(folder: Path) -> None:
    with (folder / ALL).open("ab") as file:
        file.truncate((64 << 20) + 1)


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda f: (f / ALL).unlink(), " is missing"),
    "empty": (lambda f: rewritten(f, b""), ":1: the header is 'nothing'"),
    "header only": (lambda f: rewritten(f, b"name,images\r\n"), " names nobody"),
    "null rows only": (lambda f: rewritten(f, b"name,images\n,\n,\n"), " names nobody"),
    "extra column": (
        lambda f: rewritten(f, b"name,images,age\nAnn,2,40\n"),
        ":1: the header is 'name,images,age', not 'name,images'",
    ),
    "columns in another order": (
        lambda f: rewritten(f, b"images,name\n2,Ann\n"),
        ":1: the header is 'images,name', not 'name,images'",
    ),
    "semicolons": (lambda f: rewritten(f, b"name;images\nAnn;2\n"), ":1: the header is"),
    "no header": (lambda f: rewritten(f, b"Ann,2\nBob,2\n"), ":1: the header is 'Ann,2'"),
    "Latin-1": (
        lambda f: rewritten(f, "name,images\nZo\u00eb,2\n".encode("latin-1")),
        " is not UTF-8 at byte 14",
    ),
    "UTF-16": (
        lambda f: rewritten(f, "name,images\nAnn,2\n".encode("utf-16")),
        " is not UTF-8 at byte 0",
    ),
    "an image": (lambda f: rewritten(f, b"\xff\xd8\xff\xe0" * 9), " is not UTF-8 at byte 0"),
    "twice": (lambda f: rewritten(f, b"name,images\nAnn,2\n\nAnn,3\n"), ":4: Ann is named twice"),
    "comma in a name": (lambda f: rewritten(f, b'name,images\n"Lu, Jr",2\n'), ":2: 3 fields"),
    "quotes": (lambda f: rewritten(f, b'name,images\n"Lu",2\n'), ":2: '\"Lu\"' is not a person"),
    "control characters": (
        lambda f: rewritten(f, b"name,images\nA\x1b[2Jn,2\n"),
        ":2: 'A\\x1b[2Jn' is not a person's name",
    ),
    "up and out": (lambda f: rewritten(f, b"name,images\n..,2\n"), ":2: '..' is not a person"),
    "a path": (lambda f: rewritten(f, b"name,images\n../etc,2\n"), ":2: '../etc' is not a person"),
    "a long name": (
        lambda f: rewritten(f, b"name,images\n" + b"n" * 9000 + b",2\n"),
        f":2: {'n' * 80!r} is not a person's name",
    ),
    "a long number": (
        lambda f: rewritten(f, b"name,images\nAnn," + b"9" * 9000),
        f":2: {'9' * 80!r} is not a number",
    ),
    "a long header": (lambda f: rewritten(f, b"n" * 9000), f":1: the header is {'n' * 80!r}"),
    "more images than can be": (
        lambda f: rewritten(f, b"name,images\n" + b"".join(b"P%d,9999\n" % k for k in range(501))),
        " claims 5,009,499 images",
    ),
    "a folder": (_folder_instead, " cannot be read: Is a directory"),
    "too large": (_larger_than_any_list, " is larger than 64 MB"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_list_is_refused_in_a_sentence(how: str, lists: Path) -> None:
    spoil, said = BROKEN[how]
    spoil(lists)

    with pytest.raises(DataError) as caught:
        read_catalog(lists)

    message = str(caught.value)
    assert message.startswith(f"{lists / ALL}{said}")
    assert message.isprintable()
    assert len(message) < len(str(lists)) + 250


REFERENCES: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "a person without a folder": (
        "Person_K,1",
        {("missing image", "Person_K/Person_K_0001.jpg")},
    ),
    "a count above the files": (
        "Person_A,3",
        {
            ("missing image", "Person_A/Person_A_0003.jpg"),
            ("wrong count", "Person_A: 2 here, 3 in lfw_allnames"),
        },
    ),
    "a count below the files": (
        "Person_A,1",
        {
            ("unlisted image", "Person_A/Person_A_0002.jpg"),
            ("wrong count", "Person_A: 2 here, 1 in lfw_allnames"),
        },
    ),
    "a folder without a row": (
        "",
        {
            ("unlisted image", "Person_A/Person_A_0001.jpg"),
            ("unlisted image", "Person_A/Person_A_0002.jpg"),
            ("unknown person", "Person_A"),
        },
    ),
}


@pytest.mark.parametrize("how", REFERENCES)
def test_what_lists_and_files_disagree_on_is_listed(how: str, lists: Path) -> None:
    files = expand_paths(read_catalog(lists).people)["image_path"].tolist()
    row, expected = REFERENCES[how]
    kept = [said for said in ROWS["lfw_allnames"] if not said.startswith(row[:9] or "Person_A,")]
    write_list(lists, "lfw_allnames", [*kept, *([row] if row else [])])

    found = check_references(read_catalog(lists), files)

    assert set(zip(found["problem"], found["subject"], strict=True)) == expected


anything = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(str.encode),
    st.lists(st.sampled_from(["name", "images", "Ann", "2", "0", "", ",", "\n", "\r", "\x85"]))
    .map(",".join)
    .map(str.encode),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(name=st.sampled_from(sorted(LISTS)), content=anything, whole=st.booleans())
def test_no_content_is_more_than_an_error(
    name: str, content: bytes, whole: bool, lists: Path
) -> None:
    """Any bytes, with and without the right header before them."""
    path = lists / LISTS[name][0]
    header = path.read_bytes().splitlines(keepends=True)[0] if path.exists() else b""
    path.write_bytes((header if whole else b"") + content)
    try:
        frame = read_list(lists, name)
    except DataError as error:
        assert str(error).startswith(str(path))
        assert str(error).isprintable()
    else:
        assert len(frame) <= content.count(b"\n") + content.count(b"\r") + 1
    finally:
        write_list(lists, path.stem, ROWS[path.stem])


def test_every_list_of_the_catalog_has_a_reader() -> None:
    assert list(LISTS) == list(Catalog.__dataclass_fields__)
