"""Images that show one photograph, whatever names they go by."""

from collections.abc import Collection, Hashable, Iterable
from itertools import chain
from typing import TypeVar

import pandas as pd

Item = TypeVar("Item", bound=Hashable)


def linked(pairs: Iterable[tuple[Item, Item]]) -> list[set[Item]]:
    """Put together what pairs link, directly or through others.

    Parameters
    ----------
    pairs
        Of anything; one of twice the same thing only says that it is there.
    """
    from scipy.cluster.hierarchy import DisjointSet

    groups: DisjointSet[Item] = DisjointSet()
    for one, other in pairs:
        groups.add(one)
        groups.add(other)
        groups.merge(one, other)
    return list(groups.subsets())


def photo_groups(images: pd.DataFrame, same_photo: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Put images of one photograph together: of one content, or linked by pairs.

    Parameters
    ----------
    images
        ``image_path``, ``sha256``; each is in a group, if in one of its own.
    same_photo
        Pairs of image paths that show one photograph.
    """
    first = images.groupby("sha256")["image_path"].transform("first").fillna(images["image_path"])
    return linked(chain(same_photo, zip(first, images["image_path"], strict=True)))


def shown_with(photos: Iterable[set[str]], paths: Collection[str]) -> set[str]:
    """Give some images, and all that show a photograph that one of them shows.

    Parameters
    ----------
    photos
        What :func:`photo_groups`, or :func:`linked` of pairs, gave.
    paths
        The images.
    """
    some = set(paths)
    return some.union(*(group for group in photos if not group.isdisjoint(some)))
