"""How far vectors of one person lie from each other, learned from many people.

A selection of six people shows little of it: 360 images, where a vector has 576 dimensions. Those
an embedding was learned from show more, and may be asked: they are nobody whom it is tested on.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lfw.errors import DataError
from lfw.linear import Vectors


@dataclass(frozen=True)
class Spread:
    """The covariance of vectors around their own person's mean, pooled over people.

    Attributes
    ----------
    covariance
        Of shape (d, d).
    freedom
        Degrees of freedom that it rests on: images less people.
    """

    covariance: NDArray[np.float64]
    freedom: int

    @classmethod
    def of(cls, vectors: Vectors, people: Sequence[str] | NDArray[np.int64]) -> "Spread":
        """Measure it.

        Parameters
        ----------
        vectors
            Of shape (n, d).
        people
            Who each is, of shape (n,).

        Raises
        ------
        ValueError
            If nobody is there twice.
        """
        _, number, counts = np.unique(np.asarray(people), return_inverse=True, return_counts=True)
        freedom = len(number) - len(counts)
        if freedom < 1:
            raise ValueError("a spread takes several vectors of one person")
        means = np.zeros((len(counts), vectors.shape[1]))
        np.add.at(means, number, vectors)
        means /= counts[:, np.newaxis]
        centred = vectors - means[number]
        return cls(centred.T @ centred / freedom, freedom)

    @classmethod
    def pooled(cls, spreads: Sequence["Spread"], weights: Sequence[float]) -> "Spread":
        """Average spreads, each by its degrees of freedom times a weight."""
        shares = [weight * one.freedom for one, weight in zip(spreads, weights, strict=True)]
        total = sum(shares)
        covariance = sum(
            (share / total * one.covariance for one, share in zip(spreads, shares, strict=True)),
            start=np.zeros_like(spreads[0].covariance),
        )
        return cls(covariance, round(total))

    def projected(self, components: NDArray[np.floating]) -> "Spread":
        """Give it for vectors that are projected on components of shape (k, d)."""
        return Spread(np.asarray(components @ self.covariance @ components.T), self.freedom)

    def write(self, path: Path) -> None:
        """Write it: in single precision, and one half of it, since the other is its mirror."""
        upper = self.covariance[np.triu_indices(len(self.covariance))].astype(np.float32)
        with path.open("wb") as file:
            np.savez(file, upper=upper, dimensions=len(self.covariance), freedom=self.freedom)

    @classmethod
    def read(cls, path: Path) -> "Spread":
        """Read what :meth:`write` wrote.

        Raises
        ------
        DataError
            If the file is missing or no such file.
        """
        try:
            with np.load(path, allow_pickle=False) as saved:
                dimensions, freedom = int(saved["dimensions"]), int(saved["freedom"])
                covariance = np.zeros((dimensions, dimensions))
                covariance[np.triu_indices(dimensions)] = saved["upper"]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} holds no spread of vectors: {error!r}.") from error
        return cls(covariance + np.triu(covariance, 1).T, freedom)
