"""Verification: whether two images show one person, judged by a threshold on their likeness.

The protocols are those of G. B. Huang, M. Ramesh, T. Berg and E. Learned-Miller, "Labeled Faces in
the Wild", University of Massachusetts, Amherst, technical report 07-49 (2007): View 1 is for
development, View 2 for reporting, in ten folds of which each is judged by what was learned from the
others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Truth = NDArray[np.bool_]
Likeness = NDArray[np.floating]

_FOLDS = 10
_LEAST = 2  # pairs of each kind that can be parted
_GRID = np.linspace(0, 1, 1001)  # shares of false accepts that a curve is drawn at


@dataclass(frozen=True)
class Verification:
    """How well likeness tells pairs of one person from pairs of two.

    Attributes
    ----------
    folds
        One row a fold: ``fold``, ``pairs``, ``threshold``, ``threshold_pairs`` (on which it was
        set), ``accuracy``, ``auc``.
    accuracy, standard_error
        Mean of the folds' accuracies, and the standard error of that mean.
    auc
        Mean area under the folds' ROC curves.
    tar_at_far
        Mean share of matched pairs that are accepted, at the threshold at which 1 % of mismatched
        pairs of the fold are.
    roc
        ``false_accepts``, ``true_accepts``: the ROC curve, averaged over the folds.
    """

    folds: pd.DataFrame
    accuracy: float
    standard_error: float
    auc: float
    tar_at_far: float
    roc: pd.DataFrame


def verify(
    same: Truth,
    likeness: Likeness,
    folds: NDArray[np.int64],
    usable: Sequence[Collection[int]] | None = None,
) -> Verification:
    """Judge every fold by a threshold that was set on other folds.

    Parameters
    ----------
    same, folds
        Of shape (n,): whether a pair shows one person, and the number of its fold.
    likeness
        How alike a pair's images are, of shape (n,); or (folds, n), where each fold in order is
        judged by a measure of its own, not a number where that says nothing.
    usable
        For each fold in order, the folds that its threshold may be set on; all others if None.
        Where what measured the likeness had learned from some folds' people, those say nothing
        about a threshold for people it does not know.

    Raises
    ------
    ValueError
        If a fold may use itself, or has pairs of one kind only, or a likeness is missing.
    """
    rows, curves = [], []
    numbers = np.unique(folds)
    measures = np.broadcast_to(likeness, (len(numbers), len(same)))
    for k, (number, measured) in enumerate(zip(numbers, measures, strict=True)):
        inside = folds == number
        allowed = set(numbers) - {number} if usable is None else set(usable[k])
        if number in allowed:
            raise ValueError(f"fold {number} may not set its own threshold")
        others = np.isin(folds, list(allowed))
        if np.isnan(measured[inside | others]).any():
            raise ValueError(f"fold {number} has pairs whose likeness is not known")
        threshold = best_threshold(same[others], measured[others])
        accuracy = float(((measured[inside] > threshold) == same[inside]).mean())
        auc = area_under_roc(same[inside], measured[inside])
        sizes = int(inside.sum()), int(others.sum())
        rows.append((int(number), sizes[0], threshold, sizes[1], accuracy, auc))
        curves.append(_roc(same[inside], measured[inside]))
    spread = np.std([row[4] for row in rows], ddof=1)
    return _summary(rows, curves, float(spread / np.sqrt(len(rows))))


def verify_once(
    threshold_pairs: tuple[Truth, Likeness], judged: tuple[Truth, Likeness]
) -> Verification:
    """Judge some pairs by a threshold that was set on others, as in View 1.

    Both kinds of pairs weigh alike in the accuracy, however many there are of each; its standard
    error is that of drawing as many pairs of each kind.

    Parameters
    ----------
    threshold_pairs, judged
        Whether a pair shows one person, and how alike its images are: of shape (n,) each.

    Raises
    ------
    ValueError
        If there are pairs of one kind only.
    """
    threshold = best_threshold(*threshold_pairs)
    same, likeness = judged
    auc = area_under_roc(same, likeness)
    shares = _right_by_kind(same, likeness > threshold)
    row = (1, len(same), threshold, len(threshold_pairs[0]), float(np.mean(shares)), auc)
    return _summary([row], [_roc(same, likeness)], _error_by_kind(same, shares))


def verify_crossed(same: Truth, likeness: Likeness, parts: NDArray[np.int64]) -> Verification:
    """Judge each part of some pairs by a threshold that was set on the other parts.

    Both kinds of pairs weigh alike, and the standard error is that of :func:`verify_once`. The
    parts share people, so the threshold knows the judged ones: a little is gained by that.

    Parameters
    ----------
    same, likeness
        Of shape (n,).
    parts
        The number of each pair's part, as :func:`crossed_parts` gives them.
    """
    thresholds = _crossed_thresholds(same, likeness, parts)
    rows, answer = [], likeness > thresholds
    for part in np.unique(parts):
        inside = parts == part
        auc = area_under_roc(same[inside], likeness[inside])
        shares = _right_by_kind(same[inside], answer[inside])
        sizes = int(inside.sum()), int((~inside).sum())
        threshold, accuracy = float(thresholds[inside][0]), float(np.mean(shares))
        rows.append((int(part), sizes[0], threshold, sizes[1], accuracy, auc))
    error = _error_by_kind(same, _right_by_kind(same, answer))
    return _summary(rows, [_roc(same, likeness)], error)


def _crossed_thresholds(
    same: Truth, likeness: Likeness, parts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Give each pair the threshold that was set on the parts that it is not in."""
    thresholds = np.empty(len(same))
    for part in np.unique(parts):
        inside = parts == part
        thresholds[inside] = best_threshold(same[~inside], likeness[~inside])
    return thresholds


