"""Registered versions that were learned from people who were forgotten: found, and marked."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from lfw.embedding.cohort import TRAIN, VALIDATION, Cohort
from lfw.embedding.store import MANIFEST
from lfw.errors import LfwError
from lfw.forgetting import read_forgotten
from lfw.settings import data_folder
from tasks.embedding import EMBEDDING_NAME
from tasks.model_registry import GONE

FACES = "lfw-faces"
FORGOTTEN = "forgotten"
"""The tag of a version that was learned from somebody who was forgotten since."""

_MARK = "\n\nFORGOTTEN: "
_ROLES = {TRAIN: "learned from", VALIDATION: "monitored on"}
_USES = {
    "split.csv": ("a class", "its split"),
    "strangers.csv": ("a stranger", "its list of strangers"),
}
"""What the people of a list were used for, and what the list is called."""


@dataclass(frozen=True)
class Marked:
    """A version that was learned from people who were forgotten.

    Attributes
    ----------
    name, version
        Which one it is.
    aliases
        By what else it is known, such as champion.
    people
        Person to what their images were used for.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    people: dict[str, str]


def mark_versions(names: Iterable[str]) -> list[Marked]:
    """Find and mark every version in the registry that was learned from some people.

    Raises
    ------
    MlflowException
        If MLflow cannot be asked, or a version cannot be marked.
    """
    wanted = set(names)
    found = []
    for model in (EMBEDDING_NAME, FACES):
        for version in versions_of(model):
            people = used(version, wanted)
            if people:
                found.append(mark(version, people))
    return found


def mark_new(model: str, version: str) -> None:
    """Mark a version that has just been made if it rests on somebody who was forgotten before.

    It can only by the embedding that comes with the project, or one learned earlier.

    Raises
    ------
    MlflowException
        If MLflow cannot be asked, or the version cannot be marked.
    """
    names = set(read_forgotten(data_folder(os.environ)).people)
    if not names:
        return
    made = MlflowClient().get_model_version(model, version)
    people = used(made, names)
    if people:
        mark(made, people)


def mark(version: ModelVersion, people: dict[str, str]) -> Marked:
    """Mark a version: by a tag, and in its description."""
    client = MlflowClient()
    before = json.loads(version.tags.get(FORGOTTEN, "{}"))
    people = dict(sorted((people | before).items()))  # what was known once may be a guess now
    described = (version.description or "").partition(_MARK)[0]
    who = ", ".join(f"{name} ({how})" for name, how in list(people.items())[:20])
    text = (
        f"{described}{_MARK}made with images of people who were removed on request since: {who}"
        f"{' …' if len(people) > 20 else ''}. Do not use it any further: learn another."
    )
    client.update_model_version(version.name, version.version, text)
    client.set_model_version_tag(version.name, version.version, FORGOTTEN, json.dumps(people))
    aliases = client.get_model_version(version.name, version.version).aliases
    return Marked(version.name, str(version.version), tuple(aliases), people)


def used(version: ModelVersion, names: set[str]) -> dict[str, str]:
    """Say of some people what a version used their images for, if it did.

    Where what tells of its people is gone or damaged, it may have used anybody's, and that is said.

    Raises
    ------
    MlflowException
        If MLflow cannot be asked.
    """
    if version.name == EMBEDDING_NAME:
        return _by_manifest(version, names)
    found, unknown = dict.fromkeys(names & set(classes_of(version)), "a class"), []
    if version.tags.get("model", "embedding") == "embedding":
        with _logged(version.run_id, "find-embedding") as folder:
            cohort = _by_cohort(folder / MANIFEST, names)
        found = (cohort or {}) | found
        unknown += ["its embedding's manifest"] if cohort is None else []
    with _logged(version.run_id, "stratified-split") as folder:
        for file, (how, called) in _USES.items():
            listed = _names_in(folder / file)
            found = dict.fromkeys(names & (listed or set()), how) | found
            unknown += [called] if listed is None else []
    return _perhaps(names, unknown) | found


def _perhaps(names: set[str], unread: list[str]) -> dict[str, str]:
    """Say of people whom a version may know what cannot be read; of nobody if all can."""
    said = f"{', '.join(unread)} cannot be read, and it may be learned from them"
    return dict.fromkeys(names, said) if unread else {}


def classes_of(version: ModelVersion) -> list[str]:
    """Name the classes of a version, as far as its tag does: a long one was cut."""
    text = str(version.tags.get("classes", "[]"))
    while text:
        with contextlib.suppress(ValueError):
            return list(json.loads(text))
        text = text.removesuffix("]").rpartition(", ")[0]  # a name may have a comma of its own
        text += "]" if text else ""
    return []


def _by_manifest(version: ModelVersion, names: set[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as made:
        uri = f"models:/{EMBEDDING_NAME}/{version.version}"
        try:
            folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=made))
            (manifest,) = folder.rglob(MANIFEST)
        except (MlflowException, OSError, ValueError) as error:
            if isinstance(error, MlflowException) and error.error_code not in GONE:
                raise
            found = None
        else:
            found = _by_cohort(manifest, names)
    return _perhaps(names, ["its manifest"]) if found is None else found


def _by_cohort(manifest: Path, names: set[str]) -> dict[str, str] | None:
    """Say what an embedding used people's images for; None if its manifest cannot be read."""
    try:
        rows = Cohort.read(manifest).rows
    except LfwError:
        return None
    rows = rows[rows["name"].isin(names)]
    roles = dict(zip(rows["name"], rows["role"], strict=True))
    return {
        name: f"its embedding was {_ROLES.get(role, role)} them" for name, role in roles.items()
    }


def _names_in(path: Path) -> set[str] | None:
    """Give everybody whom a list names; None if it cannot be read."""
    try:
        return set(pd.read_csv(path, dtype=str, keep_default_na=False)["name"])
    except (OSError, ValueError, KeyError):
        return None


def versions_of(model: str) -> list[ModelVersion]:
    """Give every version of a registered model."""
    return list(MlflowClient().search_model_versions(f"name = '{model}'"))


@contextlib.contextmanager
def _logged(run_id: str | None, stage: str) -> Iterator[Path]:
    """Give a folder with what a run logged of a stage, empty if that is gone."""
    with tempfile.TemporaryDirectory() as folder:
        yield logged(run_id, stage, Path(folder)) or Path(folder)


def logged(run_id: str | None, path: str, folder: Path) -> Path | None:
    """Bring an artifact of a run into a folder; None if run or artifact are gone."""
    client = MlflowClient()
    parent = path.rpartition("/")[0]
    try:
        there = client.list_artifacts(str(run_id), parent or None)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    if path not in {file.path for file in there}:
        return None
    return Path(client.download_artifacts(str(run_id), path, str(folder)))


def result_of(found: list[Marked]) -> list[dict[str, Any]]:
    """Give versions as plain values."""
    return [vars(one) | {"aliases": list(one.aliases)} for one in found]
