"""Charts put every point where its figure belongs, inside the axes."""

import re

import numpy as np
import pandas as pd
import pytest

from lfw.evaluation import calibrate
from lfw.intervals import wilson
from lfw.open_set import score_open_set
from lfw.report.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Chart,
    draw_calibration,
    draw_history,
    draw_open_set,
    share,
)
from tests.lfw.report.drawn import answers, history


def points(path: str) -> list[tuple[float, float]]:
    """Corners of a path of M, L, H and V."""
    found: list[tuple[float, float]] = []
    for letter, numbers in re.findall(r"([MLHV])([\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if letter in "ML":
            found.append((values[0], values[1]))
        elif letter == "H":
            found.append((values[0], found[-1][1]))
        else:
            found.append((found[-1][0], values[0]))
    return found


def check_inside(chart: Chart) -> None:
    places = [point for line in chart.lines for point in points(line.path)]
    places += [(dot.x, dot.y) for dot in chart.dots]
    assert places
    for x, y in places:
        assert LEFT <= x <= RIGHT
        assert TOP <= y <= BOTTOM
    assert all(LEFT <= tick.at <= RIGHT for tick in chart.x_ticks)
    assert all(TOP <= tick.at <= BOTTOM for tick in chart.y_ticks)
    assert chart.x_ticks
    assert chart.said.endswith(".")


@pytest.mark.parametrize("epochs", [1, 2, 30, 200])
def test_curves_of_any_length(epochs: int) -> None:
    curves = draw_history(history(epochs), best_epoch=epochs)
    assert [curve.title for curve in curves] == ["Accuracy", "Loss"]
    for curve in curves:
        check_inside(curve)
        assert [kind for kind, _ in curve.key] == ["one", "two", "guide"]
        guide, training, _ = curve.lines
        assert len(points(training.path)) == epochs
        assert points(guide.path)[0][0] == points(training.path)[-1][0]
        assert all(float(tick.label) == int(tick.label) for tick in curve.x_ticks)
        assert len({tick.label for tick in curve.x_ticks}) == len(curve.x_ticks) <= 9


def test_accuracy_is_drawn_to_scale() -> None:
    frame = pd.DataFrame({"epoch": [1, 2], "accuracy": [0.0, 1.0], "val_accuracy": [0.5, 0.5]})
    [curve] = draw_history(frame, None)
    training, validation = curve.lines
    assert [y for _, y in points(training.path)] == [BOTTOM, TOP]
    assert [y for _, y in points(validation.path)] == [(TOP + BOTTOM) / 2] * 2
    assert "training 0.0\N{NO-BREAK SPACE}% at first" in curve.said


def test_loss_alone_is_drawn_too() -> None:
    frame = pd.DataFrame({"epoch": [1, 2, 3], "loss": [12.0, 3.0, 0.0]})
    [curve] = draw_history(frame, None)
    check_inside(curve)
    assert curve.key == (("one", "training"),)


def test_calibration_has_a_dot_a_bin_with_its_interval() -> None:
    truth, probabilities = answers(6, 2)
    found = calibrate(truth, probabilities)
    chart = draw_calibration(found)
    check_inside(chart)
    _, *whiskers = chart.lines
    assert len(chart.dots) == len(whiskers) == len(found.bins)
    for dot, whisker, row in zip(chart.dots, whiskers, found.bins.to_dict("records"), strict=True):
        assert dot.x == pytest.approx(LEFT + row["probability"] * (RIGHT - LEFT), abs=0.1)
        assert dot.y == pytest.approx(BOTTOM - row["accuracy"] * (BOTTOM - TOP), abs=0.1)
        low, high = wilson(round(row["accuracy"] * row["images"]), row["images"])
        ends = [y for _, y in points(whisker.path)]
        assert ends == pytest.approx([BOTTOM - s * (BOTTOM - TOP) for s in (low, high)], abs=0.1)
        assert f"{row['images']:,} images" in dot.label


def test_the_open_set_curve_goes_through_its_threshold() -> None:
    truth, known = answers(6, 4)
    strange = np.random.default_rng(1).dirichlet(np.full(6, 0.3), 400)
    found = score_open_set(truth, known, strange, 0.97)
    chart = draw_open_set(found)
    check_inside(chart)
    corners = points(chart.lines[0].path)
    assert [x for x, _ in corners] == sorted(x for x, _ in corners)
    assert corners[-1][0] == RIGHT
    [dot] = chart.dots
    at = [tick.label for tick in chart.x_ticks]
    assert at == [share(s, 0) for s in (0.01, 0.1, 1)]
    before = [y for x, y in corners if x < dot.x]
    there = [y for x, y in corners if x == dot.x]
    assert min(there) <= dot.y <= before[-1], "on the step at as many strangers"


def test_where_no_stranger_is_named_the_dot_is_at_the_edge() -> None:
    truth, known = answers(6, 4)
    strange = np.full((400, 6), 1 / 6)
    chart = draw_open_set(score_open_set(truth, known, strange, 0.5))
    check_inside(chart)
    assert chart.dots[0].x == LEFT
