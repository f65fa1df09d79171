"""Digests change with what they stand for, and with nothing else."""

import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw.digest import code_digests, file_digest, text_digest, value_digest

MODULES = {
    "__init__": "",
    "top": '"""Doc."""\nimport made.middle\nimport json\nimport numpy as np\n\nA = 1\n',
    "middle": "from made import bottom\nfrom made.other import thing\ndef f(x):\n    return x\n",
    "bottom": "class C:\n    '''Doc.'''\n    def g(self):\n        '''Doc.'''\n        return 2\n",
    "other": "def thing():\n    from made.late import x\n    return x\n",
    "late": "raise RuntimeError('imported')\nx = 1\n",
    "apart": "y = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    for name, code in MODULES.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def digests() -> Mapping[str, str]:
    return code_digests(["made.top"], "made")


def change(package: Path, module: str, old: str, new: str) -> None:
    path = package / f"{module}.py"
    code = path.read_text(encoding="utf-8")
    assert old in code
    path.write_text(code.replace(old, new), encoding="utf-8")


def test_modules_and_distributions_are_reached_without_an_import(package: Path) -> None:
    found = digests()

    reached = {f"made.{name}" for name in ("top", "middle", "bottom", "other", "late")}
    assert set(found) - {"made"} == {*reached, "numpy"}
    assert found["numpy"] == importlib.metadata.version("numpy")
    assert not any(name.partition(".")[0] == "made" for name in sys.modules)


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", '"""Doc."""', '"""Other."""'),
        ("top", '"""Doc."""\n', ""),
        ("top", "A = 1", "# One.\nA  =  1  # one\n"),
        ("bottom", "'''Doc.'''", "'''Other.'''"),
        ("bottom", "return 2", "return (2)"),
        ("apart", "y = 1", "y = 2"),
    ],
)
def test_comments_layout_and_docstrings_do_not_count(
    module: str, old: str, new: str, package: Path
) -> None:
    before = digests()
    change(package, module, old, new)
    assert digests() == before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("top", "A = 1", "A = 2"),
        ("middle", "return x", "return -x"),
        ("bottom", "return 2", "return 3"),
        ("late", "x = 1", "x = '1'"),
        ("other", "def thing", "async def thing"),
    ],
)
def test_change_of_code_reached_counts(module: str, old: str, new: str, package: Path) -> None:
    before = digests()
    change(package, module, old, new)
    after = digests()

    assert {name for name in before if before[name] != after[name]} == {f"made.{module}"}


def test_the_package_that_a_module_lies_in_counts(package: Path) -> None:
    (package / "__init__.py").write_text("A = 1\n", encoding="utf-8")
    before = digests()
    change(package, "__init__", "A = 1", "A = 2")
    after = digests()
    assert {name for name in before if before[name] != after[name]} == {"made"}


@pytest.mark.parametrize("library", ["keras", "tensorflow"])
def test_backend_and_its_kernels_count(
    library: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "TF_ENABLE_ONEDNN_OPTS"
    change(package, "bottom", "return 2", f"import {library}\n        return 2")
    found = []
    for value in ("1", "0"):
        monkeypatch.setenv(variable, value)
        found.append(digests())
    monkeypatch.delenv(variable)

    assert [one[variable] for one in found] == ["1", "0"]
    assert variable not in digests()
    assert found[0]["tensorflow"] == importlib.metadata.version("tensorflow")


def test_kernels_do_not_count_where_nothing_is_computed_with_them() -> None:
    assert "TF_ENABLE_ONEDNN_OPTS" not in code_digests(["lfw.bias"])


def test_missing_module_is_named(package: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"made\.none"):
        code_digests(["made.none"], "made")


def test_file_digest(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc" * 100_000)
    assert file_digest(tmp_path / "f") == hashlib.sha256(b"abc" * 100_000).hexdigest()


lines = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


@given(lines, lines)
def test_text_digest_tells_lists_of_lines_apart(first: list[str], second: list[str]) -> None:
    assert (text_digest(first) == text_digest(second)) == (first == second)


@given(st.dictionaries(st.text(), st.integers() | st.booleans() | st.none() | st.text()))
def test_value_digest_does_not_see_the_order_of_keys(value: dict[str, object]) -> None:
    assert value_digest(value) == value_digest(dict(reversed(value.items())))


def test_value_digest_tells_values_apart() -> None:
    values: list[object] = [None, 0, 1, "1", 1.5, True, [], [1], [1, 2], [2, 1], {}, {"a": 1}]
    assert len({value_digest(value) for value in values}) == len(values)
    assert value_digest({"path": Path("a")}) == value_digest({"path": "a"})
