"""Whether one classifier is better than another: paired tests over splits and over images."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import bdtr

from lfw.intervals import LEVEL, wilson

NOT_ENOUGH = "not enough data"
MAJORITY = "majority"
"""The baseline that no classifier is tested against: it looks at no image."""


@dataclass(frozen=True)
class Gain:
    """How far one classifier is above another, over splits.

    Attributes
    ----------
    mean
        Mean difference of accuracy.
    splits, above
        Number of splits, and on how many of them it is above.
    p
        Two-sided p-value; None where there is not enough data.
    """

    mean: float
    splits: int
    above: int
    p: float | None


def corrected_t(gains: ArrayLike, overlap: float) -> Gain:
    """Test whether a mean difference over random splits is zero: the corrected resampled t test.

    Splits of one data set overlap, so that their differences are not independent: the variance of
    the mean is taken as (1/J + test images / training images) times that of the differences.

    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52
    (2003).

    Parameters
    ----------
    gains
        Differences of shape (J,), one a split.
    overlap
        Test images by training images.

    Returns
    -------
    Gain
        Without a p-value for fewer than two splits, or if all differences are equal.
    """
    each = np.asarray(gains, dtype=float)
    mean, above = float(each.mean()), int((each > 0).sum())
    error = _corrected_error(each, overlap)
    if not error:
        return Gain(mean, len(each), above, None)
    from scipy.stats import t as student

    return Gain(mean, len(each), above, 2 * float(student.sf(abs(mean) / error, len(each) - 1)))


def without_p(seeds: int) -> str:
    """Say why :func:`corrected_t` gives no p-value for so many seeds."""
    return NOT_ENOUGH if seeds < 2 else "all gains equal"


def corrected_interval(values: ArrayLike, overlap: float) -> tuple[float, float]:
    """Give the 95 % interval of a mean over random splits; see :func:`corrected_t`.

    Raises
    ------
    ValueError
        For fewer than two splits.
    """
    each = np.asarray(values, dtype=float)
    if len(each) < 2:
        raise ValueError("an interval over splits takes at least two of them")
    from scipy.stats import t as student

    reach = _corrected_error(each, overlap) * float(student.ppf((1 + LEVEL) / 2, len(each) - 1))
    return float(each.mean()) - reach, float(each.mean()) + reach


def _corrected_error(each: np.ndarray, overlap: float) -> float:
    if len(each) < 2 or np.ptp(each) < 1e-12:
        return 0.0
    return float(np.sqrt(each.var(ddof=1) * (1 / len(each) + overlap)))


def exact_mcnemar(right: ArrayLike, other: ArrayLike) -> tuple[int, int, float]:
    """Test whether two classifiers are right as often on the same images: McNemar's exact test.

    Parameters
    ----------
    right, other
        Whether each answers rightly, of shape (n,).

    Returns
    -------
    tuple
        Images that only the first has right, that only the other has right, and the p-value.
    """
    first, second = np.asarray(right, dtype=bool), np.asarray(other, dtype=bool)
    only, only_other = int((first & ~second).sum()), int((~first & second).sum())
    if only + only_other == 0:
        return 0, 0, 1.0
    # scipy.stats has this test, and takes half a second to import, in runs that reuse all else.
    p_value = 2 * bdtr(min(only, only_other), only + only_other, 0.5)
    return only, only_other, min(1.0, float(p_value))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number, so that any false finding is as rare as each says.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979).

    Parameters
    ----------
    p_values
        Of all tests; None where there was none, which stays None and does not count.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[place] = largest
    return corrected


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Give one row a classifier and selection, over the seeds.

    Parameters
    ----------
    scores
        One row a classifier, selection and seed: ``selection``, ``classifier``, ``baseline``,
        ``outside_data``, ``seed``, ``accuracy``, ``macro_f1``, ``hits``, ``test_images``,
        ``train_images``.

    Returns
    -------
    DataFrame
        ``selection``, ``classifier``, ``baseline``, ``outside_data``, ``seeds``, ``mean``, ``sd``,
        ``min``, ``max`` (of accuracy), ``low``, ``high`` (95 %: over splits; Wilson's of one split
        where there is no other or all came out alike, which is no sign of certainty),
        ``macro_f1`` (mean), ``test_images`` (of a split).
    """
    rows = []
    keys = ["selection", "classifier", "baseline", "outside_data"]
    for names, group in scores.groupby(keys, sort=False):
        accuracy = group["accuracy"]
        if np.ptp(accuracy) > 0:
            low, high = corrected_interval(accuracy, _overlap(group))
        else:
            low, high = wilson(int(group["hits"].iloc[0]), int(group["test_images"].iloc[0]))
        spread = float(accuracy.std(ddof=1)) if len(group) > 1 else None
        figures = (accuracy.mean(), spread, accuracy.min(), accuracy.max(), max(low, 0.0),
                   min(high, 1.0), group["macro_f1"].mean())  # fmt: skip
        sizes = group["test_images"].agg(["min", "max"]).tolist()
        rows.append((*names, len(group), *figures, round(sum(sizes) / 2)))
    columns = [*keys, "seeds", "mean", "sd", "min", "max", "low", "high", "macro_f1"]
    return pd.DataFrame(rows, columns=[*columns, "test_images"])


