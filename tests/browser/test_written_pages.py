"""Pages that are written as files: on paper, on a phone, without a network."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from lfw.report.page import render
from tests.lfw.report.drawn import report
from tests.lfw.test_contact_sheet import heading, sheet, tile

BACK = "getComputedStyle(document.body).backgroundColor"


def brightness(page: Page) -> float:
    red, green, blue = page.evaluate(f"{BACK}.match(/[0-9]+/g).slice(0, 3).map(Number)")
    return float(red + green + blue) / (3 * 255)


@pytest.fixture(params=["report", "contact sheet"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "report":
        (tmp_path / "report.html").write_text(render(report()), encoding="utf-8")
        return tmp_path / "report.html"
    sheet(tmp_path, [tile("a.jpg")], heading())
    return tmp_path / "contact-sheet.html"


def test_paper_is_white_where_the_screen_is_dark(page: Page, written: Path) -> None:
    page.goto(written.as_uri())
    page.emulate_media(media="screen", color_scheme="dark")
    assert brightness(page) < 0.2
    page.emulate_media(media="print", color_scheme="dark")
    assert brightness(page) > 0.9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_aside_and_nothing_is_asked_of_the_network(
    page: Page, written: Path, scheme: Literal["light", "dark"]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 375, "height": 667})
    page.emulate_media(media="screen", color_scheme=scheme)
    page.goto(written.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert [url for url in asked if not url.startswith("data:")] == [written.as_uri()]
