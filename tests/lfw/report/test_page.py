"""The page says what the evaluation says, escapes what it is given, and asks nothing of anybody."""

import base64
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pandas as pd
import pytest

from lfw.bias import count_groups
from lfw.evaluation import score_groups
from lfw.figures import shown_name
from lfw.report.content import Report
from lfw.report.page import confused, matrix, person_rows, render, size
from tests.lfw.report.drawn import (
    EVIL,
    PER_PERSON,
    answers,
    report,
    synthetic,
    with_curves,
)

VOID = {"br", "img", "link", "meta"}
Table = list[list[str]]


class Page(HTMLParser):
    """A page's tags, attributes, ids, tables and text; it must be well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, Table] = {}
        self.words: dict[str, str] = {}
        self._open: list[str] = []
        self._sections: list[str] = []
        self._label = ""
        self._table: Table | None = None
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._sections.append(given["id"])
        if given.get("role") == "region":
            self._label = given["aria-label"]
        if tag == "table":
            self._table = self.tables.setdefault(self._label, [])
        if tag == "tr" and self._table is not None:
            self._table.append([])
        if tag in {"td", "th"} and self._table is not None:
            self._table[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "table":
            self._table = None
        if tag == "section":
            self._sections.pop()

    def handle_data(self, data: str) -> None:
        where = self._sections[-1] if self._sections else ""
        self.words[where] = self.words.get(where, "") + data
        if self._table and self._table[-1] and self._open[-1] != "title":
            self._table[-1][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [given[name] for _, given in self.tags if name in given]

    def rows(self, label: str) -> Table:
        """A table's body, its cells' blanks made single."""
        return [[" ".join(cell.split()) for cell in row] for row in self.tables[label][1:]]

    def said(self, section: str) -> str:
        return " ".join(self.words[section].split())


@pytest.fixture(scope="module")
def told() -> Report:
    return report()


@pytest.fixture(scope="module")
def html(told: Report) -> str:
    return render(told)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def three(value: float) -> str:
    return f"{value:.3f}"


def test_the_headline_has_its_interval_and_what_it_rests_on(told: Report, page: Page) -> None:
    accuracy = told.tested.scores["accuracy"]
    said = page.said("result")
    for share in (accuracy.value, accuracy.low, accuracy.high):
        assert f"{100 * share:.1f} %" in said
    right = round(accuracy.value * told.tested.images)
    assert f"{right} of 90 test images" in said


def test_baselines_stand_beside_the_model(told: Report, page: Page) -> None:
    rows = page.rows("The model beside its baselines")
    scores = [told.tested.scores, *(rival.scores for rival in told.tested.rivals)]
    assert [[row[1], row[3], row[4]] for row in rows] == [
        [str(found[name]) for name in ("accuracy", "macro_f1", "balanced_accuracy")]
        for found in scores
    ]
    for row, rival in zip(rows[1:], told.tested.rivals, strict=True):
        assert row[0].startswith(shown_name(rival.name))
        assert ("p < 0.001" if rival.p < 0.001 else f"p = {rival.p:.3f}") in row[0]


def test_every_person_has_the_figures_of_the_evaluation(told: Report, page: Page) -> None:
    rows = page.rows("Figures by person")
    expected = told.tested.per_class.to_dict("records")
    assert len(rows) == len(expected) == 6
    for row, figures in zip(rows, expected, strict=True):
        assert row[0] == shown_name(figures["name"])
        assert row[1].split()[0] == three(figures["recall"])
        assert row[3].split()[0] == three(figures["precision"])
        assert row[4:] == [three(figures["f1"]), str(figures["support"])]


def test_intervals_hold_their_figures(told: Report) -> None:
    for row in person_rows(told.tested):
        assert 0 <= row.recall.low <= row.recall.value <= row.recall.high <= 1
        assert row.precision is not None
        assert row.precision.low <= row.precision.value <= row.precision.high
        assert row.support == PER_PERSON


def test_a_person_who_is_never_answered_has_no_precision(told: Report) -> None:
    truth, _ = answers(6)
    confusion = told.tested.confusion * 0
    confusion.iloc[:, 0] = PER_PERSON
    never = person_rows(replace(told.tested, confusion=confusion))
    assert [row.precision is None for row in never] == [False, *[True] * 5]
    assert "never answered" in render(
        replace(told, tested=replace(told.tested, confusion=confusion))
    )
    assert len(truth) == confusion.to_numpy().sum()


def test_the_matrix_is_the_confusion_matrix(told: Report, page: Page) -> None:
    rows = page.rows("Confusion matrix")
    counts = told.tested.confusion
    assert [row[0] for row in rows] == [shown_name(name) for name in counts.index]
    assert [[int(cell or 0) for cell in row[1:]] for row in rows] == counts.to_numpy().tolist()


def test_cells_are_shaded_by_share_rights_apart_from_wrongs() -> None:
    counts = pd.DataFrame(
        [[9, 1, 0], [0, 10, 0], [5, 0, 5]], index=list("abc"), columns=list("abc")
    )
    shades = [[cell.shade for cell in cells] for _, cells in matrix(counts)]
    assert shades == [
        ["right-5", "wrong-1", ""],
        ["", "right-5", ""],
        ["wrong-3", "", "right-3"],
    ]
    assert confused(counts) == [("c", "a", 5)]


def test_mistakes_are_listed_and_shown(told: Report, page: Page) -> None:
    mistakes = told.tested.mistakes
    assert len(mistakes) > 3
    rows = page.rows("List of mistakes")
    assert [row[0] for row in rows] == [mistake.image_path for mistake in mistakes]
    assert [row[2] for row in rows] == [three(mistake.probability) for mistake in mistakes]
    pictures = [given for tag, given in page.tags if tag == "img"]
    assert len(pictures) == 3
    for picture, mistake in zip(pictures, mistakes, strict=False):
        assert mistake.jpeg is not None
        held = picture["src"].removeprefix("data:image/jpeg;base64,")
        assert base64.b64decode(held) == mistake.jpeg
        assert shown_name(mistake.truth) in picture["alt"]
        assert shown_name(mistake.answer) in picture["alt"]


def test_calibration_and_strangers(told: Report, page: Page) -> None:
    found = told.tested.calibration
    assert three(found.expected_error) in page.said("calibration")
    assert three(found.brier) in page.said("calibration")
    rows = page.rows("Calibration by bin")
    for row, expected in zip(rows, found.bins.to_dict("records"), strict=True):
        figures = [str(expected["images"]), three(expected["probability"])]
        assert row[1:] == [*figures, three(expected["accuracy"])]
    strangers = told.tested.strangers
    assert strangers is not None
    said = page.said("strangers")
    assert three(strangers.threshold) in said
    for share in (strangers.identified, strangers.accepted, strangers.identified_at_far):
        assert f"{100 * share:.1f} %" in said


def test_too_few_strangers_are_not_enough_data(told: Report) -> None:
    without = Page(render(replace(told, tested=replace(told.tested, strangers=None))))
    assert "Not enough data" in without.said("strangers")


def test_data_selection_audit_and_bias(told: Report, page: Page) -> None:
    data, said = told.data, page.said("data")
    for text in (data.dataset.data_digest, data.dataset.source.location, "123.5 MB", "1,035"):
        assert text in said
    rows = page.rows("Images of each person by part")
    assert rows[0][2:] == ["48", "12", "15", "530"]
    assert rows[-1][2:] == ["288", "72", "90", "3,180"]
    assert told.drawn.digest in page.said("selection")
    assert "1,550 other people" in page.said("selection")
    assert "2 damaged" in page.said("audit")
    assert "1 pair, kept on one side" in page.said("audit")
    assert "194 of 200 people" in page.said("bias")
    assert "not enough data" in page.said("bias")
    shares = [row[2] for row in page.rows("How many photographs people have")]
    expected = data.distribution["share_of_people"]
    assert shares == [f"{100 * share:.1f} %" for share in expected]


def test_groups_are_told_where_they_were_annotated(told: Report) -> None:
    truth, probabilities = answers(6)
    paths = [f"{n}.jpg" for n in range(len(truth))]
    labels = pd.DataFrame({"image_path": paths, "hat": ["yes"] * 10 + ["no"] * 80})
    by_group = score_groups(labels, paths, truth, probabilities.argmax(axis=1))
    counted = count_groups(labels, pd.Series(paths)).assign(of="all images")
    whole = replace(
        told,
        tested=replace(told.tested, groups=by_group),
        data=replace(told.data, groups=counted),
    )
    page = Page(render(whole))
    accuracy, low, high = by_group.loc[by_group["group"] == "no", ["accuracy", "low", "high"]].iloc[
        0
    ]
    assert [row[1:] for row in page.rows("Figures by annotated group")] == [
        ["no", "6", "80", f"{accuracy:.3f} [{low:.3f}, {high:.3f}]"],
        ["yes", "1", "10", "not enough data"],
    ]
    assert [row[-1] for row in page.rows("Images by annotated group")][-1] == "not enough data"


def test_model_and_provenance(told: Report, page: Page) -> None:
    said = page.said("model")
    for text in ("5,849 images of 1,550 other people", "champion", "2,900,123"):
        assert text in said
    assert page.rows("Heads that were tried")[0] == ["LDA (kept)", "0.988", "0.054"]
    origin, said = told.provenance, page.said("provenance")
    for text in (origin.flow_run, origin.mlflow_run, origin.code_digest, origin.command):
        assert text in said
    assert "numpy 2.4.0" in said
    stages = page.rows("How each stage went")
    assert stages[0][:3] == ["train", "made", "12.3"]
    assert stages[1][1] == "reused, of run bbbbbbbb"
    assert "any commercial purpose" in page.said("use")


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
    assert all(picture["alt"].startswith("Drawn face") for picture in pictures)
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


def test_more_people_than_can_be_drawn_are_cut_short_and_counted(
    told: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lfw.report.page.MOST_PEOPLE", 4)
    page = Page(render(told))
    rows = page.rows("Figures by person")
    assert len(rows) == len(page.rows("Images of each person by part")) - 1 == 4
    recalls = [float(row[1].split()[0]) for row in rows]
    assert recalls == sorted(recalls)
    assert "2 more people" in page.said("people")
    assert "2 more people" in page.said("selection")
    assert "Confusion matrix" not in page.tables
    assert "too many to draw" in page.said("confusion")


def test_curves_are_drawn_only_where_there_are_some(told: Report, page: Page) -> None:
    assert "learning" not in page.attributes("id")
    assert "#learning" not in page.attributes("href")
    learned = Page(render(with_curves(told, epochs=12)))
    assert "The weights of epoch 12 were kept" in learned.said("learning").replace("; the", "; The")
    assert len(learned.rows("Figures of every epoch")) == 12
    assert learned.rows("Layers of the network")[0][1] == "Conv2D"
    labels = [g["aria-label"] for tag, g in learned.tags if g.get("role") == "img"]
    assert any("Accuracy over 12 epochs" in label for label in labels)


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
