"""Versions of the models in the registry: found, known again, and given aliases in turn."""

import os
from typing import Any

import filelock
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from lfw.settings import data_folder
from tasks.stages import StageOutput

CHAMPION, CHALLENGER = "champion", "challenger"
REASON = "alias_reason"
"""The tag that says why a version has its alias, or has none."""

GONE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
"""What MLflow answers where there is no such version or alias; all else is trouble."""


def version_number(model: str, wanted: str) -> str | None:
    """Give the number of the version of a model that an alias or a number names.

    Returns
    -------
    str or None
        None if there is no such version.
    """
    client = MlflowClient()
    try:
        if wanted.isdigit():
            return str(client.get_model_version(model, wanted).version)
        return str(client.get_model_version_by_alias(model, wanted).version)
    except MlflowException as error:
        if error.error_code in GONE:
            return None
        raise


def still_registered(output: StageOutput) -> bool:
    """Tell whether the version that a stage made is there.

    A registry that was emptied counts from 1 again: the number alone may be another run's version.
    """
    try:
        found = MlflowClient().get_model_version(output.facts["name"], output.facts["version"])
    except MlflowException as error:
        if error.error_code in GONE:
            return False
        raise
    return bool(found.status == "READY" and found.run_id == output.run_id)


def standing(version: ModelVersion) -> dict[str, Any]:
    """Give the alias that a version has by now, if any, and the reason: ``alias``, ``why``."""
    alias = next((one for one in (CHAMPION, CHALLENGER) if one in version.aliases), None)
    return {"alias": alias, "why": version.tags.get(REASON, "")}


def ensure_registered_model(model: str, description: str) -> None:
    """Make a registered model unless there is one."""
    try:
        MlflowClient().create_registered_model(model, description=description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def moving_aliases(model: str) -> filelock.BaseFileLock:
    """Let one process at a time choose and move a model's aliases on this data folder."""
    return filelock.FileLock(data_folder(os.environ) / f"aliases-{model}.lock")


def move_alias(model: str, alias: str, version: str, why: str) -> None:
    """Give a version an alias; the one that had it says from then on why it has it no longer.

    Parameters
    ----------
    model, alias, version
        Which alias of which model goes to which version.
    why
        Why, a sentence or more.
    """
    client, former = MlflowClient(), version_number(model, alias)
    client.set_registered_model_alias(model, alias, version)
    if former not in {None, version}:
        told = f"{alias.capitalize()} until version {version} took its place: {why}"
        client.set_model_version_tag(model, str(former), REASON, told)
