"""The run form of the Prefect UI, filled in and sent off as a user does."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from lfw.sample import sample_people
from tests.browser.conftest import Pages
from tests.flows.test_deployments import written
from tests.infra.support import wait_until

PEOPLE = sample_people()["name"].head(4).tolist()
FORM_PARTS = ("Source", "People", "Images per person", "Model", "Seed", "Audit gate", "Experiment")


def open_form(page: Page, pages: Pages, deployment: str) -> None:
    """Open the run form of a deployment, once it is served."""
    api = f"{pages.prefect}/api/deployments"

    def registered() -> bool:
        return bool(httpx.post(f"{api}/count", trust_env=False).json() == len(written()))

    # While others are registered, the server's database may be busy: it answers 503 to the form.
    assert wait_until(registered, 60)
    url = f"{api}/name/{deployment}"
    number = httpx.get(url, trust_env=False).json()["id"]
    page.goto(f"{pages.prefect}/deployments/deployment/{number}/run")
    expect(page.get_by_role("button", name="Submit")).to_be_visible()


def field(page: Page, title: str) -> Locator:
    label = page.locator(".schema-form-property__label", has_text=f"{title} (Optional)")
    return page.locator(".schema-form-property", has=label).last


def choose(page: Page, title: str, option: str) -> None:
    """Choose from a drop-down by keyboard and mouse."""
    control = field(page, title).locator(".p-select-button__control")
    control.focus()
    control.press("ArrowDown")
    page.get_by_role("option", name=option, exact=True).click()


def name_people(page: Page, names: list[str]) -> None:
    people = field(page, "People")
    people.get_by_role("button", name="list", exact=True).click()
    for number, name in enumerate(names):
        people.get_by_role("button", name="Add item").click()
        people.locator("textarea").nth(number).fill(name)


def send(page: Page, pages: Pages) -> None:
    """Send the form off, and open the page of the run."""
    called = page.locator(".p-label", has_text="Run Name").locator("input").input_value()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text(f"{called} scheduled to start").first).to_be_visible()
    api = f"{pages.prefect}/api/flow_runs/filter"  # the notice that links to it is soon gone
    newest = {"sort": "EXPECTED_START_TIME_DESC", "limit": 1}
    number = httpx.post(api, json=newest, trust_env=False).json()[0]["id"]
    page.goto(f"{pages.prefect}/runs/flow-run/{number}")


def badge(page: Page, state: str) -> Locator:
    return page.locator(".state-badge", has_text=state).first


def test_a_new_selection_is_trained_from_the_form(page: Page, pages: Pages) -> None:
    open_form(page, pages, "train-faces/on-demand")
    for title in FORM_PARTS:
        expect(field(page, title)).to_be_visible()
    name_people(page, PEOPLE)
    choose(page, "Model", "hog")
    send(page, pages)
    expect(badge(page, "Completed")).to_be_visible(timeout=600_000)
    expect(page.get_by_text(re.compile(rf"hog · 4 people \({PEOPLE[0]}")).first).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 3000})  # what is out of sight is not drawn
    page.get_by_text("Artifacts", exact=True).first.click()
    for stage in ("stratified-split", "evaluate", "open-set", "run-report"):
        expect(page.get_by_text(stage).first).to_be_visible(timeout=30_000)
    page.get_by_role("link", name=re.compile("evaluate")).first.click()
    page.wait_for_url("**/artifacts/**")
    expect(page.get_by_text("Most confident mistakes")).to_be_visible()


def test_a_misspelt_name_is_answered_at_once(page: Page, pages: Pages) -> None:
    wrong = PEOPLE[1][:-1] + "x"
    open_form(page, pages, "train-faces/on-demand")
    name_people(page, [PEOPLE[0], wrong])
    since = time.monotonic()
    send(page, pages)
    expect(badge(page, "Failed")).to_be_visible(timeout=300_000)
    # Starting the process is nearly all of it.
    assert time.monotonic() - since < 90
    expect(page.get_by_text(f"nearest: {PEOPLE[1]}").first).to_be_visible()
    expect(page.get_by_text("fetch-and-unpack")).to_have_count(0)


@pytest.mark.parametrize("deployment", ["audit-dataset/weekly", "promote-model/on-demand"])
def test_every_form_opens(page: Page, pages: Pages, deployment: str) -> None:
    open_form(page, pages, deployment)
    expect(field(page, "Source")).to_be_visible()
