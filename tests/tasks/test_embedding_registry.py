"""The embedding that comes with the project becomes a version once, and never a user's champion."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from lfw.digest import file_digest
from lfw.embedding.store import CARD, NETWORK, SHIPPED, SPREAD, Embedding, read_embedding
from tasks import embedding_registry
from tasks.embedding_registry import embedding_standing, register_version, take_shipped
from tasks.stages import StageOutput, Summary

NAME = "lfw-embedding"


class Place:
    """A registry on SQLite, and a project whose embedding a test may change."""

    def __init__(self, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.shipped = data, folder / "shipped"
        shutil.copytree(SHIPPED, self.shipped)
        monkeypatch.setattr(embedding_registry, "SHIPPED", self.shipped)
        self.client = MlflowClient()
        self.filed_in = self.client.create_experiment("own", str(data / "artifacts"))

    def change_shipped(self, word: str) -> None:
        """Ship another embedding. Nothing here asks it for vectors."""
        (self.shipped / NETWORK).write_bytes(word.encode())
        card = json.loads((SHIPPED / CARD).read_text())
        card["network_sha256"] = file_digest(self.shipped / NETWORK)
        (self.shipped / CARD).write_text(json.dumps(card))

    def write_card(self, card: dict[str, object]) -> None:
        (self.shipped / CARD).write_text(json.dumps(card))

    def learn(self, word: str, area: float | None = None) -> str:
        """Register an embedding as one that a user learned."""
        learned = self.drawn(word, area)
        run = self.client.create_run(self.filed_in, run_name="embedding of my own")
        made = register_version(run.info.run_id, learned, "of my own", "photographs")
        return str(made["version"])

    def drawn(self, word: str, area: float | None = None) -> Embedding:
        """Give another embedding."""
        self.change_shipped(word)
        if area is not None:
            card = json.loads((self.shipped / CARD).read_text())
            card["validation"] |= {"pairs_auc": area, "pairs_same": 165, "pairs_different": 887}
            (self.shipped / CARD).write_text(json.dumps(card))
        return read_embedding(self.shipped)

    def take(self) -> str | None:
        return take_shipped(self.data)

    def champion(self) -> str:
        return str(self.client.get_model_version_by_alias(NAME, "champion").version)

    def why(self, version: str) -> str:
        return self.client.get_model_version(NAME, version).tags["alias_reason"]

    def told(self, version: str = "1") -> str:
        return self.client.get_model_version(NAME, version).description or ""

    def versions(self) -> int:
        return len(self.client.search_model_versions(f"name='{NAME}'"))


@pytest.fixture
def place(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, store, monkeypatch)


def test_a_version_tells_in_words_what_it_was_learned_from(place: Place) -> None:
    card = json.loads((SHIPPED / CARD).read_text())
    watched = {"pairs_auc": 0.95, "pairs_accuracy": 0.875, "pairs_same": 2, "pairs_different": 1000}
    place.write_card(card | {"people_seen": 1234, "validation": watched})
    place.take()
    told = place.told()
    assert "1,234 people" in told
    assert "1,002 of View 1's pairs" in told
    assert "ROC curve 0.950, accuracy 0.875" in told
    assert "{" not in told


def test_a_version_without_pairs_says_so(place: Place) -> None:
    place.write_card(json.loads((SHIPPED / CARD).read_text()) | {"validation": {}})
    place.take()
    assert "watched on no pairs" in place.told()


def test_a_newer_shipped_embedding_takes_the_place_of_the_former(place: Place) -> None:
    assert place.take() is None
    assert (place.versions(), place.champion()) == (1, "1")
    for tag in ("shipped", "alias_given"):  # as a data folder has it from before these tags
        place.client.delete_model_version_tag(NAME, "1", tag)

    place.change_shipped("of the next release")
    said = place.take()

    assert said is not None
    assert f"{NAME} version 2, which comes with the project now, is champion" in said
    assert (place.versions(), place.champion()) == (2, "2")
    assert "Version 1, the champion before, came with an earlier state" in place.why("2")
    assert place.why("1") == f"Champion until version 2 took its place: {place.why('2')}"
    assert place.take() is None
    assert (place.versions(), place.champion()) == (2, "2")

    place.client.delete_registered_model_alias(NAME, "champion")
    assert place.take() is None
    assert (place.versions(), place.champion()) == (2, "2")

    place.change_shipped("of the release after that")
    place.take()
    assert (place.versions(), place.champion()) == (3, "3")


def test_a_version_that_lost_its_alias_is_told_as_it_is_now(place: Place) -> None:
    place.learn("my own", area=0.9)
    made = Summary("", {"version": "1"})
    first = StageOutput("register-embedding", "key", Path(), {}, "run", made)
    assert embedding_standing(first)["alias"] == "champion"
    place.learn("a better one", area=0.99)
    standing = embedding_standing(first)
    assert standing["alias"] is None
    assert standing["why"].startswith("Champion until version 2 took its place")


def test_the_same_network_with_another_spread_is_another_version(place: Place) -> None:
    card = json.loads((SHIPPED / CARD).read_text())
    place.write_card({name: value for name, value in card.items() if name != "spread_sha256"})
    (place.shipped / SPREAD).unlink()
    assert place.take() is None
    place.client.delete_model_version_tag(NAME, "1", "spread_sha256")  # as it was before spreads

    place.write_card(card)
    shutil.copy(SHIPPED / SPREAD, place.shipped)
    said = place.take()
    assert said is not None
    assert f"{NAME} version 2, which comes with the project now, is champion" in said
    tags = [place.client.get_model_version(NAME, number).tags for number in ("1", "2")]
    assert tags[0]["network_sha256"] == tags[1]["network_sha256"]
    assert tags[1]["spread_sha256"] == card["spread_sha256"]
    assert place.take() is None
    assert place.versions() == 2


def test_a_users_own_champion_stays(place: Place) -> None:
    assert place.learn("my own") == place.champion() == "1"
    place.change_shipped("of the next release")
    said = place.take()
    assert said is not None
    assert "version 2, which comes with the project now, is challenger" in said
    assert place.champion() == "1"
    assert place.client.get_model_version(NAME, "2").aliases == ["challenger"]
    assert "Version 1 stays champion" in place.why("2")
    assert "The first version" in place.why("1")
    assert place.take() is None

    place.client.set_registered_model_alias(NAME, "champion", "2")  # by hand: the user's choice
    place.change_shipped("of the release after that")
    said = place.take()
    assert said is not None
    assert "version 2 stays champion" in said
    assert (place.versions(), place.champion()) == (3, "2")


def test_a_later_embedding_has_to_be_better_by_a_standard_error(place: Place) -> None:
    assert place.take() is None
    shipped = json.loads((SHIPPED / CARD).read_text())["validation"]["pairs_auc"]
    by_chance = place.learn("learned anew", shipped + 0.009)
    assert place.champion() == "1"
    assert "Not clearly better on the same pairs than version 1" in place.why(by_chance)
    assert "a standard error of 0.0" in place.why(by_chance)
    place.client.delete_model_version_tag(NAME, "1", "spread_sha256")  # of before spreads
    worse = place.learn("a worse one", shipped - 0.012)
    assert place.champion() == "1"
    assert "Not clearly better" in place.why(worse)
    with_spread = place.learn("as good a one", shipped - 0.001)
    assert place.champion() == with_spread
    assert "As good on the same pairs as version 1" in place.why(with_spread)
    better = place.learn("a better one", shipped + 0.012)
    assert place.champion() == better
    assert f"Better on the same pairs than version {with_spread}" in place.why(better)


def test_of_two_that_end_together_the_better_is_champion(
    place: Place, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_registry, "_log", lambda *_: (str(store), None))
    place.learn("before", 0.90)
    choose = embedding_registry._choose_alias
    choosing, given = threading.Event(), threading.Event()

    def choose_slowly(client: MlflowClient, embedding: Embedding, kind: str) -> Any:
        chosen = choose(client, embedding, kind)
        if embedding.card["validation"]["pairs_auc"] == 0.95:
            choosing.set()
            given.wait(3)  # for the better one, if it may get its alias first
        return chosen

    def learn(embedding: Embedding) -> str:
        run = place.client.create_run(place.filed_in)
        made = register_version(run.info.run_id, embedding, "of my own", "photographs")
        return str(made["version"])

    monkeypatch.setattr(embedding_registry, "_choose_alias", choose_slowly)
    good, better = place.drawn("good", 0.95), place.drawn("better", 0.99)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(learn, good)
        assert choosing.wait(60)
        second = learn(better)
        given.set()
    assert place.champion() == second
    assert f"Champion until version {second} took its place" in place.why(first.result())
