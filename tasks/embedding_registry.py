"""Versions of lfw-embedding in the model registry, the shipped one among them."""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema, TensorSpec
from prefect import task
from prefect.logging import get_run_logger

from lfw.embedding.store import CARD, SHIPPED, Embedding, read_embedding
from lfw.images import SIZE
from lfw.parameters import INTENDED_USE, PretrainParameters
from lfw.promotion import area_error
from lfw.settings import data_folder
from tasks.embedding import EMBEDDING_NAME, registered_version
from tasks.marking import mark_new, versions_of
from tasks.model_registry import (
    CHALLENGER,
    CHAMPION,
    REASON,
    ensure_registered_model,
    move_alias,
    moving_aliases,
    standing,
)

# The stage that learns an embedding takes it from here.
from tasks.packaging import code_copy, pinned
from tasks.stages import StageOutput
from tasks.tracking import experiment_id, log_figures, log_parameters

_SERVED = Path(__file__).with_name("served_embedding.py")
_RUN_NAME = "the shipped embedding"
_CONTENT = ("network_sha256", "spread_sha256")  # on the card and in tags: what makes it another
_SHIPPED, _GIVEN = "shipped", "alias_given"  # tags: came with the project; its first alias
_ABOUT = (
    "Takes a face of Labeled Faces in the Wild to a vector; the cosine of two vectors says how "
    "alike the faces are. Each version comes with the manifest of the people it was learned from: "
    f"it must not be judged on them. {INTENDED_USE}"
)


@task(name="offer-shipped-embedding", task_run_name="offer-shipped-embedding")
def offer_shipped(model: str = "embedding") -> None:
    """Register the shipped embedding, if a model needs one and the registry has it not yet."""
    if model != "embedding":
        return
    said = take_shipped(data_folder(os.environ))
    if said is not None:
        get_run_logger().warning(said)


def take_shipped(folder: Path) -> str | None:
    """See that the embedding that comes with the project is a version, once, and a champion there.

    A champion that came with an earlier state of the project gives way to it. One that a user
    learned, or promoted, stays.

    Parameters
    ----------
    folder
        The project's data folder.

    Returns
    -------
    str or None
        What is to be known if the registry had embeddings before and has changed.
    """
    with moving_aliases(EMBEDDING_NAME):  # the choice holds until the alias is given
        champion = registered_version(CHAMPION)
        same = _version_of(_shipped_content())
        if same is None:
            alias, why = _place_of_shipped(champion)
            made = _register_shipped(folder)
            _give_alias(made, alias, why)
            return None if champion is None else _told(made, alias, champion)
        if champion is None:
            why = "It comes with the project, and no version was champion any more."
            _give_alias(same, CHAMPION, why)
        return None


def _shipped_content() -> dict[str, str]:
    card = json.loads((SHIPPED / CARD).read_text(encoding="utf-8"))
    return {key: str(card.get(key, "")) for key in _CONTENT}


def _version_of(content: dict[str, str]) -> str | None:
    known = versions_of(EMBEDDING_NAME)
    found = [
        int(one.version)
        for one in known
        if {key: one.tags.get(key, "") for key in _CONTENT} == content
    ]
    return str(max(found)) if found else None


def _place_of_shipped(champion: str | None) -> tuple[str, str]:
    """Decide what the shipped embedding is to be, and why."""
    if champion is None:
        return CHAMPION, "The first version that was learned from photographs."
    if _came_with_project(champion):
        return CHAMPION, (
            f"It comes with the project now. Version {champion}, the champion before, came with an "
            "earlier state of it."
        )
    return CHALLENGER, (
        f"It comes with the project now. Version {champion} stays champion: somebody learned it, "
        "or made it champion, here."
    )


