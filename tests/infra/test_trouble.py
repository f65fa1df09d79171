"""Troubles of machine and servers are told in a sentence; a fault of the program is not hidden."""

import errno
from pathlib import Path

import httpx
import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from infra.trouble import explain_trouble, prefect_is_gone
from lfw.errors import InputError


def wrapped(cause: Exception) -> Exception:
    error = RuntimeError("the task failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "/data is full: make room"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "/data is full: make room"),
        (OperationalError("INSERT", {}, Exception("database or disk is full")), "is full"),
        (httpx.ConnectError("refused"), "Prefect server at http://127.0.0.1:4/api answers no"),
        (MlflowException("API request to http://x failed"), "MLflow server at http://m answers no"),
        (
            MlflowException(
                "API request to http://user:secret@m/api failed with exception refused"
            ),
            "(API request to http://m/api failed with exception refused)",
        ),
        (
            MlflowException("API request to endpoint /api failed with error code 401 != 200."),
            "http://m refuses this login: set MLFLOW_TRACKING_USERNAME",
        ),
    ],
)
def test_it_says_what_and_what_to_do(
    cause: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@m")
    for error in (cause, wrapped(cause)):
        told = explain_trouble(error, Path("/data"))
        assert told is not None
        assert said in told
        assert "secret" not in told
        assert told.endswith("run the same command again: finished stages are reused.")


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EACCES, "denied"), KeyError(1)])
def test_anything_else_keeps_its_traceback(error: Exception) -> None:
    assert explain_trouble(error, Path("/data")) is None


def test_a_prefect_server_that_is_gone_is_known_by_whatever_it_led_to() -> None:
    assert prefect_is_gone(wrapped(httpx.ReadError("")))
    assert not prefect_is_gone(wrapped(MlflowException("API request to http://x failed")))
    download = InputError("http://x/archive.zip does not answer")
    download.__cause__ = httpx.ConnectError("refused")
    assert not prefect_is_gone(download)
