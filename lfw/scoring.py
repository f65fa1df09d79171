"""Scoring: a model's answers for any number of images, in bounded memory.

Files are decoded in batches by threads, a few batches ahead; the model answers for full batches of
64; table and contact sheet are written as answers come. Only the list of files is held whole.
"""

import csv
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from lfw.any_image import read_any
from lfw.contact_sheet import ContactSheet, Heading, Tile, thumbnail
from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside
from lfw.image_files import Found, ImageFile, Reader, Unreadable
from lfw.manifest import Progress

BATCH = 64
"""Images that are decoded, and answered for, at once."""

SCORES, UNREADABLE = "scores.csv", "unreadable.csv"
COLUMNS = (
    *("path", "answer", "likeliest", "probability", "runner_up", "runner_up_probability"),
    *("threshold", "model_version"),
)
"""Of the table. ``answer`` is ``likeliest``, or ``unknown`` below the threshold; ``probability``
is that of ``likeliest``."""

_THREADS = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


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
        From raw pixels (n, 250, 250, 3) to what :func:`lfw.serving.answers` gives.
    remarks
        What is to be known of it, a sentence each.
    """

    name: str
    version: str
    threshold: float | None
    answer: Callable[[NDArray[np.uint8]], pd.DataFrame]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decoded:
    """An image as the model takes it, of shape (250, 250, 3), and a small JPEG of it."""

    file: ImageFile
    pixels: NDArray[np.uint8]
    thumbnail: bytes


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
    found: Found, scorer: Scorer, folder: Path, progress: Progress | None = None
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
        batches = spread(partial(decode_batch, reader), _cut(found.files), _THREADS)
        images = _readable_images(batches, scores, len(found.files), progress)
        _write_scores(made, images, scorer, scores)
        _write_unreadable(made / UNREADABLE, scores.unreadable)
        made.replace(folder)
    scores.seconds = time.monotonic() - since
    return scores


def decode_batch(reader: Reader, files: Sequence[ImageFile]) -> list[Decoded | Unreadable]:
    """Read a batch of files, each to an image or to the reason why it is none."""
    return [_decode(reader, file) for file in files]


def _decode(reader: Reader, file: ImageFile) -> Decoded | Unreadable:
    try:
        pixels = read_any(reader.read(file))
    except DataError as error:
        return Unreadable(file.shown, str(error))
    return Decoded(file, pixels, thumbnail(pixels))


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Apply a function to items in order, by threads that are at most one item each ahead.

    This is the one place where the mapping over batches happens: what runs it elsewhere (processes,
    a cluster) has the same arguments and takes its place.
    """
    with ThreadPoolExecutor(max_workers=threads) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _cut(files: Sequence[ImageFile]) -> Iterator[Sequence[ImageFile]]:
    for start in range(0, len(files), BATCH):
        yield files[start : start + BATCH]


def _readable_images(
    batches: Iterable[list[Decoded | Unreadable]],
    scores: Scores,
    total: int,
    progress: Progress | None,
) -> Iterator[Decoded]:
    """Give the images of batches; note what is none."""
    done = 0
    for batch in batches:
        for one in batch:
            if isinstance(one, Unreadable):
                scores.unreadable.append(one)
            else:
                yield one
        done += len(batch)
        if progress is not None:
            progress(done, total)


def _write_scores(folder: Path, images: Iterable[Decoded], scorer: Scorer, scores: Scores) -> None:
    with (
        (folder / SCORES).open("w", encoding="utf-8", newline="") as file,
        ContactSheet(folder) as sheet,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for batch in _full(images):
            rows = _answers(scorer, batch)
            table.writerows([row[name] for name in COLUMNS] for row in rows)
            for image, row in zip(batch, rows, strict=True):
                sheet.add(_tile(image, row))
            scores.answers.update(row["answer"] for row in rows)
            scores.unknown += sum(row["answer"] != row["likeliest"] for row in rows)
        if not scores.images:
            raise InputError(_nothing_readable(scores))
        heading = Heading(
            f"{scorer.name} version {scorer.version}",
            *(scorer.threshold, scores.answers, scores.unreadable, scores.stray, scorer.remarks),
        )
        scores.pages = [page.name for page in sheet.finish(heading)]
        scores.left_out = sheet.left_out


def _full(images: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    """Put images into full batches, whatever fell out in between."""
    batch = []
    for image in images:
        batch.append(image)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _answers(scorer: Scorer, batch: Sequence[Decoded]) -> list[dict[str, Any]]:
    found = scorer.answer(np.stack([image.pixels for image in batch]))
    people = [str(name) for name in found.columns[2:]]
    by_person = found.iloc[:, 2:].to_numpy(dtype=np.float64)
    order = np.argsort(-by_person, axis=1, kind="stable")
    rows = []
    for image, name, probabilities, best in zip(
        batch, found["name"], by_person, order, strict=True
    ):
        second = best[1] if len(best) > 1 else None
        rows.append(
            {
                "path": image.file.shown,
                "answer": str(name),
                "likeliest": people[best[0]],
                "probability": f"{probabilities[best[0]]:.6f}",
                "runner_up": "" if second is None else people[second],
                "runner_up_probability": "" if second is None else f"{probabilities[second]:.6f}",
                "threshold": "" if scorer.threshold is None else f"{scorer.threshold:.6f}",
                "model_version": scorer.version,
            }
        )
    return rows


def _tile(image: Decoded, row: dict[str, Any]) -> Tile:
    return Tile(
        image.file.label,
        image.thumbnail,
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
