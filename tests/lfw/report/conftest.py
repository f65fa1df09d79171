"""The report of an invented run, and its page."""

import pytest

from lfw.report.content import Report
from lfw.report.page import render
from tests.lfw.report.drawn import report
from tests.lfw.report.parsed import Page


@pytest.fixture(scope="module")
def told() -> Report:
    return report()


@pytest.fixture(scope="module")
def html(told: Report) -> str:
    return render(told)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)
