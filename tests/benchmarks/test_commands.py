"""Whole commands are asked for the data set at hand, and compared round by round."""

import contextlib
import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import commands, orchestration, profile
from benchmarks.data import Data, bring
from benchmarks.processes import Ran
from benchmarks.processes import run as run_module


class Processes:
    """In the place of commands: keeps what was asked, and answers as each would."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.environs: list[dict[str, str]] = []

    def run(self, arguments: list[str], environ: dict[str, str] | None = None) -> Ran:
        self.asked.append(arguments)
        self.environs.append(environ or {})
        output = json.dumps({"test": {"accuracy": {"value": 0.5}}})
        if arguments[0] == "benchmarks.peers.notebook":
            output = json.dumps({"first": 10.0, "later": [2.0], "script": 15.0})
        if arguments[0] == "benchmarks.peers.script":
            output = "0.5"
        return Ran(1.0, 100.0 * len(self.asked), output)

    def of(self, module: str) -> list[list[str]]:
        return [asked for asked in self.asked if asked[0] == module]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Processes:
    monkeypatch.setenv("LFW_DATA", str(tmp_path))
    return Processes()


def test_commands_compare_memory_with_that_of_the_same_round(
    data: Data, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "run", processes.run)
    result = commands.measure(data, rounds=2, epochs=2)
    for asked in processes.of("infra.start"):
        assert asked[asked.index("--source") + 1] == data.spelling
    # One run that makes databases, then eight a round: fit, as written, first run and so on.
    (memory,) = [claim for claim in result.claims if claim.what.startswith("peak memory")]
    assert memory.rounds == [4 / 3, 12 / 11]
    written = [environ for asked, environ in zip(processes.asked, processes.environs, strict=True)
               if asked[-1] == "1"]  # fmt: skip
    assert written == [{}, {}], "one epoch, no settings for memory"
    assert result.taken["notebook fit"] == [10.0 + 13 * 2.0] * 2


def test_orchestration_warms_up_and_takes_the_data_at_hand(
    data: Data, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestration, "run", processes.run)
    monkeypatch.setattr(
        orchestration, "prefect_server", lambda _: contextlib.nullcontext("http://server")
    )
    result = orchestration.measure(data, rounds=1, model="hog")
    flows, scripts = processes.of("infra.start"), processes.of("benchmarks.peers.script")
    assert len(flows) == len(scripts) == 2, "a round that warms up, and one that counts"
    assert all(asked[3] == data.spelling for asked in flows)
    assert all(asked[1] == data.spelling for asked in scripts)
    assert [len(seconds) for seconds in result.taken.values()] == [1, 1, 1]


def test_profile_takes_the_data_at_hand(
    data: Data, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "run", processes.run)
    with pytest.raises(KeyError, match="stages"):
        profile.measure(data)
    (asked,) = processes.asked
    assert asked[-3:] == ["--source", data.spelling, "--json"]


def test_the_other_people_are_none_of_the_six(data: Data) -> None:
    six = data.people.sort_values(["images", "name"], ascending=[False, True])["name"][:6]
    others = commands.other_people(data.people)
    assert len(others) == len(set(others)) > 1
    assert set(others) <= set(data.people["name"]) - set(six)


def test_the_other_people_have_as_many_images_as_the_notebook() -> None:
    counts = [500, 400, 300, 200, 150, 100, 90, 80, 70, 65, 64, 63, 62, 61, 60, 60]
    people = pd.DataFrame({"name": [f"P_{count}" for count in counts], "images": counts})
    ranked = commands.other_people(people)
    assert ranked == [f"P_{count}" for count in counts[6:14]]  # 7 x 62 = 434, 8 x 61 = 488


@pytest.mark.long
def test_the_notebook_is_timed_from_where_its_fit_begins(tmp_path: Path) -> None:
    found = bring("sample", tmp_path / "data")
    places = [str(found.folder), str(tmp_path / "scratch"), "--images", found.inside]
    ran = run_module(["benchmarks.peers.notebook", *places, "--epochs", "2"])
    took = json.loads(ran.output.splitlines()[-1])
    assert len(took["later"]) == 1
    assert 0 < took["first"] + sum(took["later"]) < took["script"] < ran.seconds
