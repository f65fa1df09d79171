"""People who are none of a head's classes, to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lfw.linear import Vectors

LEAST_STRANGERS = 20
"""Strangers below which a head learns nothing of them."""


@dataclass(frozen=True)
class Strangers:
    """People who are none of the classes.

    Attributes
    ----------
    vectors
        Of shape (m, d).
    people
        Who each is, as a number, of shape (m,).
    """

    vectors: Vectors
    people: NDArray[np.int64]

    @classmethod
    def of(cls, vectors: Vectors, names: Sequence[str]) -> "Strangers":
        """Tell people apart by their names."""
        return cls(vectors, np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64))

    def one_each(self) -> Vectors:
        """Give the first vector of everybody."""
        return self.vectors[np.unique(self.people, return_index=True)[1]]

    def halves(self) -> tuple["Strangers", "Strangers"]:
        """Part the people: every other one into the second half."""
        second = self.people % 2 == 1
        first, other = (
            Strangers(self.vectors[part], self.people[part] // 2) for part in (~second, second)
        )
        return first, other

    def several(self) -> tuple[Vectors, NDArray[np.int64]]:
        """Give those of whom there are several vectors, and number them from 0."""
        counts = np.bincount(self.people)
        there = counts[self.people] > 1
        return self.vectors[there], np.unique(self.people[there], return_inverse=True)[1]

    def known_well(self) -> int:
        """Count the people of whom there are several vectors."""
        return int((np.bincount(self.people) > 1).sum())
