"""A photograph on two sides of a split is found and refused."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from lfw.errors import DataError
from lfw.leaks import check_leaks, find_leaks
from lfw.split import (
    Split,
    draw_split,
)
from tests.lfw.named_images import (
    Pair,
    images_of,
    path_of,
    sha,
)


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
