"""A real browser before the real pages: Debian's Chromium, driven by Playwright."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.flows.workplace import Workplace
from tests.infra.support import read_line

NO_BROWSER = "no Chromium is installed: apt-get install chromium"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what looks at pages."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window.

    For a module, not for the session: Playwright keeps an event loop running in this thread until
    it is stopped, and what other modules ask of asyncio would fail.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        # Containers run tests as root, where Chromium has no sandbox.
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own, on a laptop's screen."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(120_000)
    yield opened
    opened.close()


@dataclass(frozen=True)
class Pages:
    """Where `lfw ui` shows what."""

    prefect: str
    mlflow: str


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory, sample_folder: Path, databases: Path
) -> Iterator[Pages]:
    """Both web pages and the deployments, as `make ui` serves them."""
    place = Workplace(tmp_path_factory.mktemp("ui"), sample_folder, databases)
    process = place.start("ui", LFW_SOURCE=str(sample_folder))
    try:
        lines = [read_line(process) for _ in range(6)]
        addresses = dict(line.split(maxsplit=1) for line in lines)
        yield Pages(addresses["Prefect"], addresses["MLflow"])
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
