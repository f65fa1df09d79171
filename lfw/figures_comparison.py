"""The figure of a comparison, in the style of the others."""

from typing import TYPE_CHECKING

import pandas as pd

from lfw.comparison import MAJORITY
from lfw.figure_style import BLUE, GREY, INK, ORANGE, empty_figure, in_style, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@in_style
def plot_models(summary: pd.DataFrame, scores: pd.DataFrame) -> "Figure":
    """Draw the mean accuracy of every classifier with its interval, and each split's beside it.

    The majority class is left out: it would take most of the width.

    Parameters
    ----------
    summary, scores
        See :func:`lfw.comparison.summarise`.
    """
    shown = summary[summary["classifier"] != MAJORITY]
    selections = shown["selection"].unique().tolist()
    counts = [int((shown["selection"] == name).sum()) for name in selections]
    figure = empty_figure(8.5, sum(0.42 * count + 0.75 for count in counts) + 0.7)
    panels = figure.subplots(len(selections), 1, squeeze=False, sharex=True, height_ratios=counts)
    for axes, selection in zip(panels[:, 0], selections, strict=True):
        rows = shown[shown["selection"] == selection].reset_index(drop=True)
        _draw(axes, rows, scores[scores["selection"] == selection])
        images = int(rows["test_images"].iloc[0])
        axes.set_title(f"{selection}: {images:,} test images a split")
    last = panels[-1, 0]
    last.xaxis.set_major_formatter(percent())
    least = float(
        min(shown["low"].min(), scores.loc[scores["classifier"] != MAJORITY, "accuracy"].min())
    )
    last.set_xlim(max(-0.02, least - 0.03), 1.08)
    several = bool((shown["seeds"] > 1).any())
    last.set_xlabel(
        "test accuracy: mean over splits with its 95 % interval; small: each split"
        if several
        else "test accuracy with its 95 % interval (Wilson), of a single split"
    )
    return figure


def _draw(axes: "Axes", rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        colour = GREY if row["baseline"] else ORANGE if row["outside_data"] else BLUE
        each = scores.loc[scores["classifier"] == row["classifier"], "accuracy"]
        if len(each) > 1:
            axes.plot(each, [place + 0.24] * len(each), "o", color=colour, alpha=0.45, markersize=3)
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2)
        axes.plot(row["mean"], place, "o", color=colour, markersize=7)
        axes.annotate(
            f"{row['mean']:.1%}",
            (row["high"], place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    names = [
        f"{row['classifier'].replace('_', ' ')}"
        + (" (outside data)" if row["outside_data"] else " (baseline)" if row["baseline"] else "")
        for row in rows.to_dict("records")
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
