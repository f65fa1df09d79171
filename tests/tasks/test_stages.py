"""Tests of what stages leave, and of why they run."""

import json
from pathlib import Path

import pytest

from tasks.stages import StageOutput, Summary, explain_run, read_output, write_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished stage's folder."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "rows.csv").write_text("a,b\n1,2\n")
    (made / "figure.png").write_bytes(b"picture")
    summary = Summary("# Done", {"rows": 1}, {"rows": 1.0}, ["look here"])
    write_record(made, "some-stage", "the-key", "the-run", summary)
    return made


def output_of(folder: Path) -> StageOutput:
    output = read_output(folder)
    assert output is not None
    return output


def test_what_was_written_is_read(folder: Path) -> None:
    output = output_of(folder)
    assert (output.stage, output.key, output.run_id) == ("some-stage", "the-key", "the-run")
    assert set(output.files) == {"rows.csv", "figure.png"}
    assert output.facts == {"rows": 1}
    assert output.summary.warnings == ["look here"]
    assert (output / "rows.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "damage", ["remove", "change", "unrecorded", "garbled", "emptied", "nulled"]
)
def test_what_is_not_intact_is_not_read(folder: Path, damage: str) -> None:
    match damage:
        case "remove":
            (folder / "rows.csv").unlink()
        case "change":
            (folder / "rows.csv").write_text("a,b\n1,3\n")
        case "unrecorded":
            (folder / "stage.json").unlink()
        case "garbled":
            (folder / "stage.json").write_text('{"stage": ')
        case "emptied":
            (folder / "stage.json").write_text("{}")
        case "nulled":
            (folder / "stage.json").write_text("null")
    assert read_output(folder) is None


def test_digest_is_of_data_and_not_of_pictures(folder: Path) -> None:
    first = output_of(folder).digest
    (folder / "figure.png").write_bytes(b"another picture")
    write_record(folder, "some-stage", "the-key", "the-run", Summary(""))
    assert output_of(folder).digest == first
    (folder / "rows.csv").write_text("a,b\n5,6\n")
    write_record(folder, "some-stage", "the-key", "the-run", Summary(""))
    assert output_of(folder).digest != first


def test_why_a_stage_runs(tmp_path: Path) -> None:
    ledger = tmp_path / "last.json"
    assert explain_run(ledger, {"seed": "0"}, known=False) == "first run"
    ledger.write_text("[]")
    assert explain_run(ledger, {}, known=False) == "asked for again"
    ledger.write_text(json.dumps({"seed": "0", "code of lfw.split": "a" * 64}))
    parts = {"seed": "1", "code of lfw.split": "b" * 64}
    assert explain_run(ledger, parts, known=False) == (
        "changed since the last run: code of lfw.split, seed (0 → 1)"
    )
    assert explain_run(ledger, parts, known=True) == "its earlier files were removed or changed"
    many = {f"part {number}": "x" for number in range(10)} | {"seed": "0"}
    assert explain_run(ledger, many, known=False).endswith("and 5 more")
