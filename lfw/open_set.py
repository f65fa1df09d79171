"""Strangers: people outside a selection, and when a classifier should say that it does not know."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.intervals import wilson

FALSE_ACCEPTS = 0.01
"""Share of strangers who may be given a name."""

LEAST = 100
"""Strangers on which a share of 1 % can be set or measured at all."""

ROLES = {"head": 1000, "validation": 1000, "test": 1000}
"""What strangers are for, and how many at most: to learn from, to set the threshold, to test."""

MOST_IMAGES = 20
"""Images that are taken of one stranger to learn from."""

Probabilities = NDArray[np.floating]


@dataclass(frozen=True)
class OpenSet:
    """How a classifier does when strangers come.

    Attributes
    ----------
    threshold
        The least probability with which a name is given.
    identified, identified_low, identified_high
        Share of the known people's test images that get their right name at the threshold, with
        its 95 % interval (the detection-and-identification rate).
    accepted, accepted_low, accepted_high
        Share of the test strangers that get a name at the threshold, with its 95 % interval.
    identified_at_far
        The detection-and-identification rate at the threshold at which 1 % of the test strangers
        themselves are given a name.
    known, strangers
        Numbers of test images.
    curve
        ``false_accepts``, ``identified``: the rate at every share of strangers accepted.
    """

    threshold: float
    identified: float
    identified_low: float
    identified_high: float
    accepted: float
    accepted_low: float
    accepted_high: float
    identified_at_far: float
    known: int
    strangers: int
    curve: pd.DataFrame


def draw_strangers(
    images: pd.DataFrame,
    selected: Collection[str],
    seen: Collection[str] = (),
    same_photo: Iterable[tuple[str, str]] = (),
) -> pd.DataFrame:
    """Choose images of people outside the selection, and part the people by what they are for.

    Nobody is in two parts. Those with several images are learned from first, with up to 20 images
    each, as they show how one face varies; of all others one image is taken. Else the order is
    that of a hash of the name, so that selections share most of their strangers.

    Parameters
    ----------
    images
        ``name``, ``image_path``, ``sha256``, one row a usable image.
    selected
        The people to be recognised.
    seen
        People whom an embedding was trained on: to it they are no strangers.
    same_photo
        Pairs of image paths that show one photograph: none of them is used.

    Returns
    -------
    DataFrame
        ``role`` (head, validation, test), ``name``, ``image_path``, ``sha256``.
    """
    doubled = {path for pair in same_photo for path in pair}
    doubled |= set(images["image_path"][images["sha256"].duplicated(keep=False)])
    others = images[
        ~images["name"].isin({*selected, *seen}) & ~images["image_path"].isin(doubled)
    ].sort_values("image_path")
    counts = others["name"].value_counts()
    ranked = sorted(counts.index, key=lambda name: (counts[name] < 2, _rank(name)))
    share = len(ranked) // len(ROLES)
    sizes = {role: min(most, share) for role, most in ROLES.items()}
    learned, left = ranked[: sizes["head"]], sorted(ranked[sizes["head"] :], key=_rank)
    people = [*learned, *left[: sizes["validation"] + sizes["test"]]]
    role = dict(zip(people, np.repeat(list(sizes), list(sizes.values())), strict=True))
    place = {name: k for k, name in enumerate(people)}
    taken = others.groupby("name").cumcount() < others["name"].map(
        lambda name: MOST_IMAGES if role.get(name) == "head" else 1
    )
    chosen = others[taken & others["name"].isin(role)]
    chosen = chosen.assign(role=chosen["name"].map(role), place=chosen["name"].map(place))
    ordered = chosen.sort_values(["place", "image_path"], ignore_index=True)
    return ordered[["role", "name", "image_path", "sha256"]]


def _rank(name: str) -> str:
    return hashlib.sha256(f"strangers/{name}".encode()).hexdigest()


def set_threshold(strangers: Probabilities, false_accepts: float = FALSE_ACCEPTS) -> float | None:
    """Find the probability that at most a share of strangers reaches with some name.

    Parameters
    ----------
    strangers
        Probabilities of the validation strangers, of shape (n, classes).
    false_accepts
        The share.

    Returns
    -------
    float or None
        None if there are fewer than 100 strangers: not enough to set it.
    """
    if len(strangers) < LEAST:
        return None
    surest = np.sort(strangers.max(axis=1))[::-1]
    return float(np.nextafter(surest[int(false_accepts * len(surest))], np.inf))


def score_open_set(
    truth: NDArray[np.int64], known: Probabilities, strangers: Probabilities, threshold: float
) -> OpenSet:
    """Measure a classifier on known people and on strangers.

    The rates are those of P. J. Phillips, P. Grother and R. Micheals, "Evaluation methods in face
    recognition", in: Handbook of Face Recognition (2nd ed., Springer 2011).

    Parameters
    ----------
    truth
        Class numbers of the known people's test images, of shape (n,).
    known, strangers
        Probabilities of test images, of shape (n, classes) and (m, classes).
    threshold
        Of :func:`set_threshold`, from other strangers.

    Raises
    ------
    ValueError
        If there are no strangers.
    """
    if not len(strangers):
        raise ValueError("an open-set score takes strangers")
    right = known.argmax(axis=1) == truth
    sure, stranger = known.max(axis=1), strangers.max(axis=1)
    named = int((right & (sure >= threshold)).sum())
    accepted = int((stranger >= threshold).sum())
    levels = np.unique(np.concatenate([stranger, sure]))[::-1]
    curve = pd.DataFrame(
        {
            "false_accepts": [(stranger >= level).mean() for level in levels],
            "identified": [(right & (sure >= level)).mean() for level in levels],
        }
    )
    allowed = curve["identified"][curve["false_accepts"] <= FALSE_ACCEPTS]
    return OpenSet(
        threshold,
        named / len(truth),
        *wilson(named, len(truth)),
        accepted / len(stranger),
        *wilson(accepted, len(stranger)),
        identified_at_far=float(allowed.max()) if len(allowed) else 0.0,
        known=len(truth),
        strangers=len(stranger),
        curve=curve,
    )
