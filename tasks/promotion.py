"""Which version of lfw-faces is champion: weighed, given, taken back, and told as an event."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from lfw.embedding.cohort import Cohort
from lfw.embedding.store import MANIFEST
from lfw.errors import InputError, LfwError
from lfw.fetch import Dataset
from lfw.images import read_many
from lfw.promotion import Record, Verdict, comparable_images, compare_answers, pass_gates
from lfw.split import Split
from tasks.answering import answers_by_head
from tasks.marking import FORGOTTEN
from tasks.model_registry import (
    CHALLENGER,
    CHAMPION,
    REASON,
    move_alias,
    moving_aliases,
    standing,
    version_number,
)
from tasks.registry import MODEL_NAME, load_version
from tasks.stages import StageOutput

_FORMER, _TAKEN_BACK = "former_champion", "taken_back"
_BATCH = 64


@task(name="settle-alias", task_run_name="settle-alias")
def settle_alias(dataset: Dataset, registered: StageOutput) -> dict[str, Any]:
    """Weigh a freshly registered version, once, and give it the alias that it has earned."""
    client, version = MlflowClient(), str(registered.facts["version"])
    with moving_aliases(MODEL_NAME):
        found = client.get_model_version(MODEL_NAME, version)
        if REASON in found.tags:  # registered by an earlier run, and weighed there
            return standing(found)
        given = _give(client, version, _weigh(client, version, dataset))
    create_markdown_artifact(
        key="alias",
        markdown=f"# {MODEL_NAME} version {version}: {given['alias'] or 'no alias'}\n\n"
        f"{given['why']}\n",
    )
    return given


@task(name="promote-version", task_run_name="promote-{version}")
def promote_version(dataset: Dataset, version: str, because: str | None) -> dict[str, Any]:
    """Make a version champion if it earns it, or for a reason that a person gives.

    Raises
    ------
    InputError
        If there is no such version, it is champion already, it fails a gate, or it is not shown to
        be better and no reason is given.
    """
    client = MlflowClient()
    with moving_aliases(MODEL_NAME):
        number = find_version(version)
        champion = version_number(MODEL_NAME, CHAMPION)
        if number == champion:
            raise InputError(f"version {number} of {MODEL_NAME} is champion already.")
        tags = client.get_model_version(MODEL_NAME, number).tags
        verdict = _weigh(client, number, dataset)
        if not verdict.eligible:
            raise InputError(f"version {number} cannot be champion. {verdict.why}")
        taken_back = tags.get(_TAKEN_BACK)
        earned = verdict.champion and taken_back is None
        if not earned and because is None:
            said = f"It was taken back: {taken_back}" if taken_back else verdict.why
            raise InputError(
                f"version {number} is not made champion. {said} To promote it anyway, "
                "give a reason: lfw promote --because TEXT."
            )
        if not earned:
            verdict = Verdict(True, True, f"Because: {because} ({verdict.why})", verdict.figures)
        if taken_back is not None:
            client.delete_model_version_tag(MODEL_NAME, number, _TAKEN_BACK)
        return {"version": number, "former": champion} | _give(client, number, verdict)


@task(name="roll-back", task_run_name="roll-back")
def roll_back_champion(because: str | None) -> dict[str, Any]:
    """Give the alias back to the version that was champion before.

    Raises
    ------
    InputError
        If there is no champion, or none before it that may be champion again.
    """
    client, reason = MlflowClient(), because or "no reason was given."
    with moving_aliases(MODEL_NAME):
        champion = version_number(MODEL_NAME, CHAMPION)
        if champion is None:
            raise InputError(f"{MODEL_NAME} has no champion: nothing can be taken back.")
        former = _champion_before(client, champion)
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, former)
        told = f"Champion again: version {champion} was taken back: {reason}"
        client.set_model_version_tag(MODEL_NAME, former, REASON, told)
        taken = f"Taken back in favour of version {former}: {reason}"
        client.set_model_version_tag(MODEL_NAME, champion, REASON, taken)
        client.set_model_version_tag(MODEL_NAME, champion, _TAKEN_BACK, reason)
    _tell("rolled-back", former, {"former": champion, "why": told})
    return {"version": former, "former": champion, "alias": CHAMPION, "why": told}


def _champion_before(client: MlflowClient, champion: str) -> str:
    """Find the last champion before one that may be it again.

    Not one that was taken back, or two could have the place in turns for ever; nor one that was
    learned from people who were forgotten.
    """
    passed, number, why = {champion}, champion, ""
    while True:
        former = client.get_model_version(MODEL_NAME, number).tags.get(_FORMER)
        if former is None or former in passed:
            said = why or f"version {champion} of {MODEL_NAME} is the first champion: "
            raise InputError(
                f"{said}there is none before it. "
                "lfw promote --model-version N --because TEXT names another."
            )
        tags = client.get_model_version(MODEL_NAME, find_version(former)).tags
        if _TAKEN_BACK not in tags and not json.loads(tags.get(FORGOTTEN, "{}")):
            return former
        bar = "was taken back" if _TAKEN_BACK in tags else "was learned from people forgotten since"
        why += f"version {former} of {MODEL_NAME} {bar}; "
        passed.add(former)
        number = former


def find_version(wanted: str) -> str:
    """Give the number of the version of lfw-faces that a number or alias names.

    Raises
    ------
    InputError
        If there is none.
    """
    number = version_number(MODEL_NAME, wanted)
    if number is None:
        raise InputError(
            f"{MODEL_NAME} has no version {wanted!r}: its page in MLflow lists those that there "
            "are; lfw train makes a new one."
        )
    return number


def _give(client: MlflowClient, version: str, verdict: Verdict) -> dict[str, Any]:
    """Move the alias that a verdict gives, and write the reason on the version."""
    former = version_number(MODEL_NAME, CHAMPION)
    if verdict.champion and former not in {None, version}:
        client.set_model_version_tag(MODEL_NAME, version, _FORMER, str(former))
    alias = CHAMPION if verdict.champion else CHALLENGER if verdict.eligible else None
    if alias is not None:
        move_alias(MODEL_NAME, alias, version, verdict.why)
    if alias == CHAMPION and version_number(MODEL_NAME, CHALLENGER) == version:
        client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)
    for name, value in verdict.figures.items():
        client.set_model_version_tag(MODEL_NAME, version, f"compared.{name}", f"{value:g}")
    client.set_model_version_tag(MODEL_NAME, version, REASON, verdict.why)
    if alias == CHAMPION:
        _tell("promoted", version, {"former": former, "why": verdict.why})
    return {"alias": alias, "why": verdict.why}


def _tell(what: str, version: str, payload: dict[str, Any]) -> None:
    """Emit a Prefect event that automations can react to."""
    found = MlflowClient().get_model_version(MODEL_NAME, version)
    emit_event(
        f"lfw.model.{what}",
        resource={
            "prefect.resource.id": f"lfw.model-version.{MODEL_NAME}.{version}",
            "prefect.resource.name": f"{MODEL_NAME} version {version}",
            "lfw.model": MODEL_NAME,
        },
        payload={"version": version, "test_accuracy": found.tags.get("test_accuracy"), **payload},
    )


def _weigh(client: MlflowClient, version: str, dataset: Dataset) -> Verdict:
    """Decide whether a version may be champion: its gates, then the champion there is."""
    record = _read_record(client.get_model_version(MODEL_NAME, version))
    refused = pass_gates(record)
    if refused is not None:
        return refused
    number = version_number(MODEL_NAME, CHAMPION)
    if number in {None, version}:
        return Verdict(
            True, True, "The first version trained on photographs that passed every gate.", {}
        )
    try:
        champion = _read_record(client.get_model_version(MODEL_NAME, str(number)))
    except LfwError as error:  # its run was deleted: no reason to fail the one at hand
        return Verdict(False, True, f"Not compared with the champion: {error}", {})
    paths, why_not = comparable_images(record, champion)
    if why_not:
        return Verdict(False, True, f"Not compared with the champion. {why_not}", {})
    return compare_answers(record, champion, _answers(champion, record, paths, dataset))


def _answers(champion: Record, record: Record, paths: list[str], dataset: Dataset) -> pd.DataFrame:
    """Let the champion answer for some test images of another version.

    On the same split it has done so already.
    """
    if champion.split.digest == record.split.digest:
        return champion.answers
    run_id = MlflowClient().get_model_version(MODEL_NAME, champion.version).run_id
    rows = record.split.rows.set_index("image_path", drop=False).loc[paths]
    by_head = answers_by_head(run_id, rows)
    if by_head is not None:
        named = [champion.split.classes[k] for k in by_head]
        return pd.DataFrame({"image_path": paths, "answer": named})
    model = load_version(f"models:/{MODEL_NAME}/{champion.version}")
    names: list[str] = []
    for start in range(0, len(paths), _BATCH):
        pixels = read_many(Path(dataset.image_folder), paths[start : start + _BATCH])
        # Its first two columns may say "unknown"; here, as in its own test, somebody is named.
        answered = cast("pd.DataFrame", model.predict(pixels))
        names += map(str, answered[list(champion.split.classes)].idxmax(axis=1))
    return pd.DataFrame({"image_path": paths, "answer": names})


def _read_record(version: ModelVersion) -> Record:
    """Read what the run that made a version left in MLflow.

    Raises
    ------
    LfwError
        If its run or its files are gone.
    """
    with tempfile.TemporaryDirectory() as folder:

        def fetch(name: str) -> Path:
            where = f"runs:/{version.run_id}/{name}"
            return Path(mlflow.artifacts.download_artifacts(where, dst_path=folder))

        try:
            return _parse_record(version, fetch)
        except (MlflowException, OSError) as error:
            raise LfwError(
                f"version {version.version} of {MODEL_NAME} cannot be weighed: what its run "
                f"{version.run_id} left in MLflow cannot be read ({error}). Train it again."
            ) from error


def _parse_record(version: ModelVersion, fetch: Callable[[str], Path]) -> Record:
    answers = pd.read_csv(fetch("evaluate/answers.csv"), dtype=str, keep_default_na=False)
    photos = pd.read_csv(
        fetch("resolution-audit/same-photos.csv"), dtype=str, keep_default_na=False
    )
    audited = pd.read_parquet(fetch("resolution-audit/images.parquet"))
    embedded = version.tags["model"] == "embedding"
    return Record(
        version=str(version.version),
        synthetic=version.tags["data.kind"] == "synthetic",
        outside_data=version.tags["outside_data"] == "true",
        split=Split.read(fetch("stratified-split/split.csv")),
        answers=answers[["image_path", "answer"]],
        below=tuple(filter(None, version.tags.get("below", "").split(","))),
        unusable=frozenset(audited["image_path"][~audited["usable"]]),
        same_photo=tuple(zip(photos["first"], photos["second"], strict=True)),
        seen=Cohort.read(fetch(f"find-embedding/{MANIFEST}")).seen if embedded else frozenset(),
        forgotten=frozenset(json.loads(version.tags.get(FORGOTTEN, "{}"))),
    )
