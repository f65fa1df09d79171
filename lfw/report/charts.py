"""Charts as plain geometry, which the page's template draws as SVG in its own colours."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lfw.evaluation import Calibration
from lfw.intervals import wilson
from lfw.open_set import OpenSet

WIDTH, HEIGHT = 400, 280
"""Of every chart, in units of its own; about as wide as a phone, so that text stays readable."""

LEFT, RIGHT, TOP, BOTTOM = 46, 386, 30, 238
"""Where the axes lie."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at a place along it."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A line through points, as SVG writes a path; `kind` chooses its look."""

    path: str
    kind: str


@dataclass(frozen=True)
class Dot:
    """A point with its radius, and what it says."""

    x: float
    y: float
    radius: float
    kind: str
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes
    ----------
    title, said
        Its heading, and in a sentence what it shows, for those who cannot see it.
    x_label, y_label
        Of the axes.
    x_ticks, y_ticks
        Marks on them.
    lines, dots
        What is drawn.
    key
        Kinds and what they stand for.
    """

    title: str
    said: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...] = ()
    key: tuple[tuple[str, str], ...] = ()


def share(value: float, digits: int = 1) -> str:
    """Write a share as percent, such as ``97.8 %``."""
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def _x(value: float) -> float:
    return round(LEFT + value * (RIGHT - LEFT), 1)


def _y(value: float) -> float:
    return round(BOTTOM - value * (BOTTOM - TOP), 1)


def _through(points: Iterable[Point]) -> str:
    """Join points, given from 0 to 1 along both axes, by straight lines."""
    return "M" + "L".join(f"{_x(x):g} {_y(y):g}" for x, y in points)


def _percents() -> tuple[Tick, ...]:
    return tuple(Tick(_y(k / 4), share(k / 4, 0)) for k in range(5))


def draw_history(history: pd.DataFrame, best_epoch: int | None) -> tuple[Chart, ...]:
    """Draw every measure by epoch, training and validation together.

    Parameters
    ----------
    history
        ``epoch``, then figures; ``val_X`` is drawn beside ``X``. Seconds and the like are left out.
    best_epoch
        Marked, if given.
    """
    measures = [m for m in ("accuracy", "loss") if m in history]
    return tuple(_draw_measure(history, measure, best_epoch) for measure in measures)


def _draw_measure(history: pd.DataFrame, measure: str, best_epoch: int | None) -> Chart:
    columns = [(measure, "one", "training"), (f"val_{measure}", "two", "validation")]
    shown = [column for column in columns if column[0] in history]
    epochs = history["epoch"].to_numpy(dtype=float)
    is_share = measure == "accuracy"
    highest = 1.0 if is_share else float(history[[name for name, _, _ in shown]].to_numpy().max())
    marks = np.linspace(0, 1, 5) if is_share else _marks(0, highest or 1.0, 5)
    top = float(marks[-1])
    across = (epochs - epochs[0] + 0.5) / (epochs[-1] - epochs[0] + 1)
    lines, dots = [], []
    for name, kind, _ in shown:
        points = list(zip(across, history[name].to_numpy(dtype=float) / top, strict=True))
        lines.append(Line(_through(points), kind))
        if len(points) <= 12:  # more of them would hide the line
            dots += [Dot(_x(x), _y(y), 2.5, kind, "") for x, y in points]
    key = [(kind, label) for _, kind, label in shown]
    if best_epoch is not None:
        at = float(across[np.flatnonzero(epochs == best_epoch)[0]])
        lines.insert(0, Line(_through([(at, 0), (at, 1)]), "guide"))
        key.append(("guide", f"kept: epoch {best_epoch}"))
    told = "; ".join(
        f"{label} {_figure(history[name].iloc[0], is_share)} at first, "
        f"{_figure(history[name].iloc[-1], is_share)} at last"
        for name, _, label in shown
    )
    return Chart(
        title=measure.capitalize(),
        said=f"{measure.capitalize()} over {len(history)} epochs: {told}.",
        x_label="epoch",
        y_label="",
        x_ticks=_epoch_ticks(epochs),
        y_ticks=tuple(Tick(_y(m / top), share(m, 0) if is_share else f"{m:g}") for m in marks),
        lines=tuple(lines),
        dots=tuple(dots),
        key=tuple(key),
    )


