"""Scoring: a model's answers for any number of images, in bounded memory.

Threads, processes or a cluster decode files and let the model answer, 64 files at a time; table and
contact sheet are written as answers come. Only the list of files is held whole.
"""

import csv
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from lfw.any_image import read_any
from lfw.contact_sheet import ContactSheet, Heading, Tile, thumbnail
from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside
from lfw.image_files import Found, ImageFile, Reader, Unreadable
from lfw.runners import IN_THREADS, Runner, map_chunks
from lfw.threads import Progress

BATCH = 64
"""Images that are decoded, and answered for, at once."""

SCORES, UNREADABLE = "scores.csv", "unreadable.csv"
COLUMNS = (
    *("path", "answer", "likeliest", "probability", "runner_up", "runner_up_probability"),
    *("threshold", "model_version"),
)
"""Of the table. ``answer`` is ``likeliest``, or ``unknown`` below the threshold; ``probability``
is that of ``likeliest``."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Scorer:
    """A model at work.

    Attributes
    ----------
    name, version
        Which model it is.
    threshold
        The least probability with which it gives a name; None if it always does.
    answer
        From raw pixels (n, 250, 250, 3) to what :func:`lfw.serving.answers` gives. Threads share
        it; for processes and Dask it has to be picklable.
    remarks
        What is to be known of it, a sentence each.
    """

    name: str
    version: str
    threshold: float | None
    answer: Callable[[NDArray[np.uint8]], pd.DataFrame]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """An image's row in the table, and its place on the contact sheet."""

    row: Row
    tile: Tile


@dataclass
class Scores:
    """What scoring came to.

    Attributes
    ----------
    folder
        Where the table of answers, that of unreadable files and the contact sheet are.
    pages
        File names of the contact sheet.
    answers
        Images by answer.
    unknown
        Images that nobody's name was given to.
    unreadable
        What could not be read, and why.
    stray
        Number of files that were skipped.
    left_out
        Images that are in the table, but on no page.
    seconds
        How long it took.
    """

    folder: Path
    pages: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    stray: int = 0
    left_out: int = 0
    seconds: float = 0.0

    @property
    def images(self) -> int:
        """How many images were answered for."""
        return self.answers.total()


def score_files(
    found: Found,
    scorer: Scorer,
    folder: Path,
    progress: Progress | None = None,
    runner: Runner = IN_THREADS,
) -> Scores:
    """Answer for every image that was found, and write the tables and the contact sheet.

    Parameters
    ----------
    found
        The files, as :func:`lfw.image_files.find_files` lists them.
    scorer
        The model.
    folder
        Where the results shall be. It appears only when all of them are written.
    progress
        Told how many of how many files are done.
    runner
        Where images are decoded and answered for.

    Raises
    ------
    InputError
        If not one file is an image that can be read.
    """
    since = time.monotonic()
    scores = Scores(folder, unreadable=list(found.unreadable), stray=found.stray)
    with (
        new_folder_beside(folder) as partial_folder,
        warnings.catch_warnings(),
        Reader() as reader,
    ):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # they are listed
        made = partial_folder / folder.name
        made.mkdir()
        answer = (
            partial(answer_batch, reader, scorer)
            if runner.kind == "threads"
            else partial(_answer_elsewhere, scorer)
        )
        answered = map_chunks(answer, found.files, runner, progress, BATCH)
        _write_scores(made, _readable_images(answered, scores), scorer, scores)
        _write_unreadable(made / UNREADABLE, scores.unreadable)
        made.replace(folder)
    scores.seconds = time.monotonic() - since
    return scores


def answer_batch(
    reader: Reader, scorer: Scorer, files: Sequence[ImageFile]
) -> list[Answered | Unreadable]:
    """Answer for a batch of files, each by its row and tile or the reason why there is none."""
    decoded = [_decode(reader, file) for file in files]
    images = [(file, one) for file, one in zip(files, decoded, strict=True) if _is_image(one)]
    answers = iter(_answers(scorer, images))
    return [one if isinstance(one, Unreadable) else next(answers) for one in decoded]


