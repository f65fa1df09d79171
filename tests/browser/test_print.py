"""What is printed is dark on white, whatever the screen's colours are."""

from pathlib import Path

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
