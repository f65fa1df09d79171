import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from lfw import shallow_judges
from lfw.catalog import image_path
from lfw.digest import file_digest, text_digest
from lfw.embedding.store import CARD, MANIFEST, NETWORK
from lfw.errors import InputError
from lfw.fetch import Dataset
from lfw.parameters import VerifyParameters
from tasks import verifying
from tasks.judges import IMAGES, PAIRS, PEOPLE, SAME_PHOTO
from tasks.stages import StageOutput, Summary, Work
from tasks.verifying import verify_pairs

NAMES = {fold: [f"P{fold}", f"Q{fold}"] for fold in range(1, 11)}


class FakeDataset:
    image_folder = "nowhere"
    kind = "photographs"


def output(folder: Path, **facts: object) -> StageOutput:
    return StageOutput("made up", "key", folder, {}, "run", Summary("", dict(facts)))


def made_pairs(
    folder: Path, folds: list[int], same_photo: Sequence[tuple[str, str]] = ()
) -> StageOutput:
    """In each fold one pair of P, one of Q, and one of both, twice."""
    rows = []
    for fold in folds:
        p, q = NAMES[fold or 10]
        for first, second in ((p, p), (q, q), (p, q), (q, p)):
            pair = (first, image_path(first, 1), second, image_path(second, 2))
            rows.append((*pair, first == second, fold))
    columns = ["name1", "path1", "name2", "path2", "same", "fold"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / PAIRS)
    people = [(name, fold) for fold in folds for name in NAMES[fold or 10]]
    pd.DataFrame(people, columns=["name", "fold"]).to_parquet(folder / PEOPLE)
    images = [(name, image_path(name, n)) for name, _ in people for n in (1, 2)]
    frame = pd.DataFrame(images, columns=["name", "image_path"])
    frame.assign(sha256=[text_digest([path]) for _, path in images]).to_parquet(folder / IMAGES)
    twice = pd.DataFrame(same_photo, columns=["first", "second"], dtype="str")
    twice.to_parquet(folder / SAME_PHOTO)
    return output(folder, listed={str(fold): [2, 2] for fold in folds})


def made_embedding(folder: Path, *seen: str) -> StageOutput:
    """An embedding whose network is never loaded."""
    folder.mkdir()
    (folder / NETWORK).write_bytes(b"a network")
    rows = [f"train,{name},{name}/x.jpg,{text_digest([name])}\n" for name in seen]
    (folder / MANIFEST).write_text("role,name,image_path,sha256\n" + "".join(rows))
    card = {
        "network_sha256": file_digest(folder / NETWORK),
        "manifest_sha256": file_digest(folder / MANIFEST),
    }
    (folder / CARD).write_text(json.dumps(card))
    return output(folder, version="7")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A place to work in, and vectors by which one person's images are alike."""

    def vectors(_learned: object, _data: object, rows: pd.DataFrame, _told: object) -> object:
        numbers = rows["name"].str[1:].astype(float)
        return np.stack([rows["name"].str[0] == "P", numbers, rows["name"].str[0] == "Q"], axis=1)

    monkeypatch.setattr(verifying, "vectors_through", vectors)
    folder = tmp_path / "work"
    folder.mkdir()
    return Work(folder, lambda _title: None, "run")


def run(
    work: Work, pairs: StageOutput, judges: list[StageOutput], view: str, judge: str = "embedding"
) -> Summary:
    wanted = VerifyParameters.checked(view=view, judge=judge)
    return verify_pairs.function(work, cast("Dataset", FakeDataset()), pairs, judges, wanted)


def test_each_fold_is_judged_by_the_embedding_that_saw_nobody_in_it(
    work: Work, tmp_path: Path
) -> None:
    (tmp_path / "pairs").mkdir()
    pairs = made_pairs(tmp_path / "pairs", list(range(1, 11)))
    judges = [made_embedding(tmp_path / "a", "P6", "Q10"), made_embedding(tmp_path / "b", "P1")]
    summary = run(work, pairs, judges, "2")
    assert summary.metrics["verification_pairs"] == 40
    assert summary.metrics["verification_auc"] == 1
    assert [row["threshold_pairs"] for row in summary.facts["folds"]] == [16] * 10
    assert "0.8750 ± 0.0040" in summary.markdown
    assert "Protocol: LFW, unrestricted, no outside data" in summary.markdown
    assert "Accuracy on 40 pairs" in summary.markdown
    assert "(standard error over folds)" in summary.markdown
    verdicts = pd.read_csv(work.folder / "verdicts.csv")
    assert verdicts.groupby("fold").size().tolist() == [4] * 10
    assert ((verdicts["likeness"] > verdicts["threshold"]) == verdicts["same"]).equals(
        verdicts["right"]
    )