def crossed_parts(same: Truth, seed: int = 0) -> NDArray[np.int64]:
    """Part pairs in ten (fewer, if there are fewer of one kind), each with its share of both kinds.

    Parameters
    ----------
    same
        Of shape (n,): at least two pairs of each kind.
    seed
        Decides which pair is in which part.

    Returns
    -------
    ndarray of shape (n,)
        Numbers from 1 on.
    """
    from sklearn.model_selection import StratifiedKFold

    parts = min(_FOLDS, int(same.sum()), int((~same).sum()))
    crossed = StratifiedKFold(parts, shuffle=True, random_state=seed)
    numbers = np.zeros(len(same), dtype=np.int64)
    for number, (_, inside) in enumerate(crossed.split(same, same), start=1):
        numbers[inside] = number
    return numbers


def _right_by_kind(same: Truth, answer: Truth) -> tuple[float, float]:
    """Give the shares of right answers among pairs of one person, and among pairs of two."""
    return float(answer[same].mean()), float((~answer[~same]).mean())


def _error_by_kind(same: Truth, shares: tuple[float, float]) -> float:
    """Give the standard error of the mean of both shares, if pairs of each kind were drawn."""
    counts = int(same.sum()), int((~same).sum())
    variances = [share * (1 - share) / count for share, count in zip(shares, counts, strict=True)]
    return float(np.sqrt(sum(variances)) / 2)


def _roc(same: Truth, likeness: Likeness) -> NDArray[np.float64]:
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(same, likeness, drop_intermediate=False)
    return np.asarray(np.interp(_GRID, false, true), dtype=np.float64)


def _summary(
    rows: list[tuple[int, int, float, int, float, float]],
    curves: list[NDArray[np.float64]],
    standard_error: float,
) -> Verification:
    columns = ["fold", "pairs", "threshold", "threshold_pairs", "accuracy", "auc"]
    frame = pd.DataFrame(rows, columns=columns)
    roc = pd.DataFrame({"false_accepts": _GRID, "true_accepts": np.mean(curves, axis=0)})
    return Verification(
        frame,
        accuracy=float(frame["accuracy"].mean()),
        standard_error=standard_error,
        auc=float(frame["auc"].mean()),
        tar_at_far=float(np.interp(0.01, roc["false_accepts"], roc["true_accepts"])),
        roc=roc,
    )


def best_threshold(same: Truth, likeness: Likeness) -> float:
    """Find the threshold above which "one person" is right most often, both kinds weighing alike.

    It lies halfway between two pairs' likenesses.

    Raises
    ------
    ValueError
        If there are no pairs of one of the two kinds.
    """
    if same.all() or not same.any():
        raise ValueError("a threshold takes pairs of one person and pairs of two")
    order = np.argsort(likeness, kind="stable")
    sorted_likeness, sorted_same = likeness[order], same[order]
    rejected_true = np.concatenate(([0], np.cumsum(sorted_same))) / same.sum()
    rejected_false = np.concatenate(([0], np.cumsum(~sorted_same))) / (~same).sum()
    ends = np.concatenate(([sorted_likeness[0] - 1], sorted_likeness, [sorted_likeness[-1] + 1]))
    gaps = np.diff(ends) > 0  # between equal likenesses there is no threshold
    gain = np.where(gaps, rejected_false - rejected_true, -np.inf)
    best = int(gain.argmax())
    return float((ends[best] + ends[best + 1]) / 2)


def area_under_roc(same: Truth, likeness: Likeness) -> float:
    """Give the chance that a pair of one person is more alike than a pair of two."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(same, likeness))


def crossed_accuracy(same: Truth, likeness: Likeness, seed: int = 0) -> float:
    """Give the balanced accuracy of pairs without folds, each judged by a threshold set on others.

    Parameters
    ----------
    same, likeness
        Of shape (n,).
    seed
        Decides how the pairs are parted (see :func:`crossed_parts`).
    """
    if min(same.sum(), (~same).sum()) < _LEAST:
        return float(np.mean(_right_by_kind(same, likeness > best_threshold(same, likeness))))
    thresholds = _crossed_thresholds(same, likeness, crossed_parts(same, seed))
    return float(np.mean(_right_by_kind(same, likeness > thresholds)))
