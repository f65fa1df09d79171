"""Who is in the data and who is not: counts and shares, with what they rest on."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lfw.errors import InputError
from lfw.files import read_table
from lfw.intervals import wilson

ENOUGH = 30
"""Images below which a group's share is called "not enough data"."""

_BINS = (1, 2, 3, 5, 10, 20, 50, 100, 200, np.inf)


@dataclass(frozen=True)
class Bias:
    """How the photographs are spread over people.

    Attributes
    ----------
    people, images
        How many there are.
    single_people
        People with exactly one photograph: as many images as people.
    gini
        Gini coefficient of images per person: 0 if all have as many, near 1 if few have most.
    top_shares
        ``top`` (number of people), ``images``, ``share`` of all images.
    most_photographed
        ``name``, ``images``, ``share``.
    distribution
        ``images`` (a range, as text), ``people``, ``share_of_people``, ``share_of_images``.
    """

    people: int
    images: int
    single_people: int
    gini: float
    top_shares: pd.DataFrame
    most_photographed: pd.DataFrame
    distribution: pd.DataFrame

    @property
    def single_share_of_people(self) -> float:
        """Share of people who have one photograph."""
        return self.single_people / self.people

    @property
    def single_share_of_images(self) -> float:
        """Share of images that are a person's only one."""
        return self.single_people / self.images


def measure_bias(people: pd.DataFrame) -> Bias:
    """Measure how the photographs are spread over people.

    Parameters
    ----------
    people
        ``name`` and ``images`` (count), one row a person.
    """
    ranked = people.sort_values(["images", "name"], ascending=[False, True], ignore_index=True)
    total = int(ranked["images"].sum())
    tops = [n for n in (1, 5, 10, 50, 100, 500, 1000) if n <= len(ranked)]
    held = [int(ranked["images"].head(n).sum()) for n in tops]
    top_shares = pd.DataFrame({"top": tops, "images": held, "share": [n / total for n in held]})
    return Bias(
        people=len(ranked),
        images=total,
        single_people=int((ranked["images"] == 1).sum()),
        gini=gini(ranked["images"].to_numpy()),
        top_shares=top_shares,
        most_photographed=ranked.head(20).assign(share=lambda t: t["images"] / total),
        distribution=_distribution(ranked["images"], total),
    )


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of counts: half the relative mean absolute difference.

    Source: C. Gini, "Variabilità e mutabilità" (1912); computed by the sorted formula.
    """
    ordered = np.sort(counts)
    n = len(ordered)
    ranks = np.arange(1, n + 1)
    return float((2 * (ranks * ordered).sum() / ordered.sum() - (n + 1)) / n)


def _distribution(counts: "pd.Series[int]", total: int) -> pd.DataFrame:
    rows = []
    for low, high in itertools.pairwise(_BINS):
        inside = counts[(counts >= low) & (counts < high)]
        if high == np.inf:
            label = f"{low} or more"
        elif high == low + 1:
            label = str(low)
        else:
            label = f"{low}-{int(high) - 1}"
        rows.append((label, len(inside), len(inside) / len(counts), inside.sum() / total))
    columns = ["images", "people", "share_of_people", "share_of_images"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Dropped:
    """Who a selection leaves out.

    Attributes
    ----------
    people_kept, people_dropped, images_kept, images_dropped
        How many. Of a person who is kept, images beyond the sample are dropped too.
    single_dropped
        People with one photograph among the dropped.
    """

    people_kept: int
    people_dropped: int
    images_kept: int
    images_dropped: int
    single_dropped: int


def measure_selection(people: pd.DataFrame, chosen: pd.DataFrame) -> Dropped:
    """Count who and what a selection leaves out.

    Parameters
    ----------
    people
        ``name`` and ``images`` (count) of everybody.
    chosen
        One row a selected image, with ``name``.
    """
    kept = people["name"].isin(chosen["name"])
    total = int(people["images"].sum())
    return Dropped(
        people_kept=int(kept.sum()),
        people_dropped=int((~kept).sum()),
        images_kept=len(chosen),
        images_dropped=total - len(chosen),
        single_dropped=int((people["images"][~kept] == 1).sum()),
    )


def read_annotations(path: Path) -> pd.DataFrame:
    """Read third-party labels of images.

    Returns
    -------
    DataFrame
        ``image_path`` and one column an attribute; an empty text where there is no label.

    Raises
    ------
    InputError
        If the file has no ``image_path``, no attribute, or an image twice.
    """
    frame = read_table(path, "annotations")
    if "image_path" not in frame or len(frame.columns) < 2:
        raise InputError(
            f"annotations: {path} has the columns {','.join(frame.columns)}: it needs image_path "
            "and at least one attribute."
        )
    doubled = frame["image_path"][frame["image_path"].duplicated()]
    if not doubled.empty:
        raise InputError(f"annotations: {path} names {doubled.iloc[0]} twice.")
    return frame


def count_groups(annotations: pd.DataFrame, image_paths: "pd.Series[str]") -> pd.DataFrame:
    """Count images by annotated group.

    Parameters
    ----------
    annotations
        As :func:`read_annotations` gives them.
    image_paths
        The images to count.

    Returns
    -------
    DataFrame
        ``attribute``, ``group`` (``no label`` where there is none), ``images``, ``share``, ``low``
        and ``high`` (95 % interval of the share, as if the images were a sample), ``note``
        (``not enough data`` below 30 images).
    """
    joined = annotations.set_index("image_path").reindex(image_paths).fillna("")
    rows = []
    for attribute in joined.columns:
        counts = joined[attribute].replace("", "no label").value_counts()
        for group, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))):
            low, high = wilson(int(count), len(joined))
            note = "" if count >= ENOUGH else "not enough data"
            rows.append((attribute, group, int(count), count / len(joined), low, high, note))
    columns = ["attribute", "group", "images", "share", "low", "high", "note"]
    return pd.DataFrame(rows, columns=columns)


def describe_bias(bias: Bias, dropped: Dropped, groups: pd.DataFrame | None) -> str:
    """Say what the data shows, and no more, as Markdown."""
    top = bias.most_photographed.iloc[0]
    lines = [
        f"- The data set has {bias.images:,} images of {bias.people:,} people.",
        f"- {bias.single_people:,} people have a single photograph: "
        f"{bias.single_share_of_people:.1%} of the people, {bias.single_share_of_images:.1%} of "
        "the images. A model cannot be both trained and tested on them.",
        f"- {top['name']} alone has {top['images']:,} images, {top['share']:.1%} of all; the Gini "
        f"coefficient of images per person is {bias.gini:.2f}.",
        f"- This selection keeps {dropped.images_kept:,} images of {dropped.people_kept:,} people, "
        f"and leaves out {dropped.images_dropped:,} images and {dropped.people_dropped:,} people "
        f"({dropped.single_dropped:,} of them with a single photograph).",
        "- A figure of this run holds for these people and photographs. It says nothing on "
        "strangers, nor on photographs taken otherwise.",
    ]
    if groups is None:
        lines.append(
            "- No annotations were given, so nothing is said about groups: the images and names "
            "themselves are never used to guess one."
        )
    else:
        lines.append(
            "- Groups are counted by third-party annotations, which are an annotator's reading of "
            "a photograph and not a fact about a person."
        )
    return "\n".join(lines)