def _answer_elsewhere(scorer: Scorer, files: Sequence[ImageFile]) -> list[Answered | Unreadable]:
    """Answer for a batch in another process, which opens archives for itself."""
    with warnings.catch_warnings(), Reader() as reader:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return answer_batch(reader, scorer, files)


def _decode(reader: Reader, file: ImageFile) -> NDArray[np.uint8] | Unreadable:
    try:
        return read_any(reader.read(file))
    except DataError as error:
        return Unreadable(file.shown, str(error))


def _is_image(one: NDArray[np.uint8] | Unreadable) -> TypeGuard[NDArray[np.uint8]]:
    return not isinstance(one, Unreadable)


def _readable_images(
    answered: Iterable[Answered | Unreadable], scores: Scores
) -> Iterator[Answered]:
    """Give the images; note what is none."""
    for one in answered:
        if isinstance(one, Unreadable):
            scores.unreadable.append(one)
        else:
            yield one


def _write_scores(folder: Path, images: Iterable[Answered], scorer: Scorer, scores: Scores) -> None:
    with (
        (folder / SCORES).open("w", encoding="utf-8", newline="") as file,
        ContactSheet(folder) as sheet,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for image in images:
            table.writerow([image.row[name] for name in COLUMNS])
            sheet.add(image.tile)
            scores.answers[image.row["answer"]] += 1
            scores.unknown += image.row["answer"] != image.row["likeliest"]
        if not scores.images:
            raise InputError(_nothing_readable(scores))
        heading = Heading(
            f"{scorer.name} version {scorer.version}",
            *(scorer.threshold, scores.answers, scores.unreadable, scores.stray, scorer.remarks),
        )
        scores.pages = [page.name for page in sheet.finish(heading)]
        scores.left_out = sheet.left_out


def _answers(
    scorer: Scorer, images: Sequence[tuple[ImageFile, NDArray[np.uint8]]]
) -> list[Answered]:
    if not images:
        return []
    found = scorer.answer(np.stack([pixels for _, pixels in images]))
    people = [str(name) for name in found.columns[2:]]
    by_person = found.iloc[:, 2:].to_numpy(dtype=np.float64)
    order = np.argsort(-by_person, axis=1, kind="stable")
    answered = []
    for (file, pixels), name, probabilities, best in zip(
        images, found["name"], by_person, order, strict=True
    ):
        second = best[1] if len(best) > 1 else None
        row = {
            "path": file.shown,
            "answer": str(name),
            "likeliest": people[best[0]],
            "probability": f"{probabilities[best[0]]:.6f}",
            "runner_up": "" if second is None else people[second],
            "runner_up_probability": "" if second is None else f"{probabilities[second]:.6f}",
            "threshold": "" if scorer.threshold is None else f"{scorer.threshold:.6f}",
            "model_version": scorer.version,
        }
        answered.append(Answered(row, _tile(file, thumbnail(pixels), row)))
    return answered


def _tile(file: ImageFile, small: bytes, row: Row) -> Tile:
    return Tile(
        file.label,
        small,
        row["answer"] if row["answer"] == row["likeliest"] else None,
        row["likeliest"],
        float(row["probability"]),
        row["runner_up"],
        float(row["runner_up_probability"] or 0),
    )


def _nothing_readable(scores: Scores) -> str:
    if not scores.unreadable:
        skipped = f" ({scores.stray} stray files were skipped)" if scores.stray else ""
        return f"paths: there is no file in what was named{skipped}: name images to score."
    said = "; ".join(f"{row.path}: {row.reason}" for row in scores.unreadable[:3])
    more = len(scores.unreadable) - 3
    return (
        f"paths: not one of {len(scores.unreadable):,} files is an image that can be read: {said}"
        + (f"; and {more:,} more" if more > 0 else "")
        + ". Name images to score."
    )


def _write_unreadable(path: Path, rows: Sequence[Unreadable]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "reason"))
        table.writerows((row.path, row.reason) for row in rows)
