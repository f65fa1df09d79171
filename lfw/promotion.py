"""Whether a new version of the model may take the champion's place."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lfw.evaluation import mcnemar
from lfw.leaks import find_leaks
from lfw.split import Split

LEAST_TEST_IMAGES = 30
"""Test images below which a version is too little tested to be champion, or to be compared."""

_CHANCE = 0.05


@dataclass(frozen=True)
class Record:
    """What is known of a version.

    Attributes
    ----------
    version
        Its number.
    synthetic, outside_data
        Whether it was trained on the synthetic sample, or rests on faces from outside the data set.
    split
        What it was trained and tested on.
    answers
        ``image_path`` and ``answer`` (a name) for each of its test images.
    below
        Baselines that it is significantly below.
    unusable
        Images that the audit found unusable.
    same_photo
        Pairs of image paths that show one photograph.
    seen
        People that its embedding was learned from; empty without one.
    forgotten
        People it was learned from whose images were removed on request since.
    """

    version: str
    synthetic: bool
    outside_data: bool
    split: Split
    answers: pd.DataFrame
    below: tuple[str, ...] = ()
    unusable: frozenset[str] = frozenset()
    same_photo: tuple[tuple[str, str], ...] = ()
    seen: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """Whether a version may be champion.

    Attributes
    ----------
    champion
        Whether it may.
    eligible
        Whether it passed every gate; what did not is given no alias at all.
    why
        The reason, a sentence or more.
    figures
        What the comparison measured, if there was one: ``images``, ``right``, ``champion_right``
        (counts) and ``p``.
    """

    champion: bool
    eligible: bool
    why: str
    figures: dict[str, float]


def failed_gates(record: Record) -> list[str]:
    """Name the gates that a version does not pass, a clause each."""
    rows = record.split.rows
    failed = []
    if record.synthetic:
        failed.append("it was trained on the synthetic sample")
    leaks = find_leaks(record.split, record.same_photo)
    if len(leaks):
        failed.append(f"its split leaks {len(leaks)} times, first {leaks['first'].iloc[0]}")
    if known := sorted(record.seen & set(record.split.classes)):
        failed.append(f"its embedding was trained on {', '.join(known[:5])}")
    if bad := sorted(set(rows["image_path"]) & record.unusable):
        failed.append(f"the audit found {len(bad)} of its images unusable, first {bad[0]}")
    tested = record.split.sizes["test"]
    if tested < LEAST_TEST_IMAGES:
        failed.append(
            f"it was tested on {tested} images, and a champion takes {LEAST_TEST_IMAGES} or more"
        )
    if record.forgotten:
        failed.append(f"it was learned from {len(record.forgotten)} people who were forgotten")
    if record.below:
        failed.append(f"it is significantly below {', '.join(record.below)}")
    return failed


def pass_gates(record: Record) -> Verdict | None:
    """Give the verdict on a version that fails a gate; None for one that passes all."""
    failed = failed_gates(record)
    if not failed:
        return None
    return Verdict(False, False, f"It does not pass the gates: {'; '.join(failed)}.", {})


def comparable_images(record: Record, champion: Record) -> tuple[list[str], str]:
    """Choose the test images on which a version and the champion can fairly be compared.

    Parameters
    ----------
    record, champion
        The version, and the one that it might replace.

    Returns
    -------
    list of str
        Paths of test images of the version that the champion was neither trained nor chosen on,
        by path, content and photograph; empty if the two cannot be compared.
    str
        Why they cannot be compared, a sentence; empty if they can.
    """
    if record.outside_data != champion.outside_data:
        return [], f"One of it and version {champion.version} rests on outside data."
    if record.split.classes != champion.split.classes:
        return [], f"It tells apart other people than version {champion.version}."
    known = champion.split.rows[champion.split.rows["part"] != "test"]
    paths = set(known["image_path"])
    twins = {b for a, b in record.same_photo if a in paths}
    twins |= {a for a, b in record.same_photo if b in paths}
    test = record.split.part("test")
    new = ~test["image_path"].isin(paths | twins) & ~test["sha256"].isin(set(known["sha256"]))
    left = test["image_path"][new].tolist()
    if len(left) < LEAST_TEST_IMAGES:
        return [], (
            f"Only {len(left)} of its test images are new to version {champion.version}: with "
            f"fewer than {LEAST_TEST_IMAGES} there is not enough data to compare them."
        )
    return left, ""


def compare_answers(record: Record, champion: Record, champion_answers: pd.DataFrame) -> Verdict:
    """Compare a version with the champion on the same images.

    The version has to be right significantly more often by McNemar's exact test (see
    :func:`lfw.evaluation.mcnemar`).

    Parameters
    ----------
    record, champion
        The version, and the one that it might replace: of the same people.
    champion_answers
        ``image_path`` and ``answer`` of the champion, for the images to compare on.
    """
    number = {name: k for k, name in enumerate(record.split.classes)}
    rows = champion_answers.merge(record.split.part("test"), on="image_path")
    rows = rows.merge(record.answers, on="image_path", suffixes=("_champion", ""))
    truth, new, old = (
        np.array([number[name] for name in rows[column]], dtype=np.int64)
        for column in ("name", "answer", "answer_champion")
    )
    right, champion_right = int((new == truth).sum()), int((old == truth).sum())
    p = mcnemar(truth, new, old)
    figures = {"images": len(rows), "right": right, "champion_right": champion_right, "p": p}
    said = (
        f"It is right on {right} and version {champion.version} on {champion_right} of the "
        f"same {len(rows)} test images (McNemar's exact test: p = {p:.3g})"
    )
    if right > champion_right and p < _CHANCE:
        return Verdict(True, True, f"{said}: significantly better.", figures)
    return Verdict(False, True, f"{said}: not shown to be better.", figures)


def area_error(area: float, same: int, different: int) -> float:
    """Give the standard error of an area under the ROC curve.

    Source: J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve", Radiology 143 (1982). Of two areas on the same pairs
    the difference varies less than two such errors say.

    Parameters
    ----------
    area
        The area, from 0 to 1.
    same, different
        Numbers of pairs of either kind.

    Raises
    ------
    ValueError
        If there is no pair of a kind, or the area is none.
    """
    if not 0 <= area <= 1 or same < 1 or different < 1:
        raise ValueError(f"an area of {area} over {same} and {different} pairs")
    both_same, both_different = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (same - 1) * (both_same - area**2)
    spread += (different - 1) * (both_different - area**2)
    return math.sqrt(spread / (same * different))
