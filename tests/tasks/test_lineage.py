"""Results of stages that hold something of a person are found by their content and lineage."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.lineage import holding
from tasks.stages import StageOutput, Summary, read_output, write_record

PERSON = "Ann_Lee"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


def result(data: Path, stage: str, key: str, text: str = "", **rests_on: str) -> StageOutput:
    folder = data / "stages" / stage / key
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text(f"{stage} {key} {text}")
    write_record(folder, stage, key, "run", Summary("# It"), rests_on)
    output = read_output(folder)
    assert output is not None
    return output


def held(data: Path, *names: str) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in holding(data, names)}


@pytest.mark.parametrize(
    "text", [PERSON, f"x,{PERSON},y", f"{PERSON}/{PERSON}_0001.jpg", f"{PERSON}_0012.jpg"]
)
def test_what_names_them_is_found(data: Path, text: str) -> None:
    result(data, "stratified-split", "a", text)
    assert held(data, PERSON) == {"stratified-split/a"}


@pytest.mark.parametrize("text", ["Joann_Lee", "Ann_Lee_Smith", "Ann_Leeds", "Ann-Ann_Lee", ""])
def test_what_names_somebody_else_is_not(data: Path, text: str) -> None:
    result(data, "stratified-split", "a", text, seed="0")
    assert held(data, PERSON) == set()


def test_names_in_tables_and_arrays_are_found(data: Path) -> None:
    for stage in ("one", "two", "three"):
        folder = data / "stages" / stage / "a"
        folder.mkdir(parents=True)
        if stage == "one":
            pd.DataFrame({"n": [1], "name": [PERSON]}).to_parquet(folder / "t.parquet")
        elif stage == "two":
            np.savez(folder / "t.npz", who=np.array([PERSON]), x=np.ones(2))
        else:
            np.savez(folder / "t.npz", who=np.array(["Bob"]), x=np.ones(2))
        write_record(folder, stage, "a", "run", Summary(""), {"seed": "0"})
    assert held(data, PERSON) == {"one/a", "two/a"}


@pytest.mark.parametrize("name", ["José_Núñez", 'Ann_"Bo"_Lee', "Lee,_Ann"])
@pytest.mark.parametrize("file", ["t.json", "t.csv"])
def test_names_are_found_however_a_file_spells_them(data: Path, file: str, name: str) -> None:
    folder = data / "stages" / "one" / "a"
    folder.mkdir(parents=True)
    if file == "t.json":
        said = {"facts": [{"text": f"Left out:\n{name}"}, {"n": 1}]}
        (folder / file).write_text(json.dumps(said))
    else:
        pd.DataFrame({"name": [name]}).to_csv(folder / file)
    write_record(folder, "one", "a", "run", Summary(""), {"seed": "0"})
    assert held(data, name) == {"one/a"}
    assert held(data, PERSON) == set()


def test_what_was_learned_from_it_goes_too_and_nothing_else(data: Path) -> None:
    audit = result(data, "resolution-audit", "a", PERSON)
    split = result(data, "stratified-split", "a", PERSON, audit=audit.digest)
    other = result(data, "stratified-split", "b", "Bob", audit=audit.digest)
    fit = result(data, "train", "a", split=split.digest)
    result(data, "evaluate", "a", fit=fit.files["table.csv"])
    result(data, "train", "b", split=other.digest)
    result(data, "find-embedding", "a", PERSON)
    assert held(data, PERSON) == {
        *("resolution-audit/a", "stratified-split/a", "train/a", "evaluate/a")
    }


def test_what_cannot_be_read_or_says_not_what_it_rests_on_goes(data: Path) -> None:
    result(data, "train", "old")
    torn = result(data, "train", "torn", seed="0")
    (torn / "table.csv").write_text("changed")
    result(data, "train", "fine", seed="0")
    assert held(data, PERSON) == {"train/old", "train/torn"}
