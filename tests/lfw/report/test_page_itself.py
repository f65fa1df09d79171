"""The page asks nothing of anybody, escapes what it is given, and can be read by everybody."""

import re
from collections import Counter
from dataclasses import replace
from importlib.resources import files

import pytest

from lfw.report.content import Report
from lfw.report.page import render, size
from tests.lfw.report.drawn import (
    EVIL,
    PER_PERSON,
    report,
    synthetic,
    with_curves,
)
from tests.lfw.report.parsed import Page


def test_the_ways_to_the_runs_are_the_only_links(told: Report, page: Page) -> None:
    origin = told.provenance
    out = {link for link in page.attributes("href") if not link.startswith("#")}
    assert out == {origin.flow_run_url, origin.mlflow_run_url, origin.model_url}
    inside = {link[1:] for link in page.attributes("href") if link.startswith("#")}
    assert inside <= set(page.attributes("id"))


def test_an_address_that_is_no_web_page_is_no_link(told: Report) -> None:
    origin = replace(told.provenance, flow_run_url="javascript:alert(1)", model_url="")
    page = Page(render(replace(told, provenance=origin)))
    out = {link for link in page.attributes("href") if not link.startswith("#")}
    assert out == {origin.mlflow_run_url}


@pytest.mark.parametrize("count", [6, 62])
def test_it_asks_nothing_of_the_network_and_runs_nothing(count: int) -> None:
    html = render(synthetic(with_curves(report(count))))
    page = Page(html)
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.attributes("src"))
    used = {tag for tag, _ in page.tags}
    assert not used & {"script", "link", "iframe", "object", "embed", "form", "base"}
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    [style] = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    [policy] = [g["content"] for _, g in page.tags if "Security" in g.get("http-equiv", "")]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_every_text_is_escaped(html: str, page: Page) -> None:
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert EVIL in [row[0] for row in page.rows("Figures by person")]
    for text in ("notes <old>.txt", "names <i>nobody</i>", "cut <short>"):
        assert text not in html
    assert "notes <old>.txt" in page.said("data")


def test_a_selection_and_a_source_are_escaped_too(told: Report) -> None:
    evil = replace(told, selection=EVIL, warnings=(EVIL,))
    assert EVIL not in render(replace(evil, provenance=replace(told.provenance, command=EVIL)))


def test_synthetic_and_outside_data_are_said_loudly(told: Report, html: str) -> None:
    assert "SYNTHETIC" not in html
    assert "OUTSIDE DATA" not in html
    drawn = Page(render(synthetic(told)))
    assert "SYNTHETIC DATA" in drawn.said("")
    pictures = [given for tag, given in drawn.tags if tag == "img"]
    assert all(picture["alt"].startswith("Synthetic face") for picture in pictures)
    outside = Page(render(replace(told, outside_data=True, model="dlib")))
    assert "OUTSIDE DATA" in outside.said("")
    assert outside.rows("The model beside its baselines")[0][0] == "dlib (OUTSIDE DATA)"


def test_sixty_two_people_fit() -> None:
    told = report(62)
    html = render(told)
    assert len(html.encode()) < 1_000_000
    page = Page(html)
    assert len(page.rows("Figures by person")) == 62
    rows = page.rows("Confusion matrix")
    assert [len(row) for row in rows] == [63] * 62
    assert sum(int(cell or 0) for row in rows for cell in row[1:]) == 62 * PER_PERSON


def test_it_is_accessible(page: Page) -> None:
    counted = Counter(tag for tag, _ in page.tags)
    assert all(counted[tag] == 1 for tag in ("header", "nav", "main", "footer", "h1"))
    assert ("html", {"lang": "en"}) in page.tags
    assert all("scope" in given for tag, given in page.tags if tag == "th")
    assert all(given["alt"] for tag, given in page.tags if tag == "img")
    pictures = [given for tag, given in page.tags if tag == "svg"]
    assert all("aria-label" in given or "aria-hidden" in given for given in pictures)
    regions = [given for _, given in page.tags if given.get("role") == "region"]
    assert all(given["aria-label"] and given["tabindex"] == "0" for given in regions)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert set(page.attributes("aria-labelledby")) <= set(ids)


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: int) -> None:
    style = files("lfw.report").joinpath("report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme]))
    pairs = [(name, name.removesuffix("-ink")) for name in colours if name.endswith("-ink")]
    pairs += [(text, "paper") for text in ("ink", "soft", "link", "one")]
    pairs += [("ink", "raised"), ("soft", "raised")]
    assert len(pairs) >= 18
    low = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
    for mark in ("one", "two", "guide"):
        assert contrast(colours[mark], colours["paper"]) >= 3


@pytest.mark.parametrize(
    ("count", "said"), [(12, "12 bytes"), (1500, "1.5 kB"), (2_500_000_000_000, "2,500.0 GB")]
)
def test_sizes_are_readable(count: int, said: str) -> None:
    assert size(count) == said


def test_the_same_report_is_the_same_page(told: Report, html: str) -> None:
    assert render(told) == html
