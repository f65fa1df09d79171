"""Every figure, in one style. Figures are drawn without a screen and returned, not shown."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.evaluation import Calibration, Score
from lfw.figure_style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    empty_figure,
    in_style,
    percent,
    shown_name,
    whole_numbers,
)
from lfw.open_set import OpenSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NAMES = 100
"""People beyond which a figure does not name them: it would grow beyond what can be drawn."""


def _axes(width: float, height: float) -> "tuple[Figure, Axes]":
    figure = empty_figure(width, height)
    return figure, figure.subplots()


def _a_row_each(axes: "Axes", names: Sequence[str]) -> None:
    """Lay a vertical axis out for one bar a person, the first one on top."""
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if len(names) <= _MOST_NAMES:
        axes.set_yticks(range(len(names)), [shown_name(name) for name in names])
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(names):,} people")


@in_style
def plot_most_photographed(most: pd.DataFrame, chosen: Sequence[str]) -> "Figure":
    """Draw a bar a person: how many images; the chosen ones stand out.

    Parameters
    ----------
    most
        ``name`` and ``images``, most photographed first.
    chosen
        Names in the selection.
    """
    figure, axes = _axes(8, 0.32 * len(most) + 1.2)
    colours = [BLUE if name in set(chosen) else GREY for name in most["name"]]
    bars = axes.barh(range(len(most)), most["images"], color=colours, height=0.7)
    axes.bar_label(bars, fmt="{:,.0f}", padding=4)
    _a_row_each(axes, most["name"].tolist())
    axes.set(title="Most photographed people", xlabel="images (blue: in this selection)")
    axes.margins(x=0.08)
    return figure


@in_style
def plot_distribution(distribution: pd.DataFrame) -> "Figure":
    """Draw shares of people and of images, by how many images a person has."""
    figure, axes = _axes(8, 4.2)
    place = np.arange(len(distribution))
    for shift, column, colour, label in (
        (-0.2, "share_of_people", BLUE, "share of people"),
        (0.2, "share_of_images", ORANGE, "share of images"),
    ):
        bars = axes.bar(place + shift, distribution[column], 0.38, color=colour, label=label)
        axes.bar_label(bars, fmt=lambda share: f"{share:.0%}" if share >= 0.01 else "", fontsize=8)
    axes.set_xticks(place, [text.replace(" or more", "+") for text in distribution["images"]])
    axes.yaxis.set_major_formatter(percent())
    axes.set(title="How many photographs people have", xlabel="images of a person")
    axes.legend(frameon=False)
    return figure


@in_style
def plot_split(counts: pd.DataFrame) -> "Figure":
    """Draw how many images of each person each part has.

    Parameters
    ----------
    counts
        One row a person, columns ``train``, ``validation``, ``test``.
    """
    figure, axes = _axes(8, 0.32 * min(len(counts), _MOST_NAMES) + 1.2)
    left = np.zeros(len(counts))
    for part, colour in (("train", BLUE), ("validation", GREY), ("test", ORANGE)):
        axes.barh(range(len(counts)), counts[part], left=left, color=colour, height=0.7, label=part)
        left += counts[part].to_numpy()
    _a_row_each(axes, counts.index.tolist())
    axes.set(title="The split", xlabel="images")
    axes.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.4)
    return figure


@in_style
def plot_history(history: pd.DataFrame, best_epoch: int) -> "Figure":
    """Draw loss and accuracy by epoch, for training and validation.

    Parameters
    ----------
    history
        ``epoch`` (from 1), ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``.
    best_epoch
        The epoch whose weights are kept.
    """
    figure = empty_figure(10, 4)
    panels = figure.subplots(1, 2)
    dots = {"marker": "o", "markersize": 3}  # a single epoch makes no line
    for axes, measure in zip(panels, ("accuracy", "loss"), strict=True):
        axes.plot(history["epoch"], history[measure], color=BLUE, label="training", **dots)
        axes.plot(
            history["epoch"], history[f"val_{measure}"], color=ORANGE, label="validation", **dots
        )
        axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"kept: epoch {best_epoch}")
        axes.set(title=measure.capitalize(), xlabel="epoch")
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.set_major_locator(whole_numbers())
        axes.grid(axis="y")
    panels[0].set_ylim(0, 1.02)
    panels[0].yaxis.set_major_formatter(percent())
    panels[1].set_ylim(bottom=0)
    panels[1].legend(frameon=False)
    return figure


@in_style
def plot_pretraining(history: pd.DataFrame) -> "Figure":
    """Draw the loss by epoch, and the figures of the validation pairs where there are some.

    Parameters
    ----------
    history
        ``epoch`` (from 1), ``loss``, and perhaps ``pairs_auc`` and ``pairs_accuracy``.
    """
    watched = "pairs_auc" in history
    figure = empty_figure(10 if watched else 5.5, 4)
    panels = figure.subplots(1, 2 if watched else 1, squeeze=False)[0]
    dots = {"marker": "o", "markersize": 3}
    panels[0].plot(history["epoch"], history["loss"], color=BLUE, **dots)
    panels[0].set(title="Loss (its margin grows at first)", ylim=(0, None))
    if watched:
        for measure, colour, label in (
            ("pairs_auc", BLUE, "area under the ROC curve"),
            ("pairs_accuracy", ORANGE, "accuracy"),
        ):
            panels[1].plot(history["epoch"], history[measure], color=colour, label=label, **dots)
        panels[1].set(title="Monitoring pairs", ylim=(0.5, 1.01))
        panels[1].legend(frameon=False, loc="lower right")
    for axes in panels:
        axes.set(xlabel="epoch", xlim=(0.5, len(history) + 0.5))
        axes.xaxis.set_major_locator(whole_numbers())
        axes.grid(axis="y")
    return figure


@in_style
def plot_open_set(found: OpenSet) -> "Figure":
    """Draw how many known people are named, by how many strangers are named too."""
    figure, axes = _axes(6.5, 5)
    least = 0.5 / found.strangers
    axes.step(
        np.maximum(found.curve["false_accepts"], least),
        found.curve["identified"],
        color=BLUE,
        where="post",
    )
    axes.plot(
        [max(found.accepted, least)],
        [found.identified],
        "o",
        color=ORANGE,
        label=f"threshold {found.threshold:.3f}, set on other strangers",
        zorder=3,
        clip_on=False,
    )
    axes.set_xscale("log")
    axes.set(
        xlim=(least, 1),
        ylim=(0, 1.02),
        title=f"{found.identified_at_far:.1%} identified at 1 % false accepts",
        xlabel=f"share of {found.strangers:,} strangers given a name",
        ylabel=f"share of {found.known:,} known images identified",
    )
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.yaxis.set_major_formatter(percent())
    axes.grid()
    axes.legend(frameon=False, loc="lower right")
    return figure


@in_style
def plot_confusion(counts: pd.DataFrame) -> "Figure":
    """Draw the confusion matrix: numbers of images, shaded by share of the true person's."""
    size = max(5.5, 0.42 * min(len(counts), _MOST_NAMES) + 2.6)
    figure, axes = _axes(size, size * 0.92)
    shares = counts.div(counts.sum(axis=1).replace(0, 1), axis=0).to_numpy()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [shown_name(name) for name in counts.columns]
    places = range(len(names)) if len(names) <= _MOST_NAMES else []
    names = names[: len(places)]
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, names)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if len(counts) <= 30:
        for (row, column), count in np.ndenumerate(counts.to_numpy()):
            colour = "white" if shares[row, column] > 0.5 else INK
            if count:
                axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set(title="Test images", xlabel="predicted", ylabel="true")
    return figure


