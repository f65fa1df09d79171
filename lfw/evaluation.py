"""What a classifier is worth: figures with intervals, by class, by group, and its mistakes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.comparison import exact_mcnemar
from lfw.intervals import wilson, wilson_of_people, wilson_over_classes

ENOUGH = 20
"""Test images below which a group's accuracy is called "not enough data"."""

_BINS = 10

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities mean what they say.

    Attributes
    ----------
    expected_error
        Mean gap between the probability of the answer and how often it is right, over ten bins
        weighted by size (expected calibration error: M. P. Naeini et al., AAAI 2015).
    brier
        Mean squared distance of the probabilities from the truth (0 to 2).
    bins
        ``low``, ``high``, ``images``, ``probability`` (mean), ``accuracy``.
    """

    expected_error: float
    brier: float
    bins: pd.DataFrame


def score(truth: Labels, predicted: Labels) -> dict[str, Score]:
    """Compute accuracy, macro F1 and balanced accuracy, each with its interval.

    Accuracy has Wilson's interval, the others that of :func:`lfw.intervals.wilson_over_classes`.

    Parameters
    ----------
    truth, predicted
        Class numbers of shape (n,).
    """
    from sklearn.metrics import confusion_matrix

    hits = int((truth == predicted).sum())
    counts = np.asarray(confusion_matrix(truth, predicted))
    return {
        "accuracy": Score(hits / len(truth), *wilson(hits, len(truth))),
        "macro_f1": _score_of_means(_f1(counts), counts),
        "balanced_accuracy": _score_of_means(_recall(counts), counts),
    }


def _score_of_means(values: NDArray[np.float64], confusions: NDArray[np.int64]) -> Score:
    sizes = confusions.sum(axis=1)
    interval = wilson_over_classes(values.tolist(), sizes.tolist())
    return Score(float(values[sizes > 0].mean()), *interval)


def _f1(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each class; one that is never answered has 0."""
    right, true, answered = confusions.diagonal(), confusions.sum(axis=1), confusions.sum(axis=0)
    return np.asarray(2 * right / np.maximum(true + answered, 1), np.float64)


def _recall(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each class; one without images has 0."""
    true = confusions.sum(axis=1)
    return np.asarray(confusions.diagonal() / np.maximum(true, 1), np.float64)


def score_classes(truth: Labels, predicted: Labels, classes: tuple[str, ...]) -> pd.DataFrame:
    """Give ``name``, ``precision``, ``recall``, ``f1`` and ``support`` of each class.

    A class that is never answered has precision 0.
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        truth, predicted, labels=range(len(classes)), zero_division=0
    )
    frame = pd.DataFrame(dict(zip(("precision", "recall", "f1", "support"), columns, strict=True)))
    frame.insert(0, "name", list(classes))
    return frame


def count_confusions(truth: Labels, predicted: Labels, classes: tuple[str, ...]) -> pd.DataFrame:
    """Count images by true class (rows) and answered class (columns)."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(truth, predicted, labels=range(len(classes)))
    return pd.DataFrame(counts, index=pd.Index(classes, name="truth"), columns=list(classes))


def calibrate(truth: Labels, probabilities: NDArray[np.floating]) -> Calibration:
    """Compare the probabilities of the answers with how often they are right.

    Parameters
    ----------
    truth
        Class numbers of shape (n,).
    probabilities
        Of shape (n, classes).
    """
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    rows = []
    for number in np.unique(bins):
        inside = bins == number
        low = number / _BINS
        rows.append((low, low + 1 / _BINS, inside.sum(), sure[inside].mean(), right[inside].mean()))
    frame = pd.DataFrame(rows, columns=["low", "high", "images", "probability", "accuracy"])
    gaps = (frame["probability"] - frame["accuracy"]).abs()
    wanted = np.eye(probabilities.shape[1])[truth]
    return Calibration(
        expected_error=float((gaps * frame["images"]).sum() / len(truth)),
        brier=float(((probabilities - wanted) ** 2).sum(axis=1).mean()),
        bins=frame,
    )


def list_mistakes(
    image_paths: list[str],
    truth: Labels,
    probabilities: NDArray[np.floating],
    classes: tuple[str, ...],
) -> pd.DataFrame:
    """List wrong answers, the most confident first.

    Returns
    -------
    DataFrame
        ``image_path``, ``truth``, ``answer``, ``probability`` (of the answer),
        ``truth_probability``.
    """
    answer = probabilities.argmax(axis=1)
    rows = pd.DataFrame(
        {
            "image_path": image_paths,
            "truth": [classes[k] for k in truth],
            "answer": [classes[k] for k in answer],
            "probability": probabilities.max(axis=1).astype(float),
            "truth_probability": probabilities[np.arange(len(truth)), truth].astype(float),
        }
    )
    wrong: pd.DataFrame = rows[rows["answer"] != rows["truth"]]
    return wrong.sort_values(
        ["probability", "image_path"], ascending=[False, True], ignore_index=True
    )


def score_groups(
    annotations: pd.DataFrame, image_paths: list[str], truth: Labels, predicted: Labels
) -> pd.DataFrame:
    """Accuracy by annotated group.

    Returns
    -------
    DataFrame
        ``attribute``, ``group``, ``people``, ``images``, ``accuracy``, ``low``, ``high``,
        ``note``: below 20 images, or two people, the figures are missing and the note says so.
        Intervals are those of :func:`lfw.intervals.wilson_of_people`.
    """
    joined = annotations.set_index("image_path").reindex(image_paths).fillna("")
    rows = []
    for attribute in joined.columns:
        groups = joined[attribute].replace("", "no label").to_numpy()
        for group in sorted(set(groups)):
            inside = groups == group
            accuracy = _group_accuracy(truth[inside], predicted[inside])
            rows.append((attribute, group, len(set(truth[inside])), int(inside.sum()), *accuracy))
    columns = ["attribute", "group", "people", "images", "accuracy", "low", "high", "note"]
    return pd.DataFrame(rows, columns=columns)


def _group_accuracy(
    truth: Labels, predicted: Labels
) -> tuple[float | None, float | None, float | None, str]:
    if len(truth) < ENOUGH or len(set(truth.tolist())) < 2:
        return None, None, None, "not enough data"
    right = truth == predicted
    accuracy = float(right.mean())
    return accuracy, *wilson_of_people(right, truth), ""


def mcnemar(truth: Labels, predicted: Labels, other: Labels) -> float:
    """Give the p-value of McNemar's exact test that two classifiers err as often.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions", Psychometrika 12 (1947).

    Parameters
    ----------
    truth, predicted, other
        Class numbers of shape (n,), of the same images.
    """
    return exact_mcnemar(predicted == truth, other == truth)[2]
