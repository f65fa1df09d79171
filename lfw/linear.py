"""Linear heads as plain numbers: who a vector's person is, and whether they are known at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Vectors = NDArray[np.floating]


@dataclass(frozen=True)
class Linear:
    """A softmax over linear scores.

    Attributes
    ----------
    weights, bias
        Of shape (d, classes) and (classes,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scores(self, vectors: Vectors) -> NDArray[np.float32]:
        """Give the scores before the softmax, of shape (n, classes)."""
        return np.asarray(vectors @ self.weights + self.bias, dtype=np.float32)

    def sharpened(self, factor: float) -> "Linear":
        """Multiply every score: above 1 the answers become surer."""
        return Linear(
            (self.weights * factor).astype(np.float32), (self.bias * factor).astype(np.float32)
        )


@dataclass(frozen=True)
class Head:
    """Who a vector's person is, and whether they are known at all.

    Attributes
    ----------
    identity
        Scores of the known people.
    known
        Scores of the known people and, last, of "somebody else"; None where no strangers were at
        hand: then everybody is taken for known.
    """

    identity: Linear
    known: Linear | None

    def probabilities(self, vectors: Vectors) -> NDArray[np.float32]:
        """Give the probability of each known person, of shape (n, people).

        A row adds up to the probability that it is one of them at all.
        """
        who = softmax(self.identity.scores(vectors).astype(np.float64), axis=1)
        if self.known is not None:
            who *= 1 - softmax(self.known.scores(vectors).astype(np.float64), axis=1)[:, -1:]
        return who.astype(np.float32)
