"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from lfw.errors import InputError
from lfw.files import PARTIAL, new_folder_beside, read_table, sweep_partial, write_text


def test_text_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er.txt"
    write_text(path, "Zoë\n")
    write_text(path, "Zoë, again\n")

    assert path.read_bytes() == "Zoë, again\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")

    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_new_folder_is_empty_beside_the_path_and_gone_at_the_end(tmp_path: Path) -> None:
    with new_folder_beside(tmp_path / "a" / "b") as folder:
        assert folder.parent == tmp_path / "a"
        assert folder.name.startswith(PARTIAL)
        assert list(folder.iterdir()) == []
        (folder / "x").touch()

    assert list((tmp_path / "a").iterdir()) == []


def test_sweep_removes_only_what_is_partial(tmp_path: Path) -> None:
    (tmp_path / f"{PARTIAL}b" / "deep").mkdir(parents=True)
    (tmp_path / f"{PARTIAL}a").touch()
    (tmp_path / "kept").mkdir()

    assert sweep_partial(tmp_path) == [f"{PARTIAL}a", f"{PARTIAL}b"]
    assert os.listdir(tmp_path) == ["kept"]  # noqa: PTH208
    assert sweep_partial(tmp_path) == []


def test_table_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfname,number\r\nNA,007\r\n,\r\n")

    table = read_table(tmp_path / "t.csv", "errata")

    assert table.to_dict("list") == {"name": ["NA", ""], "number": ["007", ""]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "No columns"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"a,b\n1,2,3\n1,2,3,4\n", "Expected 3"),
    ],
)
def test_table_that_cannot_be_read_is_named(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"errata: .*t\.csv cannot be read as a CSV: .*{reason}"):
        read_table(tmp_path / "t.csv", "errata")
