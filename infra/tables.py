"""What a run found, as tables on a terminal."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console, JustifyMethod
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from lfw.errors import printable

_SHOWN_FILES = 20
_WIDE = 120  # columns of a file or a pipe
_ON_PAGES = {"min", "max"}  # a terminal may have eighty columns


def print_result(result: dict[str, Any]) -> None:
    """Print a run's result to standard output.

    Paths and names come from foreign files: no style, picture or order to the terminal comes of
    them.
    """
    result = _printable(result)
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDE
    console = Console(markup=False, emoji=False, width=width)
    _print_figures(console, result)
    if "stages" in result:
        console.print(_stages(result["stages"]))
    if "warnings" not in result:
        return
    for warning in result["warnings"]:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    for line in _where(result):
        console.print(line, highlight=False, soft_wrap=True)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_printable(name): _printable(held) for name, held in value.items()}
    return [_printable(held) for held in value] if isinstance(value, list | tuple) else value


def _print_figures(console: Console, result: dict[str, Any]) -> None:
    if "test" in result:
        console.print(_scores(result))
        console.print(_classes(result["test"]["per_class"]))
        console.print(_strangers(result["open_set"]), highlight=False)
    elif "embedding" in result:
        console.print(_facts("Embedding", result["embedding"]))
    elif "verification" in result:
        console.print(_verification(result["verification"]))
        console.print(_judgement(result["verification"]), highlight=False)
    elif "scores" in result:
        console.print(_answers(result["scores"]))
        console.print(_unreadable(result))
    elif "audit" in result:
        console.print(_facts("Audit", result["audit"]))
    elif "former_champion" in result:
        console.print(_promotion(result), highlight=False)
    elif "forgotten" in result:
        console.print(_facts("Forgotten", result["forgotten"]))
        console.print(_versions(result["versions"]))
    elif "comparison" in result:
        console.print(_comparison(result["comparison"]["table"]))
        console.print(_pairs(result["comparison"]["tests"]))
        console.print(result["comparison"]["method"], highlight=False)
    else:
        console.print(Markdown(result["report"]))


def _scores(result: dict[str, Any]) -> Table:
    sizes = result["split_sizes"]
    shown = " / ".join(str(sizes[part]) for part in ("train", "validation", "test"))
    table = Table(
        title=f"{len(result['classes'])} people, {shown} images: test figures with 95 % intervals",
        title_justify="left",
    )
    for column in ("classifier", "accuracy", "macro F1", "balanced accuracy"):
        table.add_column(column)
    this = result["model"] + " (OUTSIDE DATA)" * result["outside_data"]
    rows = {this: result["test"], **result["baselines"]}
    for name, scores in rows.items():
        cells = [_score(scores[m]) for m in ("accuracy", "macro_f1", "balanced_accuracy")]
        table.add_row(name, *cells, style="bold" if name == this else None)
    return table


def _verification(found: dict[str, Any]) -> Table:
    table = Table(
        title=f"View {found['view']}, {found['judge']}: {found['pairs']:,} pairs",
        title_justify="left",
    )
    columns = ("fold", "pairs", "accuracy", "AUC", "threshold", "set on pairs")
    for column in columns:
        table.add_column(column, justify="right")
    for row in found["folds"]:
        figures = [f"{row['accuracy']:.4f}", f"{row['auc']:.4f}", f"{row['threshold']:.4f}"]
        table.add_row(
            str(row["fold"]), f"{row['pairs']:,}", *figures, f"{row['threshold_pairs']:,}"
        )
    mean = f"{found['accuracy']:.4f} ± {found['standard_error']:.4f}"
    table.add_section()
    table.add_row("all", f"{found['pairs']:,}", mean, f"{found['auc']:.4f}", style="bold")
    return table


def _judgement(found: dict[str, Any]) -> str:
    return (
        f"Where 1 % of pairs of two people are accepted, {found['tar_at_far_1']:.1%} of pairs of "
        f"one person are.\n{found['how']}\nProtocol: {found['protocol']}."
    )


def _comparison(rows: list[dict[str, Any]]) -> Table:
    from lfw.comparison_tables import shown_summary

    styles = [None if row["baseline"] else "bold" for row in rows]
    shown = [
        {column: text for column, text in row.items() if column not in _ON_PAGES}
        for row in shown_summary(rows)
    ]
    return _texts("Test accuracy over splits", shown, styles, left=2)


def _pairs(rows: list[dict[str, Any]]) -> Table:
    from lfw.comparison_tables import shown_tests

    title = "Paired tests on the same splits (p, Holm-adjusted)"
    return _texts(title, shown_tests(rows), [None] * len(rows), left=6)


def _texts(
    title: str, rows: list[dict[str, str]], styles: Sequence[str | None], left: int
) -> Table:
    """Make a table of rows of text; its first columns are set to the left."""
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(rows[0] if rows else ()):
        side: JustifyMethod = "left" if place < left else "right"
        table.add_column(column, justify=side, overflow="fold")  # no name is cut
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*row.values(), style=style)
    return table


def _answers(scores: dict[str, Any]) -> Table:
    table = Table(title=f"{scores['images_scored']:,} images scored", title_justify="left")
    table.add_column("answer")
    table.add_column("images", justify="right")
    for name, count in sorted(scores["answers"].items(), key=lambda row: (-row[1], row[0])):
        table.add_row(name, f"{count:,}")
    return table


def _unreadable(result: dict[str, Any]) -> Table:
    rows, count = result["unreadable"], result["scores"]["files_unreadable"]
    title = f"Not read: {count:,}; stray files skipped: {result['scores']['files_skipped']:,}"
    table = Table(title=title, title_justify="left", show_header=bool(rows))
    table.add_column("file", overflow="fold")
    table.add_column("why")
    for row in rows[:_SHOWN_FILES]:
        table.add_row(Text(row["path"]), Text(row["reason"]))
    if count > _SHOWN_FILES:
        table.add_row(f"and {count - _SHOWN_FILES:,} more", result["unreadable_table"])
    return table


def _promotion(result: dict[str, Any]) -> str:
    former = result["former_champion"]
    before = f" (before: version {former})" if former else ""
    return (
        f"{result['model_name']} version {result['model_version']} is "
        f"{result['model_alias']}{before}.\n{result['alias_reason']}"
    )


def _versions(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Versions trained on their images, now marked", title_justify="left")
    for column in ("version", "aliases", "used their images as"):
        table.add_column(column)
    for row in rows:
        uses = "\n".join(f"{name}: {how}" for name, how in row["people"].items())
        table.add_row(f"{row['name']} {row['version']}", ", ".join(row["aliases"]), Text(uses))
    return table


def _strangers(found: dict[str, Any]) -> str:
    if found["threshold"] is None:
        return "Strangers: not enough data to set a threshold; a name is given to every face."
    return (
        f"Strangers: at the threshold of {found['threshold']:.3f}, "
        f"{_share(found, 'identified')} of the known images are identified correctly, and "
        f"{_share(found, 'accepted')} of {found['strangers']:,} strangers are given a name. At 1 % "
        f"false accepts, {found['identified_at_far']:.1%} of the known images are identified."
    )


def _share(found: dict[str, Any], name: str) -> str:
    return f"{found[name]:.1%} [{found[f'{name}_low']:.1%}, {found[f'{name}_high']:.1%}]"


def _score(score: dict[str, float]) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def _classes(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="By person", title_justify="left")
    table.add_column("name")
    for column in ("precision", "recall", "f1", "support"):
        table.add_column(column, justify="right")
    for row in rows:
        figures = [f"{row[column]:.3f}" for column in ("precision", "recall", "f1")]
        table.add_row(row["name"], *figures, str(row["support"]))
    return table


def _facts(title: str, facts: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in facts.items():
        if isinstance(value, list):
            value = "; ".join(map(str, value[:20])) or "none"  # noqa: PLW2901
        table.add_row(name.replace("_", " "), str(value))
    return table


def _stages(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Stages", title_justify="left")
    for column in ("stage", "", "seconds", "why"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for record in records:
        done = "reused" if record["reused"] else "run"
        table.add_row(record["name"], done, f"{record['seconds']:.1f}", record["why"])
    return table


def _where(result: dict[str, Any]) -> list[str]:
    lines = [f"flow run {result['flow_run_id']}, MLflow run {result['mlflow_run_id']}"]
    if "model_version" in result:
        alias = f" ({result['model_alias']})" if result["model_alias"] else ""
        lines.append(f"model {result['model_name']} version {result['model_version']}{alias}")
    if "contact_sheet" in result:
        lines += [f"table: {result['table']}", f"contact sheet: {result['contact_sheet'][0]}"]
    if "run_report" in result:
        lines.append(f"report {result['run_report']['file'] or result['run_report']['url']}")
    return [*lines, "`make ui` shows both runs."]
