"""A contact sheet: who was recognised on which image, as web pages that need nothing else.

Tiles are written to a file as they come, and put into pages at the end, so that any number of
images takes little memory.
"""

import base64
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from lfw.image_files import Unreadable

THUMBNAIL = 128
"""Side of a thumbnail, in pixels."""

TILES = 400
"""Images on a page: about 2 MB."""

PAGES = 50
"""At most so many pages are written; the table has every image."""

_ROWS = 200
_OPEN_ROWS = 6
_QUALITY = 70
_STYLE = Path(__file__).with_name("contact_sheet.css")


@dataclass(frozen=True)
class Tile:
    """One image and what was answered.

    Attributes
    ----------
    label
        What the image is called.
    thumbnail
        A small JPEG.
    answer
        A name, or None for unknown.
    likeliest, probability, runner_up, runner_up_probability
        The two likeliest people (where there are two).
    """

    label: str
    thumbnail: bytes
    answer: str | None
    likeliest: str
    probability: float
    runner_up: str
    runner_up_probability: float


@dataclass(frozen=True)
class Heading:
    """What is said above the tiles.

    Attributes
    ----------
    model
        The model and its version.
    threshold
        The least probability with which a name is given, if any.
    answers
        Images by answer.
    unreadable
        What could not be read.
    stray
        Number of files that were skipped.
    remarks
        What else is to be known, a sentence each.
    """

    model: str
    threshold: float | None
    answers: Mapping[str, int]
    unreadable: Sequence[Unreadable]
    stray: int
    remarks: Sequence[str] = ()


def thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """Make a small JPEG of an image.

    Parameters
    ----------
    pixels
        Of shape (250, 250, 3).
    """
    small = cv2.resize(pixels, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return bytes(simplejpeg.encode_jpeg(small, quality=_QUALITY, colorspace="RGB"))


class ContactSheet:
    """Writes the pages of a contact sheet.

    Parameters
    ----------
    folder
        Where they are written: ``contact-sheet.html``, then ``contact-sheet-2.html`` and so on.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tiles: IO[str] | None = None
        self._parts: list[Path] = []
        self.shown = 0
        self.left_out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        for part in self._parts:
            part.unlink()

    def add(self, tile: Tile) -> None:
        """Add an image; beyond the last page it is only counted."""
        if self.shown == TILES * PAGES:
            self.left_out += 1
            return
        if self.shown % TILES == 0:
            self._close()
            self._parts.append(self._folder / f"tiles-{len(self._parts)}.part")
            self._tiles = self._parts[-1].open("w", encoding="utf-8")
        assert self._tiles is not None  # noqa: S101 (opened above)
        self._tiles.write(_tile(tile))
        self.shown += 1

    def finish(self, heading: Heading) -> list[Path]:
        """Write the pages, and give their paths."""
        self._close()
        pages = [self._page(number) for number in range(1, max(1, len(self._parts)) + 1)]
        for number, page in enumerate(pages, start=1):
            with page.open("w", encoding="utf-8") as file:
                file.write(_top(heading, number, len(pages), self.shown, self.left_out))
                if self._parts:
                    with self._parts[number - 1].open(encoding="utf-8") as tiles:
                        shutil.copyfileobj(tiles, file)
                file.write(f"</ol></main>{_turning(number, len(pages))}</body></html>\n")
        return pages

    def _page(self, number: int) -> Path:
        return self._folder / _page_name(number)

    def _close(self) -> None:
        if self._tiles is not None:
            self._tiles.close()
            self._tiles = None


def _page_name(number: int) -> str:
    return "contact-sheet.html" if number == 1 else f"contact-sheet-{number}.html"


def spoken(name: str) -> str:
    """Write a person's name as people do, for HTML."""
    return escape(name.replace("_", " "))


def _breakable(label: str) -> str:
    return label.replace("/", "/<wbr>").replace("_", "_<wbr>")


def _tile(tile: Tile) -> str:
    label, picture = escape(tile.label), base64.b64encode(tile.thumbnail).decode("ascii")
    sure = f"{tile.probability:.1%}"
    named = (
        f'<b>{spoken(tile.answer)}</b> <span class="p">{sure}</span>'
        if tile.answer is not None
        else '<b class="unknown">unknown</b>'
    )
    others = [] if tile.answer is not None else [f"{spoken(tile.likeliest)} {sure}"]
    if tile.runner_up:
        others.append(f"{spoken(tile.runner_up)} {tile.runner_up_probability:.1%}")
    return (
        f'<li><img src="data:image/jpeg;base64,{picture}" alt="" width="{THUMBNAIL}" '
        f'height="{THUMBNAIL}" loading="lazy"><p class="who">{named}</p>'
        f'<meter min="0" max="1" value="{tile.probability:.4f}" aria-hidden="true"></meter>'
        f'<p class="else">{"<br>".join(others)}</p>'
        f'<p class="file" title="{label}">{_breakable(label)}</p></li>\n'
    )


def _top(heading: Heading, number: int, pages: int, shown: int, left_out: int) -> str:
    scored = sum(heading.answers.values())
    title = f"{scored:,} image{'s' * (scored != 1)} scored"
    first = (number - 1) * TILES
    on_page = f"{first + 1:,} to {min(first + TILES, shown):,}" if shown else "none"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"<header><h1>{title}</h1><p>{_explained(heading)}</p>"
        + "".join(f'<p class="remark">{escape(remark)}</p>' for remark in heading.remarks)
        + (_summary(heading) if number == 1 else "")
        + "</header>"
        + _turning(number, pages)
        + f"<main><h2>Images {on_page}</h2>"
        + (f'<p class="remark">{left_out:,} more are only in the table.</p>' if left_out else "")
        + '<ol class="sheet">'
    )


def _explained(heading: Heading) -> str:
    if heading.threshold is None:
        rule = "It gives every face a name: no threshold was set for it."
    else:
        rule = f"A name is given from a probability of {heading.threshold:.1%} on."
    return (
        f"By {escape(heading.model)}. {rule} Each picture is what the model was shown; "
        "a stranger is sometimes given a name all the same."
    )


def _summary(heading: Heading) -> str:
    ordered = sorted(heading.answers.items(), key=lambda row: (-row[1], row[0]))
    chips = "".join(f"<li>{spoken(name)} <b>{count:,}</b></li>" for name, count in ordered)
    skipped = (
        f"<p>{heading.stray:,} stray file{'s' * (heading.stray != 1)} (.DS_Store and the like) "
        "skipped.</p>"
        if heading.stray
        else ""
    )
    return f'<ul class="answers">{chips}</ul>{skipped}{_unreadable(heading.unreadable)}'


def _unreadable(rows: Sequence[Unreadable]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td>{escape(row.path)}</td><td>{escape(row.reason)}</td></tr>" for row in rows[:_ROWS]
    )
    more = f"<p>and {len(rows) - _ROWS:,} more: see the table.</p>" if len(rows) > _ROWS else ""
    opened = " open" if len(rows) <= _OPEN_ROWS else ""
    return (
        f"<details{opened}><summary>{len(rows):,} not read</summary>"
        "<table><thead><tr><th>File</th><th>Why</th></tr></thead>"
        f"<tbody>{cells}</tbody></table>{more}</details>"
    )


def _turning(number: int, pages: int) -> str:
    if pages == 1:
        return ""
    links = [
        f"<b>{page}</b>" if page == number else f'<a href="{_page_name(page)}">{page}</a>'
        for page in range(1, pages + 1)
    ]
    return f'<nav aria-label="Pages">Page {" ".join(links)}</nav>'
