"""The start of the command line: help and `lfw doctor` wait for nothing that only runs need.

A run's parameters are Pydantic models, and building them takes several times as long as all that
`lfw --help` needs. Here the commands and their help are read from the source of
:mod:`infra.cli`, which is imported for everything else.
"""

import ast
import os
import shutil
import sys
import textwrap
from pathlib import Path

_HELP: tuple[list[str], ...] = ([], ["--help"], ["-h"])
_DOCTOR = (["doctor"], ["doctor", "--json"])


def main() -> None:
    """Run the command line (see :func:`infra.cli.main` for its exit codes)."""
    words = sys.argv[1:]
    if words in _HELP:
        print_help()
    elif words in _DOCTOR:
        _examine(as_json="--json" in words)
    else:
        from infra.cli import main as run

        run()


def print_help() -> None:
    """Print the commands with the first paragraph of their help; each has a help of its own."""
    tree = ast.parse(Path(__file__).with_name("cli.py").read_text(encoding="utf-8"))
    said = {name.replace("_", "-"): text.partition("\n\n")[0] for name, text in commands(tree)}
    said = dict(sorted(said.items())) | {
        "--help (-h)": "Display this message and exit; lfw COMMAND --help, that of a command.",
        "--version": "Display the version and exit.",
    }
    width = 2 + max(map(len, said))
    columns = min(shutil.get_terminal_size().columns, 100)
    lines = ["Usage: lfw COMMAND", "", _text_of_app(tree), "", "Commands:"]
    for name, text in said.items():
        first = f"  {name:<{width}}"
        lines += textwrap.wrap(
            " ".join(text.split()),
            columns,
            initial_indent=first,
            subsequent_indent=" " * len(first),
        )
    print("\n".join(lines))


def commands(tree: ast.Module) -> list[tuple[str, str]]:
    """Give the name and the docstring of each function under ``@app.command``."""
    return [
        (node.name, ast.get_docstring(node) or "")
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(one).startswith("app.command") for one in node.decorator_list)
    ]


def _text_of_app(tree: ast.Module) -> str:
    """Give the help of the whole, which the app is made with."""
    made = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.targets[0]) == "app"
    )
    return next(str(ast.literal_eval(one.value)) for one in made.keywords if one.arg == "help")


def _examine(*, as_json: bool) -> None:
    from infra.doctor import report
    from lfw.errors import LfwError

    try:
        report(os.environ, as_json=as_json)
    except LfwError as error:
        print(f"lfw: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