@in_style
def plot_comparison(scores: Mapping[str, Score], images: int) -> "Figure":
    """Draw accuracies with their intervals, the model first.

    Parameters
    ----------
    scores
        Accuracy by classifier, the model first, baselines after.
    images
        Number of test images that they rest on.
    """
    figure, axes = _axes(8, 0.5 * len(scores) + 1.3)
    for place, score in enumerate(scores.values()):
        colour = BLUE if place == 0 else GREY
        axes.plot([score.low, score.high], [place, place], color=colour, linewidth=2)
        axes.plot(score.value, place, "o", color=colour, markersize=8)
        axes.annotate(
            f"{score.value:.1%}",
            (score.value, place),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=colour,
        )
    axes.set_yticks(range(len(scores)), [name.replace("_", " ") for name in scores])
    axes.set_ylim(len(scores) - 0.5, -0.7)
    axes.set_xlim(-0.02, 1.04)
    axes.xaxis.set_major_formatter(percent())
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set(title="Test accuracy", xlabel=f"with 95 % intervals, {images} test images")
    return figure


@in_style
def plot_calibration(calibration: Calibration) -> "Figure":
    """Draw how often answers are right against how sure they are."""
    figure, axes = _axes(5.4, 5)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    bins = calibration.bins
    axes.plot(bins["probability"], bins["accuracy"], color=BLUE, linewidth=1)
    sizes = 20 + 280 * bins["images"] / bins["images"].sum()
    axes.scatter(
        bins["probability"], bins["accuracy"], s=sizes, color=BLUE, zorder=3, clip_on=False
    )
    axes.set(
        xlim=(0, 1.03),
        ylim=(0, 1.03),
        aspect="equal",
        title=f"Calibration: expected error {calibration.expected_error:.3f}",
        xlabel="predicted probability (size of a point: images)",
        ylabel="accuracy",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent())
    return figure


@in_style
def plot_images(
    pixels: NDArray[np.uint8], captions: Sequence[str], title: str, columns: int = 5
) -> "Figure":
    """Draw images in a grid, each with its caption.

    Parameters
    ----------
    pixels
        Of shape (n, height, width, 3).
    captions
        One for each image.
    title
        Of the whole.
    columns
        Images a row.
    """
    rows = -(-max(len(pixels), 1) // columns)
    figure = empty_figure(2.2 * columns, 2.65 * rows + 0.4)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.axis("off")
    for axes, image, caption in zip(panels.flat, pixels, captions, strict=False):
        axes.imshow(image)
        axes.set_title(caption, fontsize=8, fontweight="normal", loc="center", pad=4)
    return figure
