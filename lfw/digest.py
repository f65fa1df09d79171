"""Digests: of files, of values, and of the project's own code."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

_LINES = 4096
_BACKENDS = {"keras": "tensorflow"}  # what a distribution computes with, whatever imports it
_SETTINGS = {"tensorflow": "TF_ENABLE_ONEDNN_OPTS"}  # the variable that changes its results


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text_digest(lines: Iterable[str]) -> str:
    """SHA-256 of lines of text, in hexadecimal; their order counts."""
    whole, left = hashlib.sha256(), iter(lines)
    while some := list(itertools.islice(left, _LINES)):
        whole.update("\n".join([*some, ""]).encode())
    return whole.hexdigest()


def value_digest(value: object) -> str:
    """SHA-256 of a JSON-like value, in hexadecimal; the order of keys does not count."""
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
    ).hexdigest()


def arrays_digest(arrays: Iterable[Any]) -> str:
    """SHA-256 of arrays of numbers, their shapes and their order, in hexadecimal."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(str(array.shape).encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


def code_digests(modules: Iterable[str], package: str = "lfw") -> dict[str, str]:
    """Digest the code that some modules rest on, so that a cache notices a change of it.

    Parameters
    ----------
    modules
        Dotted names of modules.
    package
        The package within which imports are followed.

    Returns
    -------
    dict
        One entry for each module of `package` that is reached, the packages that it lies in among
        them (comments, layout and docstrings do not count), one for each installed distribution
        that they import, with its version (Keras' backend, too), and one for each environment
        variable that is set and changes what these compute, if by roundings alone.

    Raises
    ------
    ModuleNotFoundError
        If a module has no source file.
    """
    reached: dict[str, str] = {}
    waiting = list(modules)
    distributions: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached[name], imports = _parse(_source(name))
        parent = name.rpartition(".")[0]  # runs before the module does
        waiting.extend([parent] if parent and _source_file(parent) else [])
        for imported in imports:
            top = imported.partition(".")[0]
            if top == package:
                waiting.extend([imported] if _source_file(imported) else [])
            elif top not in sys.stdlib_module_names:
                distributions.update(_distributions().get(top, ()))
    distributions |= {_BACKENDS[name] for name in distributions & set(_BACKENDS)}
    versions = {name: _version(name) for name in distributions}
    variables = {_SETTINGS[name] for name in distributions & set(_SETTINGS)}
    settings = {name: os.environ[name] for name in variables & set(os.environ)}
    return dict(sorted(reached.items())) | dict(sorted(versions.items())) | settings


def _source(module: str) -> str:
    path = _source_file(module)
    if path is None:
        raise ModuleNotFoundError(f"no source for the module {module}")
    return path.read_text(encoding="utf-8")


@cache
def _parse(source: str) -> tuple[str, frozenset[str]]:
    """Give the digest of what runs, and what is imported; a run asks for each module often."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return digest, frozenset(_imports(tree))


def _drop_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:]


def _imports(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _source_file(dotted: str) -> Path | None:
    """Find a module's file without importing it, since some take seconds to import."""
    top, *rest = dotted.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    base = Path(spec.origin).parent.joinpath(*rest)
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


@cache
def _version(distribution: str) -> str:
    return importlib.metadata.version(distribution)


@cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()
