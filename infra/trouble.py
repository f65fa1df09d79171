"""Troubles of the machine and its servers that end a run, told in a sentence."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from infra.mlflow_store import tracking_uri, without_password
from lfw.errors import LfwError
from lfw.files import disk_is_full

_REFUSED = re.compile(r"failed with error code 40[13]\b")
_LOGIN = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD as its administrator gave them"
_GOES_ON = "run the same command again: finished stages are reused."


def explain_trouble(error: BaseException, data_folder: Path) -> str | None:
    """Say what a run ended with that is no fault of the program; None if it may be one.

    Parameters
    ----------
    error
        What the run ended with.
    data_folder
        The project's data folder.
    """
    if disk_is_full(error):
        return (
            f"the disk of {data_folder} is full: make room, or set LFW_DATA to a folder on another "
            f"disk; {_GOES_ON}"
        )
    import httpx

    for cause in _causes(error):
        if isinstance(cause, httpx.TransportError):
            url = os.environ.get("PREFECT_API_URL", "the local address")
            return f"the Prefect server at {url} answers no longer ({_short(cause)}): {_GOES_ON}"
        if type(cause).__name__ == "MlflowException" and "API request to" in str(cause):
            url = without_password(tracking_uri(data_folder))
            if _REFUSED.search(str(cause)):
                return f"the MLflow server at {url} refuses this login: {_LOGIN}; {_GOES_ON}"
            return f"the MLflow server at {url} answers no longer ({_short(cause)}): {_GOES_ON}"
    return None


def prefect_is_gone(error: BaseException) -> bool:
    """Say whether a run ended because its Prefect server answers no longer, not a download.

    Parameters
    ----------
    error
        What the run ended with.
    """
    import httpx

    causes = list(_causes(error))
    told = any(isinstance(cause, LfwError) for cause in causes)  # as a failed download is
    return not told and any(isinstance(cause, httpx.TransportError) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _short(error: BaseException) -> str:
    text = without_password(str(error)) or type(error).__name__
    return text if len(text) < 120 else f"{text[:120]} …"
