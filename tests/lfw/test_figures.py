"""Every figure is drawn, the same bytes each time, with nothing cut off or on top of another."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from lfw import figures
from lfw.bias import measure_bias
from lfw.evaluation import Score, calibrate
from lfw.figure_style import save
from tests.lfw.bad_images import drawn

LONG = "Luiz_Inacio_Lula_da_Silva"


def names(count: int) -> list[str]:
    return [LONG, *(f"Person_Number_{k}" for k in range(1, count))]


def most_photographed(count: int = 20) -> Figure:
    frame = pd.DataFrame({"name": names(count), "images": [530 // (k + 1) for k in range(count)]})
    return figures.plot_most_photographed(frame, names(count)[:6])


def distribution() -> Figure:
    people = pd.DataFrame({"name": names(200), "images": [1] * 140 + [2] * 40 + [15] * 19 + [530]})
    return figures.plot_distribution(measure_bias(people).distribution)


def split(count: int = 6) -> Figure:
    parts = {"train": [48] * count, "validation": [12] * count, "test": [15] * count}
    return figures.plot_split(pd.DataFrame(parts, index=names(count)))


def history(epochs: int = 30) -> Figure:
    rows = [
        {
            "epoch": k,
            "loss": 2 / k,
            "accuracy": 1 - 0.8 / k,
            "val_loss": 2.2 / k,
            "val_accuracy": 1 - 0.9 / k,
        }
        for k in range(1, epochs + 1)
    ]
    return figures.plot_history(pd.DataFrame(rows), best_epoch=epochs)


def confusion(count: int = 6) -> Figure:
    counts = np.eye(count, dtype=int) * 13 + np.eye(count, k=1, dtype=int) * 2
    return figures.plot_confusion(pd.DataFrame(counts, index=names(count), columns=names(count)))


def comparison() -> Figure:
    scores = {
        "compact": Score(1, 0.96, 1),
        "majority": Score(0, 0, 0.04),
        "eigenfaces_svm": Score(0.99, 0.93, 1),
        "hog_lda": Score(0.99, 0.93, 1),
    }
    return figures.plot_comparison(scores, 90)


def calibration() -> Figure:
    probabilities = np.random.default_rng(0).dirichlet([0.2] * 6, 90)
    return figures.plot_calibration(calibrate(np.arange(90) % 6, probabilities))


def images(count: int = 7) -> Figure:
    pixels = np.stack([drawn(k) for k in range(count)]) if count else np.empty((0, 250, 250, 3))
    captions = [f"{LONG} 98 %\nis Gloria Macapagal Arroyo {k}" for k in range(count)]
    return figures.plot_images(pixels.astype(np.uint8), captions, "Surest mistakes")


DRAWN: dict[str, Callable[[], Figure]] = {
    "most photographed": most_photographed,
    "most photographed, few": lambda: most_photographed(2),
    "distribution": distribution,
    "split": split,
    "split of two": lambda: split(2),
    "split of many": lambda: split(62),
    "history": history,
    "history of one epoch": lambda: history(1),
    "confusion": confusion,
    "confusion of two": lambda: confusion(2),
    "confusion of twenty": lambda: confusion(20),
    "comparison": comparison,
    "calibration": calibration,
    "images": images,
    "one image": lambda: images(1),
    "no image": lambda: images(0),
}


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every visible text with where it stands, once the figure is laid out."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    found = [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip()
    ]
    hidden = {
        id(label)
        for axes in figure.axes
        if not axes.axison
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels())
    }
    for axes in figure.axes:  # ticks beyond an axis' limits are not drawn
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in found
        if id(text) not in hidden
    ]


def turned(text: str, figure: Figure) -> bool:
    return any(
        isinstance(found, Text) and found.get_text() == text and found.get_rotation() % 90
        for found in figure.findobj(Text)
    )


@pytest.mark.parametrize("name", DRAWN)
def test_figure_is_the_same_bytes_twice(name: str, tmp_path: Path) -> None:
    for file in ("one.png", "two.png"):
        figure = DRAWN[name]()
        assert isinstance(figure, Figure)
        save(figure, tmp_path / file)
    content = (tmp_path / "one.png").read_bytes()
    assert content == (tmp_path / "two.png").read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        assert "Software" not in picture.info


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_is_cut_off(name: str) -> None:
    figure = DRAWN[name]()
    for text, box in texts(figure):
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_lies_on_another(name: str) -> None:
    figure = DRAWN[name]()
    upright = [(text, box) for text, box in texts(figure) if not turned(text, figure)]
    for (one, first), (two, second) in itertools.combinations(upright, 2):
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert width < 2 or height < 2, f"{one!r} lies on {two!r}"


@pytest.mark.parametrize("name", sorted(set(DRAWN) - {"images", "one image", "no image"}))
def test_titles_stand_left_in_bold(name: str) -> None:
    figure = DRAWN[name]()
    for axes in figure.axes:
        assert axes.get_title(loc="left")
        assert axes.get_title(loc="center") == ""


def test_style_is_not_left_behind() -> None:
    before = dict(rcParams)
    comparison()
    assert dict(rcParams) == before


def test_names_are_read_without_underscores() -> None:
    labels = [text for text, _ in texts(confusion())]
    assert "Luiz Inacio Lula da Silva" in labels
    assert not any("_" in label for label in labels)


def test_selected_people_stand_out() -> None:
    colours = [bar.get_facecolor() for bar in most_photographed(8).axes[0].patches]
    assert len(set(colours[:6])) == len(set(colours[6:])) == 1
    assert colours[0] != colours[7]


def test_split_bars_end_at_the_number_of_images() -> None:
    bars = [bar for bar in split(2).axes[0].patches if isinstance(bar, Rectangle)]
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    assert ends == [48, 48, 60, 60, 75, 75]


def test_confusion_shows_counts() -> None:
    shown = [text.get_text() for text in confusion(3).axes[0].texts]
    assert shown == ["13", "2", "13", "2", "13"]


@pytest.mark.parametrize("figure", [confusion, split, most_photographed])
def test_very_many_people_still_make_a_figure_that_can_be_drawn(
    figure: Callable[[int], Figure],
) -> None:
    width, height = figure(400).get_size_inches()
    assert width * height * 110**2 < 6e7
    assert len(texts(figure(400))) < 450


def test_images_are_all_there_with_their_captions() -> None:
    figure = images(7)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 7
    assert shown[6].get_title().endswith("Arroyo 6")
    assert len(figure.axes) == 10