def _came_with_project(number: str) -> bool:
    """Tell whether a version came with the project and was made champion for that alone."""
    client = MlflowClient()
    version = client.get_model_version(EMBEDDING_NAME, number)
    if _GIVEN in version.tags:
        return version.tags.get(_SHIPPED) == "true" and version.tags[_GIVEN] == CHAMPION
    try:  # it is of before there were these tags: only such that were champion at once were made
        return bool(client.get_run(str(version.run_id)).info.run_name == _RUN_NAME)
    except MlflowException:
        return False


def _told(version: str, alias: str, champion: str) -> str:
    if alias == CHAMPION:
        return (
            f"{EMBEDDING_NAME} version {version}, which comes with the project now, is champion in "
            f"place of version {champion}, which came with it before. --embedding {champion} takes "
            "the earlier one."
        )
    return (
        f"{EMBEDDING_NAME} version {version}, which comes with the project now, is challenger: "
        f"version {champion} stays champion, as it was learned or chosen here. --embedding "
        "challenger takes the new one."
    )


def _register_shipped(folder: Path) -> str:
    shipped = read_embedding(SHIPPED)
    experiment = experiment_id(folder, PretrainParameters().experiment)
    run = MlflowClient().create_run(experiment, run_name=_RUN_NAME)
    _track(run, shipped)
    label = shipped.card["label"]
    return _make_version(run.info.run_id, shipped, label, "photographs", is_shipped=True)[0]


def _track(run: Run, shipped: Embedding) -> None:
    run_id, card = run.info.run_id, shipped.card
    log_parameters(run_id, {name: card[name] for name in ("seed", "epochs", "label")})
    log_figures(run_id, {f"validation_{k}": v for k, v in card["validation"].items()})
    MlflowClient().set_tag(run_id, "data.kind", card["data_kind"])


def register_version(
    run_id: str, embedding: Embedding, label: str, kind: str
) -> dict[str, str | None]:
    """Log an embedding that was learned here, and make it a version of lfw-embedding.

    Parameters
    ----------
    run_id
        The MLflow run that it belongs to.
    embedding
        The embedding.
    label
        Whom it does not know, in a few words.
    kind
        The kind of data it was learned from: photographs or synthetic.

    Returns
    -------
    dict
        ``name``, ``version``, ``alias``, ``why``, ``uri``.
    """
    version, uri = _make_version(run_id, embedding, label, kind, is_shipped=False)
    with moving_aliases(EMBEDDING_NAME):  # another that ends now is compared with what this makes
        alias, why = _choose_alias(MlflowClient(), embedding, kind)
        _give_alias(version, alias, why)
    return {"name": EMBEDDING_NAME, "version": version, "alias": alias, "why": why, "uri": uri}


def embedding_standing(registered: StageOutput) -> dict[str, Any]:
    """Give the alias of a version, which an earlier run may have made, and why: as it is now."""
    return standing(MlflowClient().get_model_version(EMBEDDING_NAME, registered.facts["version"]))


def _make_version(
    run_id: str, embedding: Embedding, label: str, kind: str, *, is_shipped: bool
) -> tuple[str, str]:
    """Log an embedding and make it a version without an alias; give its number and address."""
    uri, model_id = _log(run_id, embedding.files)
    client = MlflowClient()
    ensure_registered_model(EMBEDDING_NAME, _ABOUT)
    tags = {
        "mlflow.run_id": run_id,
        "data.kind": kind,
        **{key: str(embedding.card.get(key, "")) for key in _CONTENT},
        "cohort_digest": str(embedding.card["cohort_digest"]),
        "people_seen": str(embedding.card["people_seen"]),
        "validation": json.dumps(embedding.card["validation"]),
        _SHIPPED: str(is_shipped).lower(),
    }
    version = client.create_model_version(
        EMBEDDING_NAME, uri, run_id=run_id, tags=tags, model_id=model_id
    ).version
    client.update_model_version(
        EMBEDDING_NAME,
        version,
        f"Learned from {embedding.card['people_seen']:,} people, {label}. "
        f"{_in_words(embedding.card['validation'])} What it is for and what it is not: "
        "docs/model-card.md.",
    )
    mark_new(EMBEDDING_NAME, str(version))
    return str(version), uri


