"""A report's command repeats the run, whatever chose its source and its embedding."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra import cli
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.fetch import Dataset
from lfw.parameters import TrainParameters
from lfw.sources import Source
from tasks.report_content import command, learned_from
from tasks.stages import StageOutput, Summary

DIGEST = "0123456789abcdef" * 4


def dataset(source: Source, archive: str | None = None) -> Dataset:
    one = "1" * 64
    return Dataset("/d", "/d/i", source, "photographs", archive, "as told", one, one, one)


def parsed(line: str) -> TrainParameters:
    """What the command line makes of a command."""
    words = shlex.split(line)
    assert words[:3] == ["uv", "run", "lfw"]
    _, bound, _ = cli.app.parse_args(words[3:])
    wanted = bound.arguments["wanted"]
    assert isinstance(wanted, TrainParameters)
    return wanted


@pytest.mark.parametrize(
    "asked",
    [
        {"top": 12, "images_per_person": 50, "seed": 3},
        {"people": ("A_Name", "An Other's", "$(third)"), "images_per_person": "all"},
        {"model": "compact", "epochs": 4, "test_share": 0.25, "audit_gate": "fail"},
        {"min_images": 20, "experiment": "mine & yours"},
    ],
)
def test_the_command_asks_for_the_same(asked: dict[str, Any]) -> None:
    wanted = TrainParameters(source="sample", **asked)
    line = command(wanted, dataset(Source("sample", "sample")), None)
    assert parsed(line) == wanted


def test_it_names_the_very_source_and_embedding() -> None:
    line = command(TrainParameters(), dataset(Source("archive", "/a b.zip"), DIGEST), "3")
    wanted = parsed(line)
    assert wanted.source == f"/a b.zip#sha256={DIGEST}"
    assert wanted.embedding == "3"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source("kaggle", "someone/lfw"), "kaggle"),
        (Source("folder", "/lfw"), "/lfw"),
        (Source("url", "https://host/a@2/a.zip"), f"https://host/a@2/a.zip#sha256={DIGEST}"),
    ],
)
def test_every_kind_of_source_can_be_asked_for_again(source: Source, said: str) -> None:
    found = dataset(source, None if source.kind == "folder" else DIGEST)
    assert parsed(command(TrainParameters(), found, None)).source == said


def test_files_that_were_given_are_named(tmp_path: Path) -> None:
    errata = tmp_path / "errata.csv"
    errata.write_text("subject,problem,other\n")
    wanted = TrainParameters(source="sample", errata=errata)
    again = parsed(command(wanted, replace(dataset(Source("sample", "sample"))), None))
    assert again.errata == errata


def test_the_embedding_is_told_by_its_own_manifest() -> None:
    found = StageOutput("find-embedding", "k", SHIPPED, {}, "r", Summary("", {"version": "4"}))
    told, shipped = learned_from(found), read_embedding(SHIPPED)
    assert (told.name, told.version) == ("lfw-embedding", "4")
    assert told.people == shipped.card["people_seen"] == 1550
    assert told.images + told.watched_images == len(shipped.cohort.rows)
    assert told.watched_people > 0
    for name in ("label", "seed", "epochs", "network_sha256", "cohort_digest"):
        assert told.card[name] == shipped.card[name]
