"""The page says what the evaluation says."""

import base64
from dataclasses import replace

import pandas as pd
import pytest

from lfw.bias import count_groups
from lfw.evaluation import score_groups
from lfw.figure_style import shown_name
from lfw.report.content import Report
from lfw.report.page import confused, matrix, person_rows, render
from tests.lfw.report.drawn import (
    PER_PERSON,
    answers,
    with_curves,
)
from tests.lfw.report.parsed import Page, three


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
    assert "never predicted" in render(
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
    assert "1 pair, kept in one part" in page.said("audit")
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
    for text in ("any commercial purpose", "identifying anybody", "lfw forget A_Name"):
        assert text in page.said("use")


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