def test_an_embedding_that_saw_somebody_of_its_folds_is_refused(work: Work, tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    pairs = made_pairs(tmp_path / "pairs", list(range(1, 11)))
    judges = [made_embedding(tmp_path / "a", "P6"), made_embedding(tmp_path / "b", "Q9", "P1")]
    with pytest.raises(InputError, match="the embedding was trained on Q9: judging it on them"):
        run(work, pairs, judges, "2")


@pytest.fixture
def two_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pairs of two people set a threshold."""
    monkeypatch.setattr(verifying, "_LEAST_PEOPLE", 2)


@pytest.mark.usefixtures("two_are_enough")
def test_the_champion_is_judged_on_pairs_of_people_it_has_not_seen(
    work: Work, tmp_path: Path
) -> None:
    (tmp_path / "pairs").mkdir()
    pairs = made_pairs(tmp_path / "pairs", [0, 1])
    summary = run(work, pairs, [made_embedding(tmp_path / "a", "Somebody")], "1")
    assert summary.facts["pairs"] == 4
    assert "2 of 2 / 2 of 2 are judged" in summary.facts["how"]
    assert "all pairs that 4 images of 2 other people make" in summary.facts["how"]
    [fold] = summary.facts["folds"]
    assert fold["threshold_pairs"] == 6  # the four listed ones, and two that are not
    assert "View 1 is for development" in summary.markdown
    assert "(standard error of the mean over both kinds of pairs)" in summary.markdown
    with pytest.raises(InputError, match=r"1 of 2 / 0 of 2 are judged.*--view 2"):
        run(work, pairs, [made_embedding(tmp_path / "b", "P1")], "1")


@pytest.mark.parametrize(("least", "seen"), [(3, "Somebody"), (2, "P10"), (1, "P10 Q10")])
def test_where_few_are_left_to_set_a_threshold_the_judged_pairs_do_so_for_each_other(
    least: int, seen: str, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_LEAST_PEOPLE", least)
    (tmp_path / "pairs").mkdir()
    pairs = made_pairs(tmp_path / "pairs", [0, 1])
    summary = run(work, pairs, [made_embedding(tmp_path / "a", *seen.split())], "1")
    assert "each tenth of them is set on the other nine tenths" in summary.facts["how"]
    assert (summary.facts["pairs"], summary.facts["matched"]) == (4, 2)
    folds = summary.facts["folds"]
    assert [(row["pairs"], row["threshold_pairs"]) for row in folds] == [(2, 2), (2, 2)]
    assert summary.metrics["verification_accuracy"] == 1
    verdicts = pd.read_csv(work.folder / "verdicts.csv")
    assert verdicts["fold"].tolist() == [1, 1, 2, 2]
    assert verdicts["right"].all()


@pytest.mark.usefixtures("two_are_enough")
def test_whoever_is_listed_to_train_with_and_to_be_judged_sets_no_threshold(
    work: Work, tmp_path: Path
) -> None:
    (tmp_path / "pairs").mkdir()
    pairs = made_pairs(tmp_path / "pairs", [0, 1])
    people = pd.read_parquet(tmp_path / "pairs" / PEOPLE)
    twice = pd.concat([people, pd.DataFrame({"name": ["P10"], "fold": [1]})])
    twice.to_parquet(tmp_path / "pairs" / PEOPLE)
    summary = run(work, pairs, [made_embedding(tmp_path / "a", "Somebody")], "1")
    assert "each tenth of them" in summary.facts["how"]  # Q10 is left alone


def test_photographs_that_are_judged_or_learned_from_under_another_name_count(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_LEAST_PEOPLE", 1)
    same_photo = [("P10/P10_0001.jpg", "P1/P1_0001.jpg")]
    (tmp_path / "judged").mkdir()
    pairs = made_pairs(tmp_path / "judged", [0, 1], same_photo)
    summary = run(work, pairs, [made_embedding(tmp_path / "a", "Somebody")], "1")
    assert "all pairs that 3 images of 2 other people make" in summary.facts["how"]
    same_photo = [("Q1/Q1_0002.jpg", "Somebody/x.jpg")]
    (tmp_path / "learned").mkdir()
    pairs = made_pairs(tmp_path / "learned", [0, 1], same_photo)
    summary = run(work, pairs, [made_embedding(tmp_path / "b", "Somebody")], "1")
    assert "1 of 2 / 1 of 2 are judged" in summary.facts["how"]


class Faces:
    """A measure that only says from whom it was learned."""

    learned: ClassVar[list[tuple[int, list[str]]]] = []

    def __init__(self, faces: NDArray[np.float64], names: list[str], _seed: int) -> None:
        self.learned.append((len(faces), names))

    def transform(self, faces: NDArray[np.float64]) -> NDArray[np.float64]:
        return faces


@pytest.mark.parametrize("judge", shallow_judges.SHALLOW_JUDGES)
def test_shallow_judges_are_learned_from_nobody_who_is_judged_and_from_none_of_their_photographs(
    judge: str, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faces(_root: object, paths: list[str], *_more: object) -> NDArray[np.float64]:
        return np.random.default_rng(0).normal(size=(len(paths), 3))

    known = shallow_judges.SHALLOW_JUDGES[judge]
    monkeypatch.setattr(shallow_judges, "read_faces", faces)
    monkeypatch.setitem(
        shallow_judges.SHALLOW_JUDGES, judge, replace(known, learn=cast("Any", Faces))
    )
    monkeypatch.setattr(Faces, "learned", [])
    for name, same_photo in (("apart", []), ("twice", [("P1/P1_0001.jpg", "Q10/Q10_0001.jpg")])):
        (tmp_path / name).mkdir()
        summary = run(work, made_pairs(tmp_path / name, [0, 1], same_photo), [], "1", judge)
        assert summary.facts["how"].startswith(known.words)
    assert Faces.learned == [(4, ["P10", "P10", "Q10", "Q10"]), (3, ["P10", "P10", "Q10"])]


def test_versions_of_one_network_are_not_answered_for_each_other(tmp_path: Path) -> None:
    """What is said names the version."""

    class Known(FakeDataset):
        images_digest = "the images"

    def key(version: str) -> object:
        files = {NETWORK: "one network", MANIFEST: "the same people"}
        told = Summary("", {"version": version})
        judge = StageOutput("found", "key", tmp_path, files, "run", told)
        wanted = VerifyParameters.checked(embedding=version)
        pairs = StageOutput("made up", "key", tmp_path, {}, "run", Summary("", {}))
        return verify_pairs.key(cast("Dataset", Known()), pairs, [judge], wanted)

    assert key("2") == key("2")
    assert key("2") != key("3")
