"""The page: a report's content through the template."""

import base64
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from lfw.evaluation import ENOUGH, Score
from lfw.figure_style import shown_name
from lfw.intervals import wilson
from lfw.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    draw_calibration,
    draw_history,
    draw_open_set,
    share,
)
from lfw.report.content import Report, Rival, Tested

MOST_PEOPLE = 100
"""People beyond which tables of people are cut short, and no confusion matrix is drawn."""

MANY_PEOPLE = 20
"""People beyond which their parts of the split are folded away."""

MOST_LISTED = 100
"""Rows of other lists that are shown."""

_EVEN = 0.05
_SHADES = 5


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix; `shade` is a class of the style sheet, empty for none."""

    count: int
    shade: str


@dataclass(frozen=True)
class PersonRow:
    """A person's figures; an interval is None where there is nothing to divide by."""

    name: str
    support: int
    answered: int
    recall: Score
    precision: Score | None
    f1: float


def render(report: Report) -> str:
    """Write a report as one HTML page that needs nothing but itself.

    Parameters
    ----------
    report
        What it tells. Every text in it is escaped.

    Returns
    -------
    str
        The page.
    """
    tested = report.tested
    rows = person_rows(tested)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            axes={"w": WIDTH, "h": HEIGHT, "l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM},
            right=int(np.trace(tested.confusion.to_numpy())),
            verdicts=[verdict(tested, rival) for rival in tested.rivals],
            people=sorted(rows, key=lambda r: r.recall.value)[:MOST_PEOPLE]
            if len(rows) > MOST_PEOPLE
            else rows,
            more_people=max(0, len(rows) - MOST_PEOPLE),
            matrix=matrix(tested.confusion) if len(rows) <= MOST_PEOPLE else None,
            confused=confused(tested.confusion),
            drawn_rows=report.drawn.counts.head(MOST_PEOPLE).to_dict("records"),
            totals=report.drawn.counts.drop(columns="name").sum().to_dict(),
            most_listed=MOST_LISTED,
            many_people=MANY_PEOPLE,
            enough=ENOUGH,
            calibration=draw_calibration(tested.calibration),
            curves=draw_history(report.trained.history, report.trained.best_epoch)
            if len(report.trained.history)
            else (),
            open_set=draw_open_set(tested.strangers) if tested.strangers else None,
        )
    )


def person_rows(tested: Tested) -> list[PersonRow]:
    """Give each person's figures with Wilson's 95 % intervals of recall and precision."""
    counts = tested.confusion.to_numpy()
    rows = []
    for place, row in enumerate(tested.per_class.to_dict("records")):
        hits, true, answered = (
            int(n) for n in (counts[place, place], counts[place].sum(), counts[:, place].sum())
        )
        recall = Score(row["recall"], *wilson(hits, true)) if true else Score(0, 0, 1)
        precision = Score(row["precision"], *wilson(hits, answered)) if answered else None
        rows.append(PersonRow(row["name"], true, answered, recall, precision, row["f1"]))
    return rows


def matrix(confusion: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    """Shade each count by its share of the true person's images: rights apart from wrongs."""
    rows = []
    for place, (name, counts) in enumerate(zip(confusion.index, confusion.to_numpy(), strict=True)):
        total = max(int(counts.sum()), 1)
        cells = [
            Cell(int(n), _shade(n / total, "right" if k == place else "wrong") if n else "")
            for k, n in enumerate(counts)
        ]
        rows.append((str(name), cells))
    return rows


def _shade(part: float, kind: str) -> str:
    return f"{kind}-{min(int(part * _SHADES) + 1, _SHADES)}"


def confused(confusion: pd.DataFrame) -> list[tuple[str, str, int]]:
    """List who was taken for whom more than once, the most frequent first."""
    counts = confusion.to_numpy().copy()
    np.fill_diagonal(counts, 0)
    names = [str(name) for name in confusion.index]
    found = [(names[t], names[a], int(counts[t, a])) for t, a in np.argwhere(counts > 1)]
    return sorted(found, key=lambda row: (-row[2], row[0], row[1]))[:MOST_LISTED]


def verdict(tested: Tested, rival: Rival) -> str:
    """Say whether the same test images tell the model and a baseline apart."""
    difference = tested.scores["accuracy"].value - rival.scores["accuracy"].value
    if rival.p >= _EVEN:
        return "no significant difference"
    return f"the model is significantly {'better' if difference > 0 else 'WORSE'}"


def _environment() -> Environment:
    """Make the template's environment: everything is escaped, and a misspelt name is an error."""
    made = Environment(
        loader=PackageLoader("lfw.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "share": share,
        "name": shown_name,
        "count": lambda number: f"{number:,}",
        "figure": lambda value: f"{value:.3f}",
        "p": lambda p: "p < 0.001" if p < 0.001 else f"p = {p:.3f}",
        "size": size,
        "records": lambda frame: frame.to_dict("records"),
        "data_uri": data_uri,
        "fields": asdict,
        "link": web_address,
        "listed": listed,
    }
    return made


def size(count: float) -> str:
    """Write a number of bytes, such as ``176.2 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"


def data_uri(jpeg: bytes) -> str:
    """Write an image as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def web_address(address: str) -> str:
    """Give an address that a link may lead to: of a web page, else none."""
    return address if address.startswith(("http://", "https://")) else ""


def listed(values: Iterable[Any], most: int = MOST_LISTED) -> list[Any]:
    """Give the first of many."""
    return list(values)[:most]
