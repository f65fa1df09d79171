"""The champion's place is given back as often as there is somebody to give it to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from lfw.errors import InputError
from lfw.fetch import Dataset
from lfw.promotion import Verdict
from lfw.sources import Source
from tasks import promotion
from tasks.marking import FORGOTTEN
from tasks.model_registry import CHAMPION
from tasks.registry import MODEL_NAME
from tasks.stages import StageOutput, Summary

Promote = Callable[[str], None]

DATASET = Dataset("/", "/", Source("folder", "/"), "photographs", None, "", "d", "d", "d")
BETTER = Verdict(champion=True, eligible=True, why="Better.", figures={})
AS_GOOD = Verdict(champion=False, eligible=True, why="As good.", figures={})
BAD = Verdict(champion=False, eligible=False, why="Bad.", figures={})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Events that were emitted: what, and of which version."""
    events: list[tuple[str, str]] = []

    def emit(event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
        assert resource["prefect.resource.id"].endswith(f".{payload['version']}")
        events.append((event, payload["version"]))

    monkeypatch.setattr(promotion, "emit_event", emit)
    return events


@pytest.fixture
def promote(store: Path, told: list[tuple[str, str]]) -> Promote:
    """Make versions champion as a weighing does; there are three."""
    client = MlflowClient()
    client.create_registered_model(MODEL_NAME)
    for _ in range(3):
        client.create_model_version(MODEL_NAME, str(store))

    def make_champion(version: str) -> None:
        promotion._give(client, version, BETTER)

    return make_champion


def roll_back(because: str | None = None) -> str:
    return str(promotion.roll_back_champion.fn(because)["version"])


def champion() -> str:
    return str(MlflowClient().get_model_version_by_alias(MODEL_NAME, CHAMPION).version)


def why(version: str) -> str:
    return str(MlflowClient().get_model_version(MODEL_NAME, version).tags["alias_reason"])


def test_who_loses_the_place_says_so(promote: Promote) -> None:
    promote("1")
    assert why("1") == "Better."
    promote("2")
    assert (why("1"), why("2")) == ("Champion until version 2 took its place: Better.", "Better.")
    promote("2")
    assert why("2") == "Better.", "it is champion still"
    registered = StageOutput("register", "k", Path(), {}, "r", Summary("", {"version": "1"}))
    told = promotion.settle_alias.fn(DATASET, registered)
    assert told == {"alias": None, "why": why("1")}, "a repeat of its training says so, too"
    assert roll_back() == "1"


def test_who_loses_the_place_of_challenger_says_so(promote: Promote) -> None:
    client = MlflowClient()
    promote("1")
    promotion._give(client, "2", AS_GOOD)
    assert why("2") == "As good."
    promotion._give(client, "3", BAD)
    assert why("2") == "As good.", "nobody took its place"
    promotion._give(client, "3", AS_GOOD)
    assert why("2") == "Challenger until version 3 took its place: As good."
    promote("3")
    assert (why("1"), why("3")) == ("Champion until version 3 took its place: Better.", "Better.")
    assert client.get_registered_model(MODEL_NAME).aliases.keys() == {"champion"}


def test_twice_in_a_row_gives_the_place_to_the_one_before_the_one_before(
    promote: Promote, told: list[tuple[str, str]]
) -> None:
    for version in ("1", "2", "3"):
        promote(version)
    assert roll_back("complaints") == champion() == "2"
    assert roll_back() == champion() == "1"
    with pytest.raises(InputError, match="version 1 of lfw-faces is the first champion"):
        roll_back()
    assert champion() == "1"
    assert told[3:] == [("lfw.model.rolled-back", "2"), ("lfw.model.rolled-back", "1")]
    tags = MlflowClient().get_model_version(MODEL_NAME, "2").tags
    assert tags["alias_reason"] == "Taken back in favour of version 1: no reason was given."


def test_what_was_taken_back_is_not_given_back(promote: Promote) -> None:
    for version in ("1", "2"):
        promote(version)
    assert roll_back() == "1"
    promote("3")
    promote("1")  # 3 is before it now, and it is before 3
    assert roll_back() == "3"
    with pytest.raises(InputError, match="version 1 of lfw-faces was taken back; there is none"):
        roll_back()
    assert champion() == "3"


def test_who_was_learned_from_the_forgotten_is_passed_over(promote: Promote) -> None:
    for version in ("1", "2", "3"):
        promote(version)
    client = MlflowClient()
    client.set_model_version_tag(MODEL_NAME, "2", FORGOTTEN, json.dumps({"A_Name": "train"}))
    assert roll_back() == champion() == "1"
    promote("2")
    client.set_model_version_tag(MODEL_NAME, "1", FORGOTTEN, json.dumps({"A_Name": "test"}))
    with pytest.raises(
        InputError, match="version 1 of lfw-faces was learned from people forgotten since"
    ):
        roll_back()
    assert champion() == "2"
