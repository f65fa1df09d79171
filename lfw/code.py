"""Which code a function rests on: so that a cache notices a change of it, and of nothing else."""

import ast
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lfw.digest import code_digests, text_digest

_OUR_OWN = {"lfw", "tasks"}


@dataclass(frozen=True)
class _Module:
    """A module's definitions, and where its imported names come from."""

    defined: dict[str, ast.stmt]
    imported: dict[str, tuple[str, str | None]]


def function_digests(function: Callable[..., Any]) -> dict[str, str]:
    """Digest the code that a function rests on.

    Within the function's own package names are followed one by one, so that its neighbours in the
    same file do not count; what they take from ``lfw`` is followed by modules (see
    :func:`lfw.digest.code_digests`).

    Parameters
    ----------
    function
        A function defined at the top of a module.

    Returns
    -------
    dict
        One entry for each definition and module reached, and one for each library, with its
        version. Comments, layout and docstrings do not count.
    """
    package = function.__module__.partition(".")[0]
    waiting = [(function.__module__, function.__name__)]
    reached: dict[str, str] = {}
    modules: set[str] = set()
    while waiting:
        place = waiting.pop()
        name = ".".join(place)
        node = _read(place[0]).defined.get(place[1])
        if name in reached or node is None:
            continue
        reached[name] = text_digest([ast.dump(node)])
        for module, attribute in _sources(place[0], node):
            if module.partition(".")[0] == package and attribute is not None:
                waiting.append((module, attribute))
            elif module.partition(".")[0] == "lfw":
                modules.add(module)
    return dict(sorted(reached.items())) | code_digests(modules)


def part_name(name: str) -> str:
    """Say what an entry of :func:`function_digests` is: code, a setting or a library."""
    if name.partition(".")[0] in _OUR_OWN:
        return f"code of {name}"
    return f"setting {name}" if name.isupper() else f"version of {name}"


def _sources(module: str, node: ast.stmt) -> list[tuple[str, str | None]]:
    """Give where each name that a definition uses comes from."""
    known = _read(module)
    inside = _imports(ast.Module([node], []))
    found: list[tuple[str, str | None]] = []
    for used in {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}:
        if used in known.defined:
            found.append((module, used))
        elif used in known.imported:
            found.append(known.imported[used])
    return found + list(inside.values())


@cache
def _read(module: str) -> _Module:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return _Module({}, {})
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    defined: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            _strip(node)
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {t.id: node for t in targets if isinstance(t, ast.Name)}
    return _Module(defined, _imports(tree))


def _strip(node: ast.AST) -> None:
    """Take off what does not run when a function does: docstrings, annotations, decorators."""
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.ClassDef):
            part.decorator_list = []
            if ast.get_docstring(part) is not None:
                part.body = part.body[1:]
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None
        if isinstance(part, ast.AnnAssign):
            part.annotation = ast.Constant(None)


def _imports(tree: ast.Module) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = (node.module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (alias.name, None)
    return found
