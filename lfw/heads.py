"""Learning a head: the way is chosen on the validation part.

Whatever it is learned by, a head is a matrix and a bias in front of a softmax, so that it can be
written as plain numbers and packed behind any network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from lfw.head_ways import POOLED, Labels, Sample, ways_with
from lfw.linear import Head, Linear, Vectors
from lfw.spread import Spread
from lfw.strangers import LEAST_STRANGERS, Strangers

DISCRIMINANTS = "linear discriminants, averaged"
TOGETHER = "all of them, averaged"

PREFERRED = (
    *(POOLED, DISCRIMINANTS, TOGETHER, "LDA among other people", "LDA beside strangers", "LDA"),
    *("logistic regression", "linear SVM"),
)
"""Which head is taken of those that a validation part cannot tell apart, as other splits taught
(docs/experiments.md)."""


@dataclass(frozen=True)
class Chosen:
    """A head, and how it came to be chosen.

    Attributes
    ----------
    head
        Fitted to training and validation images.
    candidates
        ``head``, ``validation_accuracy``, ``validation_loss`` (cross-entropy after its scores were
        sharpened to fit), the chosen one first.
    """

    head: Head
    candidates: pd.DataFrame


def choose_head(
    train: tuple[Vectors, Labels],
    validation: tuple[Vectors, Labels],
    strangers: Strangers | None = None,
    components: int | None = None,
    spread: Spread | None = None,
) -> Chosen:
    """Fit every candidate to the training part, and choose one on the validation part.

    Of those whose accuracy is within one standard error of the highest, the first of
    :data:`PREFERRED` is taken: some dozen validation images cannot tell heads apart that differ by
    one answer, and who picks the luckiest picks worse (the one-standard-error rule of L. Breiman et
    al., "Classification and regression trees", 1984). It is fitted anew to both parts together. How
    sharp its answers are is set on the validation part (temperature scaling: C. Guo et al., "On
    calibration of modern neural networks", ICML 2017), and likewise how sure it is of strangers.

    Parameters
    ----------
    train, validation
        Vectors of shape (n, d) and class numbers of shape (n,), every class in both.
    strangers
        People who are none of the classes.
    components
        Principal components of the training vectors that the heads are fitted on; all of the
        vectors' own dimensions if None.
    spread
        How far vectors of one person lie from each other, of people who are neither classes nor
        strangers.
    """
    if strangers is not None and len(strangers.one_each()) < LEAST_STRANGERS:
        strangers = None
    both = (np.concatenate([train[0], validation[0]]), np.concatenate([train[1], validation[1]]))
    ways = ways_with(strangers, spread)
    mixtures = _mixtures(list(ways))
    sample = Sample.of(train, strangers, spread, components)
    single = {name: sample.fit(way) for name, way in ways.items()}
    factors = {n: _sharpen(head.scores(validation[0]), validation[1]) for n, head in single.items()}
    heads = {name: head.sharpened(factors[name]) for name, head in single.items()}
    for name, parts in mixtures.items():
        mean = _mean([heads[part] for part in parts])
        factors[name] = _sharpen(mean.scores(validation[0]), validation[1])
        heads[name] = mean.sharpened(factors[name])
    table = _rank(heads, *validation)
    chosen = str(table["head"][0])
    whole = Sample.of(both, strangers, spread, components)
    parts = mixtures.get(chosen, [chosen])
    identity = _mean([whole.fit(ways[name]).sharpened(factors[name]) for name in parts])
    if chosen in mixtures:
        identity = identity.sharpened(factors[chosen])
    known = None
    if strangers is not None:
        sureness = _sureness(train, validation, strangers, components)
        known = whole.fit(lambda sample: sample.known).sharpened(sureness)
    return Chosen(Head(identity, known), table)


def _sureness(
    train: tuple[Vectors, Labels],
    validation: tuple[Vectors, Labels],
    strangers: Strangers,
    components: int | None,
) -> float:
    """Find how sharply the known are to be told from strangers: by images learned from neither.

    Discriminants of so many dimensions are far too sure: unsharpened, a share of the known of
    nearly 1 says nothing about who is known any more.
    """
    learned, left = strangers.halves()
    known = Sample.of(train, learned, None, components).fit(lambda sample: sample.known)
    apart = left.one_each()
    last = np.full(len(apart), len(known.bias) - 1)
    scores = known.scores(np.concatenate([validation[0], apart]))
    return _sharpen(scores, np.concatenate([validation[1], last]))


def _mixtures(names: list[str]) -> dict[str, list[str]]:
    """Say which heads are averaged, by the name of the average."""
    alike = [name for name in names if name.startswith("LDA") and name != POOLED]
    mixtures = {DISCRIMINANTS: alike, TOGETHER: names}
    return {name: parts for name, parts in mixtures.items() if len(parts) > 1}


def _rank(heads: dict[str, Linear], vectors: Vectors, labels: Labels) -> pd.DataFrame:
    """List heads by accuracy and loss, the chosen one first."""
    rows = []
    for name, head in heads.items():
        scores = head.scores(vectors)
        accuracy = float((scores.argmax(axis=1) == labels).mean())
        rows.append((name, accuracy, _loss(scores, labels)))
    columns = ["head", "validation_accuracy", "validation_loss"]
    frame = pd.DataFrame(rows, columns=columns)
    order = ["validation_accuracy", "validation_loss"]
    frame = frame.sort_values(order, ascending=[False, True], ignore_index=True)
    alike = frame["head"][frame["validation_accuracy"] >= _least_alike(frame, len(labels))]
    chosen = min(alike, key=_place)
    return frame.sort_values("head", key=lambda head: head != chosen, kind="stable").reset_index(
        drop=True
    )


def _place(head: str) -> int:
    return PREFERRED.index(head) if head in PREFERRED else len(PREFERRED)


def _least_alike(frame: pd.DataFrame, images: int) -> float:
    """Give the accuracy that is one standard error, and at least one image, below the highest."""
    highest = float(frame["validation_accuracy"].max())
    spread = max(highest * (1 - highest), 1 / images)
    return highest - float(np.sqrt(spread / images)) - 1e-9


def _mean(heads: Sequence[Linear]) -> Linear:
    """Average the scores of heads: again a head."""
    weights = np.mean([head.weights for head in heads], axis=0)
    return Linear(weights, np.mean([head.bias for head in heads], axis=0))


def _sharpen(scores: NDArray[np.float32], labels: Labels) -> float:
    """Find the factor of the scores with the least loss."""
    found = minimize_scalar(
        lambda power: _loss(scores * 10**power, labels), bounds=(-3, 2), method="bounded"
    )
    return float(10**found.x)


def _loss(scores: NDArray[np.float32], labels: Labels) -> float:
    """Give the mean cross-entropy of scores.

    The truth is held to be a little less than sure, as J. C. Platt does ("Probabilistic outputs
    for support vector machines", 1999): a validation part without a mistake would ask for endless
    sureness, and could not tell one head from another.
    """
    doubt = 1 / (len(labels) + 2)
    wanted = np.eye(scores.shape[1])[labels] * (1 - doubt) + doubt / scores.shape[1]
    said = log_softmax(scores.astype(np.float64), axis=1)
    return -float((wanted * said).sum(axis=1).mean())
