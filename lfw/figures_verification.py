"""Figures of verification, in the style of all figures."""

from typing import TYPE_CHECKING

import numpy as np

from lfw.figure_style import BLUE, GREY, ORANGE, empty_figure, in_style, percent
from lfw.verification import Verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST = 1e-3
"""Share of false accepts at which the logarithmic panel begins."""


@in_style
def plot_roc(found: Verification, title: str) -> "Figure":
    """Draw the ROC curve, and once more where false accepts are few.

    Parameters
    ----------
    found
        What was found.
    title
        What was judged, and by what.
    """
    figure = empty_figure(10, 4.6)
    whole, few = figure.subplots(1, 2)
    false, true = found.roc["false_accepts"], found.roc["true_accepts"]
    for axes in (whole, few):
        axes.plot(false, true, color=BLUE, linewidth=2, zorder=3)
        axes.set(ylim=(0, 1.01), xlabel="pairs of two people accepted (FAR)")
        axes.yaxis.set_major_formatter(percent())
        axes.grid()
    whole.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    whole.text(0.36, 0.29, "chance", color=GREY, fontsize=9)
    whole.set(xlim=(-0.01, 1), title=title, ylabel="pairs of one person accepted (TAR)")
    whole.xaxis.set_major_formatter(percent())
    error = f"accuracy {found.accuracy:.1%} ± {100 * found.standard_error:.1f}"
    pairs = f"{found.folds['pairs'].sum():,} pairs"
    whole.text(
        0.96,
        0.05,
        f"{error}, {pairs}\narea under the curve {found.auc:.3f}",
        transform=whole.transAxes,
        ha="right",
        linespacing=1.5,
    )
    chance = np.geomspace(_LEAST, 1, 50)
    few.plot(chance, chance, color=GREY, linestyle=":")
    few.vlines(0.01, 0, found.tar_at_far, color=ORANGE, linestyle=":")
    few.plot(0.01, found.tar_at_far, "o", color=ORANGE, markersize=8, zorder=4)
    few.set_xscale("log")
    few.set(xlim=(_LEAST, 1), title=f"Few false accepts: {found.tar_at_far:.1%} at FAR 1 %")
    few.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    return figure
