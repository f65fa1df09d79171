"""Tests of which code a function is said to rest on."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lfw import code
from lfw.code import function_digests, part_name

STAGE = '''"""A module of stages."""
from stagepack.helpers import used, other
from lfw.bias import gini

LIMIT: int = 3
UNUSED = 4


def decorate(function):
    return function


@decorate
def work(count: int) -> float:
    """Do it."""
    return near(count) + used() + LIMIT + gini(count)


def near(count):
    # a remark
    return count


def beside():
    from lfw.catalog import image_path
    return image_path("A", 1)
'''
HELPERS = "def used():\n    return 1\n\n\ndef other():\n    return 2\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "stagepack"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "stages.py").write_text(STAGE)
    (folder / "helpers.py").write_text(HELPERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "stagepack"]:
        del sys.modules[name]


def digests(name: str = "work") -> dict[str, str]:
    code._read.cache_clear()
    importlib.invalidate_caches()
    function: Callable[..., Any] = getattr(importlib.import_module("stagepack.stages"), name)
    return function_digests(function)


def rewritten(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


@pytest.mark.usefixtures("package")
def test_reached_is_what_is_used_and_no_more() -> None:
    names = {name for name in digests() if name.startswith("stagepack")}
    assert names == {
        "stagepack.stages.work",
        "stagepack.stages.near",
        "stagepack.stages.LIMIT",
        "stagepack.helpers.used",
    }
    assert "lfw.bias" in digests()
    assert "lfw.intervals" in digests(), "followed through lfw.bias"
    assert "numpy" in digests()
    assert "lfw.catalog" not in digests()


@pytest.mark.usefixtures("package")
def test_an_import_inside_the_function_counts() -> None:
    assert "lfw.catalog" in digests("beside")


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("stages.py", "# a remark", "# another"),
        ("stages.py", '"""Do it."""', '"""Do it well."""'),
        ("stages.py", "count: int) -> float", "count: float) -> int"),
        ("stages.py", "UNUSED = 4", "UNUSED = 5"),
        ("helpers.py", "return 2", "return 3"),
    ],
)
def test_what_does_not_run_does_not_count(
    package: Path, file: str, before: str, after: str
) -> None:
    first = digests()
    rewritten(package / file, before, after)
    assert digests() == first


@pytest.mark.parametrize(
    ("file", "before", "after", "changed"),
    [
        ("stages.py", "+ LIMIT", "- LIMIT", "stagepack.stages.work"),
        ("stages.py", "return count", "return -count", "stagepack.stages.near"),
        ("stages.py", "= 3", "= 2", "stagepack.stages.LIMIT"),
        ("helpers.py", "return 1", "return 9", "stagepack.helpers.used"),
    ],
)
def test_what_runs_counts(package: Path, file: str, before: str, after: str, changed: str) -> None:
    first = digests()
    rewritten(package / file, before, after)
    second = digests()
    assert {name for name in first if first[name] != second[name]} == {changed}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lfw.bias", "code of lfw.bias"),
        ("lfw", "code of lfw"),
        ("tasks.training.train_model", "code of tasks.training.train_model"),
        ("tensorflow", "version of tensorflow"),
        ("TF_ENABLE_ONEDNN_OPTS", "setting TF_ENABLE_ONEDNN_OPTS"),
    ],
)
def test_each_part_is_said_to_be_what_it_is(name: str, said: str) -> None:
    assert part_name(name) == said
