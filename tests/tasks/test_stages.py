"""Tests of what stages leave, and of why they run."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.stages import (
    Stage,
    StageOutput,
    StageRecord,
    Summary,
    Work,
    explain_run,
    read_output,
    run_stage,
    stage,
    write_record,
)


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
    assert explain_run(ledger, {}, known=False) == "its earlier files were removed"
    ledger.write_text(json.dumps({"seed": "0", "code of lfw.split": "a" * 64}))
    parts = {"seed": "1", "code of lfw.split": "b" * 64}
    assert explain_run(ledger, parts, known=False) == (
        "changed since the last run: code of lfw.split, seed (0 → 1)"
    )
    assert explain_run(ledger, parts, known=True) == "its earlier files were removed or changed"
    many = {f"part {number}": "x" for number in range(10)} | {"seed": "0"}
    assert explain_run(ledger, many, known=False).endswith("and 5 more")


@stage("number", key=lambda number: {"number": number})
def note_number(work: Work, number: int) -> Summary:
    (work.folder / "number.txt").write_text(str(number))
    return Summary(str(number))


class Prefect:
    """In the place of the stage's Prefect task: what it does first may be said.

    It knows a result by heart, as Prefect does, until it is told to forget.
    """

    def __init__(self, made: Stage[[int]]) -> None:
        self.made = made
        self.known: set[str] = set()
        self.before: Callable[[str, Work], None] = lambda _key, _work: None

    def with_options(self, *, refresh_cache: bool) -> Callable[..., State[Any]]:
        def run(key: str, work: Work, *more: Any, return_state: bool) -> State[Any]:
            assert return_state
            if key in self.known and not refresh_cache:
                return Completed(name="Cached", data=key)
            self.before(key, work)
            self.known.add(key)
            return Completed(data=self.made._execute(key, work, *more))

        return run


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Prefect:
    made = Prefect(note_number)
    monkeypatch.setattr(note_number, "task", made)
    return made


def run(data: Path, run_id: str) -> tuple[StageOutput, StageRecord]:
    _, output, record = run_stage(note_number, data, Work(data, lambda _: None, run_id), 7)
    assert output is not None
    return output, record


@pytest.mark.usefixtures("prefect")
def test_a_stage_runs_once_and_is_reused(tmp_path: Path) -> None:
    output, record = run(tmp_path, "a")
    assert (output.run_id, record.reused, record.why) == ("a", False, "first run")
    for run_id in ("b", "a"):
        output, record = run(tmp_path, run_id)
        assert (output.run_id, record.reused, record.why) == ("a", True, "unchanged")


def test_what_another_run_made_while_this_one_waited_is_told_as_reused(
    prefect: Prefect, tmp_path: Path
) -> None:
    def another(key: str, work: Work) -> None:
        note_number._execute(key, replace(work, run_id="another"), (7,), {}, again=False)

    prefect.before = another
    output, record = run(tmp_path, "a")
    assert output.run_id == "another"
    assert (record.reused, record.why) == (True, "another run made it meanwhile")


def test_a_result_that_prefect_knows_no_more_is_told_as_reused(
    prefect: Prefect, tmp_path: Path
) -> None:
    run(tmp_path, "a")
    prefect.known.clear()
    output, record = run(tmp_path, "b")
    assert output.run_id == "a"
    assert (record.reused, record.why) == (True, "unchanged; Prefect's own record of it was gone")


def test_a_result_that_vanishes_before_it_is_used_is_made_anew_and_told_so(
    prefect: Prefect, tmp_path: Path
) -> None:
    run(tmp_path, "a")
    prefect.known.clear()
    prefect.before = lambda _key, work: shutil.rmtree(work.folder)
    output, record = run(tmp_path, "b")
    assert output.run_id == "b"
    assert (record.reused, record.why) == (False, "its earlier files were removed or changed")


@pytest.mark.usefixtures("prefect")
def test_a_folder_that_was_removed_is_the_reason(tmp_path: Path) -> None:
    first, _ = run(tmp_path, "a")
    shutil.rmtree(first.folder)
    output, record = run(tmp_path, "b")
    assert output.run_id == "b"
    assert (record.reused, record.why) == (False, "its earlier files were removed")