def _overlap(group: pd.DataFrame) -> float:
    return float((group["test_images"] / group["train_images"]).mean())


def compare_pairs(scores: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Test every pair of classifiers within a selection, on the same splits.

    Baselines are compared with what was asked for, not with each other.

    Parameters
    ----------
    scores
        As for :func:`summarise`.
    right
        One row a test image: ``selection``, ``seed``, ``image_path``, ``classifier``, ``right``.

    Returns
    -------
    DataFrame
        ``selection``, ``first``, ``second``, ``seeds``, ``gain`` (mean accuracy of the first less
        that of the second), ``above`` (splits), ``t_p`` (:func:`corrected_t`), ``t_holm``,
        ``mcnemar_seed``, ``only_first``, ``only_second`` (images), ``mcnemar_p`` (of that seed
        alone: test parts of several seeds share images), ``mcnemar_holm``. Holm's correction is
        over all rows.
    """
    rows = []
    for selection, group in scores.groupby("selection", sort=False):
        kinds = group.drop_duplicates("classifier")[["classifier", "baseline"]]
        tested = kinds[kinds["classifier"] != MAJORITY].itertuples(index=False)
        for first, second in combinations(tested, 2):
            if not (first.baseline and second.baseline):
                found = _compare_two(group, right, str(first.classifier), str(second.classifier))
                if found is not None:
                    rows.append({"selection": selection, **found})
    columns = ["selection", "first", "second", "seeds", "gain", "above", "t_p", "mcnemar_seed",
               "only_first", "only_second", "mcnemar_p"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    for test in ("t", "mcnemar"):
        values = [None if pd.isna(p) else float(p) for p in frame[f"{test}_p"]]
        frame[f"{test}_holm"] = holm(values)
    return frame[[*columns[:7], "t_holm", *columns[7:], "mcnemar_holm"]]


def _compare_two(
    group: pd.DataFrame, right: pd.DataFrame, first: str, second: str
) -> dict[str, object] | None:
    """Compare two classifiers of one selection; None if they share no split."""
    columns = ["seed", "accuracy", "test_images", "train_images"]
    a, b = (group.loc[group["classifier"] == name, columns] for name in (first, second))
    both = a.merge(b, on="seed", suffixes=("", "_second")).sort_values("seed")
    if both.empty:
        return None
    found = corrected_t(both["accuracy"] - both["accuracy_second"], _overlap(both))
    seed = int(both["seed"].iloc[0])
    of_seed = right[(right["selection"] == group["selection"].iloc[0]) & (right["seed"] == seed)]
    columns = ["image_path", "right"]
    hits = of_seed.loc[of_seed["classifier"] == first, columns].merge(
        of_seed.loc[of_seed["classifier"] == second, columns], on="image_path", validate="1:1"
    )
    only_first, only_second, p = exact_mcnemar(hits["right_x"], hits["right_y"])
    return {
        "first": first,
        "second": second,
        "seeds": found.splits,
        "gain": found.mean,
        "above": found.above,
        "t_p": found.p,
        "mcnemar_seed": seed,
        "only_first": only_first,
        "only_second": only_second,
        "mcnemar_p": p,
    }
