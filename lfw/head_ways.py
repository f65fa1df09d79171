"""Ways to learn a head from vectors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from lfw.discriminants import gaussian_scores, linear_discriminants
from lfw.linear import Linear, Vectors
from lfw.spread import Spread
from lfw.strangers import LEAST_STRANGERS, Strangers

Labels = NDArray[np.int64]

_OTHERS = 0.5
"""What an image of those that an embedding was learned from counts: it knows them."""

_RIDGE = 0.1
"""How far the pooled covariance is shrunk towards its diagonal."""


@dataclass(frozen=True)
class Sample:
    """What heads are learned from. What several ways take of it is made once.

    Attributes
    ----------
    vectors, labels
        Of shape (n, d) and (n,).
    strangers
        People who are none of the classes.
    spread
        How far vectors of one person lie from each other, of people apart from both.
    projection
        What brought the vectors to their principal components, if they are such.
    """

    vectors: Vectors
    labels: Labels
    strangers: Strangers | None = None
    spread: Spread | None = None
    projection: PCA | None = None

    @classmethod
    def of(
        cls,
        labelled: tuple[Vectors, Labels],
        strangers: Strangers | None,
        spread: Spread | None,
        components: int | None,
    ) -> "Sample":
        """Bring vectors to their principal components, if so many are asked for."""
        vectors, labels = labelled
        if components is None:
            return cls(vectors, labels, strangers, spread)
        projection = PCA(min(components, len(vectors) - 1, vectors.shape[1]), random_state=0)
        projected = projection.fit_transform(vectors)
        if strangers is not None:
            apart = projection.transform(strangers.vectors)
            strangers = Strangers(apart, strangers.people)
        if spread is not None:
            spread = spread.projected(projection.components_)
        return cls(projected, labels, strangers, spread, projection)

    def fit(self, way: "Way") -> Linear:
        """Learn a head for vectors that are not projected yet."""
        return self._before(way(self))

    def _before(self, linear: Linear) -> Linear:
        if self.projection is None:
            return linear
        weights = self.projection.components_.T @ linear.weights
        bias = linear.bias - self.projection.mean_ @ weights
        return Linear(weights.astype(np.float32), bias.astype(np.float32))

    @cached_property
    def known(self) -> Linear:
        """Linear discriminants with the strangers as one more class, the last."""
        if self.strangers is None:
            raise ValueError("a class of strangers takes strangers")
        apart = self.strangers.one_each()
        last = np.full(len(apart), int(self.labels.max()) + 1)
        return linear_discriminants(
            np.concatenate([self.vectors, apart]), np.concatenate([self.labels, last])
        )


Way = Callable[[Sample], Linear]
"""A way to learn a head."""

POOLED = "LDA, within-class covariance of many people"
"""The way that takes the spread of people who are neither classes nor strangers, too."""


def ways_with(strangers: Strangers | None, spread: Spread | None) -> dict[str, Way]:
    """Give the ways that there are, by name, with such strangers and such a spread."""
    ways = dict(_ALONE)
    if strangers is not None:
        ways["LDA beside strangers"] = _lda_beside
        if strangers.known_well() >= LEAST_STRANGERS:
            ways["LDA among other people"] = _lda_among
    if spread is not None:
        ways[POOLED] = _lda_pooled
    return ways


def _lda(sample: Sample) -> Linear:
    return linear_discriminants(sample.vectors, sample.labels)


def _logistic(sample: Sample) -> Linear:
    return _linear(LogisticRegression(C=10, max_iter=1000).fit(sample.vectors, sample.labels))


def _svm(sample: Sample) -> Linear:
    return _linear(LinearSVC(C=1, random_state=0).fit(sample.vectors, sample.labels))


def _lda_among(sample: Sample) -> Linear:
    """Linear discriminants of the people and of strangers, each of whom is a class."""
    if sample.strangers is None:
        raise ValueError("classes of strangers take strangers")
    classes = int(sample.labels.max()) + 1
    apart, people = sample.strangers.several()
    found = linear_discriminants(
        np.concatenate([sample.vectors, apart]), np.concatenate([sample.labels, people + classes])
    )
    return Linear(found.weights[:, :classes], found.bias[:classes])


def _lda_beside(sample: Sample) -> Linear:
    """Linear discriminants of the people, whose spread the strangers help to estimate."""
    return Linear(sample.known.weights[:, :-1], sample.known.bias[:-1])


def _lda_pooled(sample: Sample) -> Linear:
    """Linear discriminants whose one covariance is pooled over as many people as there are."""
    if sample.spread is None:
        raise ValueError("a pooled spread takes the spread of other people")
    spreads, weights = [sample.spread], [_OTHERS]
    if sample.strangers is not None and sample.strangers.known_well():
        spreads.append(Spread.of(*sample.strangers.several()))
        weights.append(1.0)
    counts = np.bincount(sample.labels)
    if len(sample.labels) > len(counts):
        spreads.append(Spread.of(sample.vectors, sample.labels))
        weights.append(1.0)
    covariance = Spread.pooled(spreads, weights).covariance
    own = np.diag(np.diag(covariance))
    means = np.stack([sample.vectors[sample.labels == k].mean(axis=0) for k in range(len(counts))])
    return gaussian_scores(covariance + _RIDGE * (own - covariance), means, counts)


_ALONE: dict[str, Way] = {
    "LDA": _lda,
    "linear SVM": _svm,
    "logistic regression": _logistic,
}


def _linear(model: LogisticRegression | LinearSVC) -> Linear:
    """Read a fitted model's scores; of two classes it keeps only the difference."""
    weights, bias = model.coef_.T, model.intercept_
    if weights.shape[1] == 1:
        weights = np.concatenate([np.zeros_like(weights), weights], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    return Linear(weights.astype(np.float32), bias.astype(np.float32))
