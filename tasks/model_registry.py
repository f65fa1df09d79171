"""Versions of the models in the registry: found, and known again."""

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tasks.stages import StageOutput

CHAMPION, CHALLENGER = "champion", "challenger"

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


def ensure_registered_model(model: str, description: str) -> None:
    """Make a registered model unless there is one."""
    try:
        MlflowClient().create_registered_model(model, description=description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
