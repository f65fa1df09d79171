"""Scores and probabilities are those computed by hand."""

import numpy as np
import pytest

from lfw.linear import Head, Linear


def constant(*odds: float) -> Linear:
    """The same odds for every vector of two numbers."""
    return Linear(np.zeros((2, len(odds)), np.float32), np.log(np.array(odds, np.float32)))


VECTORS = np.array([[1.0, 2.0], [0.0, -1.0]])


def test_scores_by_hand() -> None:
    linear = Linear(np.array([[1, 0, 2], [0, 1, 1]], np.float32), np.array([0, 10, 1], np.float32))
    scores = linear.scores(VECTORS)
    assert scores.tolist() == [[1, 12, 5], [0, 9, 0]]
    assert scores.dtype == np.float32
    assert linear.sharpened(0.5).scores(VECTORS).tolist() == [[0.5, 6, 2.5], [0, 4.5, 0]]


def test_without_strangers_everybody_is_known() -> None:
    found = Head(constant(1, 3), None).probabilities(VECTORS)
    assert found == pytest.approx(np.array([[0.25, 0.75]] * 2))
    assert found.dtype == np.float32


def test_sharper_answers_are_surer() -> None:
    found = Head(constant(1, 3).sharpened(2), None).probabilities(VECTORS)
    assert found == pytest.approx(np.array([[0.1, 0.9]] * 2))


def test_somebody_else_takes_their_share() -> None:
    head = Head(constant(1, 3), constant(1, 5, 2))  # a quarter for somebody else
    assert head.probabilities(VECTORS) == pytest.approx(np.array([[0.1875, 0.5625]] * 2))


def test_known_scores_do_not_say_who() -> None:
    head = Head(constant(1, 3), constant(1000, 1, 1e-6))
    assert head.probabilities(VECTORS) == pytest.approx(np.array([[0.25, 0.75]] * 2))


def test_great_scores_do_not_overflow() -> None:
    sure = constant(1, 3).sharpened(1e5)
    found = Head(sure, constant(1, 1, 2).sharpened(1e5)).probabilities(VECTORS)
    assert found.tolist() == [[0, 0], [0, 0]]
    assert Head(sure, None).probabilities(VECTORS).tolist() == [[0, 1], [0, 1]]
