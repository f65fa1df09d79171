"""Columns of very many texts, none missing: pandas would make an object of each for these."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

ROWS = 1 << 13  # taken as Python's objects at a time: a column of them takes thrice the memory


def column(texts: Sequence[str]) -> "pd.Series[str]":
    """Make a column of texts that takes their bytes and 8 more each.

    Made by pandas its buffers are grown, and what they grew out of stays with the allocator: twice
    as much in all.
    """
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    buffers = (pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))
    found = pa.LargeStringArray.from_buffers(len(encoded), *buffers)
    return pd.Series(found, dtype="str")


def _pieces(texts: "pd.Series[str]") -> Iterator[list[str]]:
    """Give a column as lists, one after the other."""
    for start in range(0, len(texts), ROWS):
        yield texts.iloc[start : start + ROWS].tolist()


def is_sorted(texts: "pd.Series[str]") -> bool:
    """Say whether no text is before the one above it."""
    last = ""
    for piece in _pieces(texts):
        if last > piece[0] or piece != sorted(piece):
            return False
        last = piece[-1]
    return True


def sorted_by(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Sort rows by a column of texts; rows that are in order already are not copied."""
    if is_sorted(rows[name]):
        return rows.reset_index(drop=True)
    return rows.sort_values(name, kind="stable", ignore_index=True)


def is_doubled(texts: "pd.Series[str]") -> NDArray[np.bool_]:
    """Say of each text whether there is an equal one.

    Numbers are compared first, and of the texts only those whose numbers are equal.
    """
    numbers = np.fromiter(
        (hash(text) for piece in _pieces(texts) for text in piece), np.int64, len(texts)
    )
    found = pd.Series(numbers).duplicated(keep=False).to_numpy(copy=True)
    found[found] = texts[found].duplicated(keep=False).to_numpy()
    return found


class Bundle:
    """Texts without a NUL, one at least, not needed yet: in a tenth of the memory of a list.

    Attributes
    ----------
    count
        How many there are.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.count = len(texts)
        self._packed = zlib.compress("\0".join(texts).encode(), level=1)

    def texts(self) -> list[str]:
        """Give them back."""
        return zlib.decompress(self._packed).decode().split("\0")
