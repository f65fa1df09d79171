"""What is installed is what was locked, and its licences are written down."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def locked() -> list[dict[str, Any]]:
    with (ROOT / "uv.lock").open("rb") as file:
        packages: list[dict[str, Any]] = tomllib.load(file)["package"]
    return [package for package in packages if "registry" in package["source"]]


def test_every_file_of_every_package_is_locked_by_its_hash() -> None:
    assert len(locked()) > 150
    for package in locked():
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]), package["name"]


def test_nothing_comes_from_elsewhere_than_the_registry() -> None:
    with (ROOT / "uv.lock").open("rb") as file:
        sources = [package["source"] for package in tomllib.load(file)["package"]]
    assert [source for source in sources if "registry" not in source] == [{"editable": "."}]


def test_the_table_of_licences_has_every_direct_dependency() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    table = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = {normal(row.split("|")[1]) for row in table.splitlines() if row.startswith("| ")}
    names = {normal(re.split(r"[<>=\[ ]", text)[0]) for text in wanted}
    assert len(rows) > 100
    assert names <= rows


def test_every_licence_is_known() -> None:
    table = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    said_above = "huey", "namex", "skops"
    for row in table.splitlines():
        if row.startswith("| ") and "UNKNOWN" in row:
            assert row.split("|")[1].strip() in said_above


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