def _in_words(validation: Mapping[str, float]) -> str:
    """Tell what the pairs showed that watched the learning."""
    if "pairs_auc" not in validation:
        return "It was watched on no pairs."
    pairs = validation["pairs_same"] + validation["pairs_different"]
    return (
        f"On {pairs:,} of View 1's pairs, of people it was not learned from: area under the ROC "
        f"curve {validation['pairs_auc']:.3f}, accuracy {validation['pairs_accuracy']:.3f}."
    )


def _give_alias(version: str, alias: str | None, why: str) -> None:
    """Write the reason first: a version that has an alias says why."""
    client = MlflowClient()
    client.set_model_version_tag(EMBEDDING_NAME, version, REASON, why)
    client.set_model_version_tag(EMBEDDING_NAME, version, _GIVEN, alias or "")
    if alias is not None:
        move_alias(EMBEDDING_NAME, alias, version, why)


def _log(run_id: str, files: Mapping[str, Path]) -> tuple[str, str]:
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
    pixels = TensorSpec(np.dtype(np.uint8), (-1, SIZE, SIZE, 3))
    vectors = TensorSpec(np.dtype(np.float32), (-1, -1))
    with tempfile.TemporaryDirectory() as folder, _active(run_id):
        logged = mlflow.pyfunc.log_model(
            name="embedding",
            python_model=str(_SERVED),
            artifacts={name: str(path) for name, path in files.items()},
            code_paths=[str(code_copy(Path(folder)))],
            signature=ModelSignature(Schema([pixels]), Schema([vectors])),
            pip_requirements=pinned("embedding"),
        )
    return str(logged.model_uri), str(logged.model_id)


def _active(run_id: str) -> contextlib.AbstractContextManager[object]:
    """Log to a run: to the open one as it is (reopening would end it), to another inside it."""
    opened = mlflow.active_run()
    if opened is not None and opened.info.run_id == run_id:
        return contextlib.nullcontext()
    return mlflow.start_run(run_id=run_id, nested=opened is not None)


def _choose_alias(client: MlflowClient, embedding: Embedding, kind: str) -> tuple[str | None, str]:
    """Make a version champion only where nothing that worked before stops working."""
    if kind == "synthetic":
        return None, "Learned from the synthetic sample: such a version is given no alias."
    champion = registered_version(CHAMPION)
    if champion is None:
        return CHAMPION, "The first version that was learned from photographs."
    known = client.get_model_version(EMBEDDING_NAME, champion).tags
    if known["cohort_digest"] != embedding.card["cohort_digest"]:
        return CHALLENGER, (
            f"Learned from other people than version {champion}, the champion: selections that "
            "work with one may be a leak with the other."
        )
    return _compared(champion, known, embedding)


def _compared(champion: str, known: Mapping[str, str], embedding: Embedding) -> tuple[str, str]:
    """Compare with a champion that was learned from the same people, given its tags."""
    before = float(json.loads(known["validation"]).get("pairs_auc", 0))
    found = embedding.card["validation"]
    now = float(found.get("pairs_auc", 0))
    pairs = [int(found.get(name, 0)) for name in ("pairs_same", "pairs_different")]
    if not all(pairs):
        return CHALLENGER, f"On no pairs could it be compared with version {champion}."
    error = area_error(before, *pairs)
    said = f"AUC {now} against {before}, with a standard error of {error:.4f}"
    if now > before + error:
        return CHAMPION, f"Better on the same pairs than version {champion}: {said}."
    if embedding.spread is not None and not known.get("spread_sha256") and now >= before - error:
        return CHAMPION, (
            f"As good on the same pairs as version {champion}: {said}; and stored with the "
            "within-class covariance of its training people, which that version is not."
        )
    return CHALLENGER, f"Not clearly better on the same pairs than version {champion}: {said}."
