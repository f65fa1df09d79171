"""What `lfw train` answers before it has gone to work: nothing is tracked, no server is started."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

Answered = Callable[..., tuple[int, str, str]]


def test_a_misspelt_name_is_answered_before_anything_is_tracked(
    answered: Answered, source: Path
) -> None:
    code, out, err = answered(
        "train", "--source", str(source), "--people", "Nobody_Here", "Nor_There"
    )
    assert (code, out) == (2, "")
    assert "Nobody_Here" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seed", "-1"), "seed = '-1'"),
        (("--epochs", "0"), "epochs"),
        (("--top", "3", "--min-images", "9"), "choose people in one way"),
        (("--model", "vgg"), "model = 'vgg'"),
        (("--source", "/nowhere/at.zip"), "there is no /nowhere/at.zip"),
        (("--errata", "/nowhere/errata.csv"), "there is no file /nowhere/errata.csv"),
        (("--source", "http://[x"), "no address"),
        (("--bogus",), "bogus"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    answered: Answered, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = answered("train", *arguments)
    assert (code, out) == (2, "")
    [line] = err.strip().splitlines()
    assert said in line


def test_a_dead_tracking_server_is_told_at_once(answered: Answered) -> None:
    began = time.monotonic()
    code, out, err = answered("train", MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert (code, out) == (2, "")
    assert "No MLflow server answers" in err
    assert time.monotonic() - began < 20


def test_an_unusable_data_folder_is_told_at_once(answered: Answered) -> None:
    code, out, err = answered("train", LFW_DATA="/proc/nothing/here")
    assert (code, out) == (2, "")
    [line] = err.strip().splitlines()
    assert "cannot be written to" in line
