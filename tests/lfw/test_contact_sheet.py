import base64
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw import contact_sheet
from lfw.contact_sheet import THUMBNAIL, ContactSheet, Heading, Tile, thumbnail
from lfw.image_files import Unreadable
from tests.lfw.bad_images import drawn

PICTURE = thumbnail(drawn())
EVIL = "<script>alert('x')</script>.jpg"


def tile(label: str, *, known: bool = True, name: str = "Ann_Lee") -> Tile:
    return Tile(label, PICTURE, name if known else None, name, 0.75, "Bob_Roe", 0.125)


def sheet(folder: Path, tiles: Sequence[Tile], heading: Heading) -> list[str]:
    with ContactSheet(folder) as made:
        for one in tiles:
            made.add(one)
        pages = made.finish(heading)
    assert sorted(pages) == sorted(folder.iterdir()), "nothing else is left"
    return [page.read_text(encoding="utf-8") for page in pages]


class Page(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def heading(**more: object) -> Heading:
    known: dict[str, object] = {
        "model": "lfw-faces version 3",
        "threshold": 0.6,
        "answers": {"Ann_Lee": 1, "unknown": 1},
        "unreadable": [],
        "stray": 0,
    }
    return Heading(**(known | more))  # type: ignore[arg-type]


def test_a_page_says_who_is_on_each_image_and_who_is_unknown(tmp_path: Path) -> None:
    [html] = sheet(tmp_path, [tile("a.jpg"), tile("b.jpg", known=False)], heading())
    page = Page(html)
    assert [image["src"] is not None for image in page.all("img")] == [True, True]
    for said in ("2 images scored", "lfw-faces version 3", "from a probability of 60.0%"):
        assert said in page.text
    first, second = re.findall(r"<li><img.*?</li>", html)
    assert "<b>Ann Lee</b>" in first
    assert "75.0%" in first
    assert "Bob Roe 12.5%" in first
    assert '<b class="unknown">unknown</b>' in second
    assert "Ann Lee 75.0%" in second


def test_a_thumbnail_is_a_small_jpeg_of_what_the_model_saw(tmp_path: Path) -> None:
    [html] = sheet(tmp_path, [tile("a.jpg")], heading())
    [source] = [image["src"] for image in Page(html).all("img")]
    assert source is not None
    kind, _, content = source.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.size == (THUMBNAIL, THUMBNAIL)
        small = Image.fromarray(drawn()).resize(image.size, Image.Resampling.BOX)
        difference = np.abs(np.asarray(image, dtype=float) - np.asarray(small, dtype=float))
    assert difference.mean() < 8


def test_names_are_escaped_and_nothing_is_asked_of_the_network(tmp_path: Path) -> None:
    [html] = sheet(
        tmp_path,
        [tile(EVIL, name="<b>Eve"), tile('" onload="x', known=False)],
        heading(
            model="<i>model",
            answers={"<b>Eve": 2},
            unreadable=[Unreadable(EVIL, "<u>why")],
            remarks=["<s>remark"],
        ),
    )
    page = Page(html)
    assert page.all("script") == page.all("i") == page.all("u") == page.all("s") == []
    assert page.text.count(EVIL) == 2
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "url(" not in html
    assert "@import" not in html
    [policy] = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_many_images_are_put_on_pages_that_link_to_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "TILES", 3)
    pages = sheet(tmp_path, [tile(f"{n}.jpg") for n in range(8)], heading())
    assert [len(Page(page).all("img")) for page in pages] == [3, 3, 2]
    assert "Images 7 to 8" in pages[2]
    for page in pages:
        for link in Page(page).all("a"):
            assert (tmp_path / str(link["href"])).is_file()
    assert len(Page(pages[1]).all("a")) == 4
    assert ("answers" in pages[0].split("</style>")[1], "Ann Lee <b>" in pages[1]) == (True, False)


def test_beyond_the_last_page_images_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "TILES", 3)
    monkeypatch.setattr(contact_sheet, "PAGES", 2)
    pages = sheet(tmp_path, [tile(f"{n}.jpg") for n in range(10)], heading())
    assert len(pages) == 2
    assert "4 more are only in the table." in pages[0]


def test_unreadable_files_are_a_table_of_their_own(tmp_path: Path) -> None:
    rows = [Unreadable(f"{n}.jpg", "empty file") for n in range(250)]
    [html] = sheet(tmp_path, [tile("a.jpg")], heading(unreadable=rows, stray=2))
    page = Page(html)
    assert len(page.all("tr")) == 1 + 200
    for said in ("250 not read", "and 50 more", "2 stray files", "empty file"):
        assert said in page.text


def test_a_model_without_a_threshold_is_said_to_name_everybody(tmp_path: Path) -> None:
    [html] = sheet(tmp_path, [tile("a.jpg")], heading(threshold=None))
    assert "gives every face a name" in html
