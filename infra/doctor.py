"""`lfw doctor`: whether everything is in place, found in a second or two.

Neither Prefect, MLflow nor TensorFlow is imported: a broken one must not stop the examination.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from infra.data_checks import check_data
from infra.finding import Finding
from infra.machine_checks import check_machine
from infra.server_checks import check_servers
from lfw.errors import LfwError
from lfw.settings import data_folder

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything that a run needs, and change nothing.

    Parameters
    ----------
    environ
        The environment that a run would have.

    Returns
    -------
    list of Finding
        What was found, in the order of the report.
    """
    folder = data_folder(environ)
    return [
        *check_machine(environ),
        *check_data(folder, environ),
        *check_servers(folder, environ),
    ]


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print findings to standard output: a table, or one JSON list."""
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("to do", overflow="fold")
    for finding in findings:
        state = Text(finding.state, style=_COLOURS[finding.state])
        table.add_row(Text(finding.name), state, Text(finding.detail), Text(finding.remedy))
    Console().print(table)


def report(environ: Mapping[str, str], *, as_json: bool) -> None:
    """Examine everything and print what was found.

    Raises
    ------
    LfwError
        If something is not in place.
    """
    findings = examine(environ)
    print_findings(findings, as_json=as_json)
    if any(finding.state == "fail" for finding in findings):
        raise LfwError("Something is not in place: see above.")
