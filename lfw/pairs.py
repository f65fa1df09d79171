"""Pairs of images that show one person or two: the data set's two views of verification."""

from collections.abc import Collection, Iterable

import pandas as pd

from lfw.catalog import Catalog, image_path

_SIDES = ("1", "2")


def view1_pairs(catalog: Catalog, part: str) -> pd.DataFrame:
    """Give the development pairs.

    Parameters
    ----------
    catalog
        The lists.
    part
        ``train`` or ``test``.

    Returns
    -------
    DataFrame
        ``name1``, ``path1``, ``name2``, ``path2``, ``same``: one row a pair, matched ones first.
    """
    matched = getattr(catalog, f"view1_matched_{part}")
    mismatched = getattr(catalog, f"view1_mismatched_{part}")
    return _with_paths(pd.concat([matched, mismatched], ignore_index=True))


def view2_pairs(catalog: Catalog) -> pd.DataFrame:
    """Give the pairs for reporting: as :func:`view1_pairs` does, with ``fold`` (1 to 10)."""
    return _with_paths(catalog.view2_pairs)


def people_of(pairs: pd.DataFrame) -> set[str]:
    """Name everybody whom some pairs show."""
    return {name for side in _SIDES for name in pairs[f"name{side}"]}


def paths_of(pairs: pd.DataFrame) -> list[str]:
    """Give the path of every image of some pairs once, in order."""
    return sorted({path for side in _SIDES for path in pairs[f"path{side}"]})


def without(pairs: pd.DataFrame, people: Collection[str]) -> pd.DataFrame:
    """Give the pairs that show none of some people."""
    shown = pairs["name1"].isin(people) | pairs["name2"].isin(people)
    return pairs[~shown].reset_index(drop=True)


def with_images(pairs: pd.DataFrame, image_paths: Iterable[str]) -> pd.DataFrame:
    """Give the pairs both of whose images are there."""
    there = set(image_paths)
    return pairs[pairs["path1"].isin(there) & pairs["path2"].isin(there)].reset_index(drop=True)


def _with_paths(pairs: pd.DataFrame) -> pd.DataFrame:
    frame = pairs.assign(same=pairs["name1"] == pairs["name2"])
    for side in _SIDES:
        numbered = zip(pairs[f"name{side}"], pairs[f"number{side}"], strict=True)
        frame[f"path{side}"] = [image_path(name, number) for name, number in numbered]
    kept = ["name1", "path1", "name2", "path2", "same"]
    return frame[kept + (["fold"] if "fold" in frame else [])]