def _marks(low: float, high: float, most: int, **how: Any) -> "np.ndarray":
    """Give round numbers for an axis."""
    from matplotlib.ticker import MaxNLocator

    return np.asarray(MaxNLocator(most, **how).tick_values(low, high))


def _figure(value: float, is_share: bool) -> str:
    return share(value) if is_share else f"{value:.3f}"


def _epoch_ticks(epochs: "np.ndarray") -> tuple[Tick, ...]:
    first, last = epochs[0], epochs[-1]
    marks = _marks(first, last, 7, integer=True, min_n_ticks=1)
    inside = [mark for mark in marks if first <= mark <= last and mark == int(mark)]
    return tuple(
        Tick(_x((mark - first + 0.5) / (last - first + 1)), f"{mark:g}") for mark in inside
    )


def draw_calibration(calibration: Calibration) -> Chart:
    """Draw how often answers are right by how sure they are; a dot's area is its images."""
    bins = calibration.bins
    most = float(bins["images"].max())
    dots = tuple(
        Dot(
            _x(row["probability"]),
            _y(row["accuracy"]),
            round(3 + 8 * float(np.sqrt(row["images"] / most)), 1),
            "one",
            f"{row['images']:,} images: {share(row['probability'])} sure, "
            f"{share(row['accuracy'])} right",
        )
        for row in bins.to_dict("records")
    )
    whiskers = tuple(
        Line(_through([(row["probability"], end) for end in _interval(row)]), "whisker")
        for row in bins.to_dict("records")
    )
    return Chart(
        title="Reliability diagram",
        said="Accuracy by predicted probability. " + "; ".join(d.label for d in dots) + ".",
        x_label="predicted probability",
        y_label="accuracy",
        x_ticks=tuple(Tick(_x(k / 4), share(k / 4, 0)) for k in range(5)),
        y_ticks=_percents(),
        lines=(Line(_through([(0, 0), (1, 1)]), "guide"), *whiskers),
        dots=dots,
        key=(("one", "bins, with 95 % intervals; area: images"), ("guide", "perfect calibration")),
    )


def _interval(row: dict[Hashable, Any]) -> tuple[float, float]:
    return wilson(round(row["accuracy"] * row["images"]), int(row["images"]))


def draw_open_set(found: OpenSet) -> Chart:
    """Draw the share of known people named rightly by the share of strangers named (log)."""
    least = 0.5 / found.strangers

    def along(value: float) -> float:
        return 1 - float(np.log(max(value, least)) / np.log(least))

    curve = found.curve.groupby("false_accepts", sort=True)["identified"].max()
    steps = _steps([(along(float(x)), y) for x, y in zip(curve.index, curve, strict=True)])
    marks = [10.0**power for power in range(-5, 1) if 10.0**power >= least]
    dot = Dot(
        _x(along(found.accepted)),
        _y(found.identified),
        6,
        "two",
        f"threshold {found.threshold:.3f}",
    )
    return Chart(
        title="Identification rate by false-accept rate",
        said=(
            f"At the threshold {share(found.identified)} of {found.known:,} known images get their "
            f"right name and {share(found.accepted)} of {found.strangers:,} strangers get a name."
        ),
        x_label="share of strangers given a name",
        y_label="share of known images identified",
        x_ticks=tuple(Tick(_x(along(m)), f"{100 * m:g}\N{NO-BREAK SPACE}%") for m in marks),
        y_ticks=_percents(),
        lines=(Line(steps, "one"),),
        dots=(dot,),
        key=(("one", "every threshold"), ("two", "the one that was set")),
    )


def _steps(points: Sequence[Point]) -> str:
    """Join points by steps: level first, then up."""
    first = f"M{_x(points[0][0]):g} {_y(points[0][1]):g}"
    parts = [f"H{_x(x):g}V{_y(y):g}" for (x, y), before in _with_former(points) if y != before]
    return first + "".join(parts) + f"H{_x(points[-1][0]):g}"


def _with_former(points: Sequence[Point]) -> list[tuple[Point, float]]:
    return [(point, former[1]) for former, point in pairwise(points)]
