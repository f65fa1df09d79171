"""What is told of a data set is told of where this run read it, whatever other runs read."""

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from lfw.fetch import Fetched, fetch
from lfw.sources import Source
from tasks import data as reading
from tasks.data import dataset_from, fetch_dataset
from tasks.stages import StageOutput, Work, read_output, write_record

STRAY = ".DS_Store"


@pytest.fixture
def archive(sample_zip: Path) -> Source:
    return Source("archive", str(sample_zip))


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Source:
    """The archive's content, and a stray file."""
    copy = Path(shutil.copytree(sample_folder, tmp_path / "mine"))
    (copy / STRAY).write_bytes(b"x")
    return Source("folder", str(copy))


def read(source: Source, data: Path, run_id: str) -> tuple[State[Any], StageOutput]:
    work = Work(data / "stages" / "fetch-and-unpack", lambda _: None, run_id)
    state = fetch_dataset.fn(source, data, work)
    saved = json.loads(str(state.data))
    assert dataset_from(saved["dataset"]).source == source
    output = read_output(Path(saved["folder"]))
    assert output is not None
    return state, output


def test_another_source_of_the_same_content_is_told_as_what_it_is(
    archive: Source, folder: Source, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    _, first = read(archive, data, "a")
    state, second = read(folder, data, "b")
    assert first.files["manifest.csv"] == second.files["manifest.csv"]
    assert archive.location in first.summary.markdown
    assert folder.location in second.summary.markdown
    assert archive.location not in second.summary.markdown
    assert (first.facts["stray"], second.facts["stray"]) == ([], [STRAY])
    assert (state.name, second.run_id) == ("Completed", "b")
    assert folder.location in str(state.message)
    kept = (data / "stages" / "fetch-and-unpack").glob("*/dataset.json")
    recorded = {json.loads(path.read_text())["source"]["location"] for path in kept}
    assert recorded == {archive.location, folder.location}


def test_the_same_source_again_is_reused_until_a_file_comes_or_goes(
    folder: Source, tmp_path: Path
) -> None:
    read(folder, tmp_path / "data", "a")
    state, output = read(folder, tmp_path / "data", "b")
    assert (state.name, output.run_id) == ("Cached", "a")
    (Path(folder.location) / STRAY).unlink()
    state, output = read(folder, tmp_path / "data", "c")
    assert (state.name, output.run_id, output.facts["stray"]) == ("Completed", "c", [])


def test_what_had_to_be_brought_again_was_made_in_this_run(archive: Source, tmp_path: Path) -> None:
    data = tmp_path / "data"
    read(archive, data, "a")
    shutil.rmtree(data / "datasets")
    state, output = read(archive, data, "b")
    assert (state.name, output.run_id) == ("Completed", "b")
    assert str(state.message).startswith("new: brought from")


def test_a_damaged_description_is_written_anew(folder: Source, tmp_path: Path) -> None:
    _, first = read(folder, tmp_path / "data", "a")
    (first / "manifest.csv").write_text("nothing")
    state, output = read(folder, tmp_path / "data", "b")
    assert (state.name, output.run_id, output.files) == ("Completed", "b", first.files)


def test_of_two_runs_at_once_one_writes_it(
    folder: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, together = tmp_path / "data", threading.Barrier(2)
    fetched, written = fetch(folder, data), list[Any]()

    def fetch_together(*_: Any) -> Fetched:
        together.wait(60)
        return fetched

    def write_slowly(*record: Any) -> None:
        written.append(record)
        time.sleep(0.5)
        write_record(*record)

    monkeypatch.setattr(reading, "fetch", fetch_together)
    monkeypatch.setattr(reading, "write_record", write_slowly)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda run_id: read(folder, data, run_id), ("a", "b")))
    assert len(written) == 1
    assert len({output.run_id for _, output in found}) == 1
    assert {state.name for state, _ in found} == {"Completed", "Cached"}
