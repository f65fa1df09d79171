"""Libraries are there before they are asked for, and a missing one is no matter here."""

import contextlib
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import ahead, cli, prefect_server
from lfw.parameters import (
    AuditParameters,
    Checked,
    PretrainParameters,
    ScoreParameters,
    TrainParameters,
)


def test_libraries_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("colorsys", "there_is_no_such_module")
    monkeypatch.setattr(ahead, "_LIBRARIES", names)
    for name in (*names, "tabnanny", "quopri"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    before, threshold = gc.get_freeze_count(), gc.get_threshold()
    try:
        ahead.import_ahead("tabnanny", ("nor_is_there_this", "quopri")).join()
        assert {"colorsys", "tabnanny", "quopri"} <= set(sys.modules)
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)


def test_the_code_of_stages_is_parsed_ahead_and_not_once_more() -> None:
    code = (
        "import ast, sys\n"
        "from infra.ahead import import_ahead\n"
        "import_ahead('flows.train_faces', digested=True).join()\n"
        "def parsed_anew(*_): raise AssertionError\n"
        "ast.parse = parsed_anew\n"
        "import importlib.metadata; importlib.metadata.packages_distributions = parsed_anew\n"
        "from infra.ahead import digest_stages\n"
        "print(*sorted(digest_stages()))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"train", "evaluate", "register", "stratified-split"} <= set(ran.stdout.split())


@pytest.mark.parametrize("digested", [True, False])
@pytest.mark.parametrize("wrong", [ModuleNotFoundError, RuntimeError, SyntaxError])
def test_code_that_cannot_be_read_ahead_is_left_to_its_stage(
    digested: bool, wrong: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def digest_stages() -> list[str]:
        asked.append(wrong)
        raise wrong("that is no code")

    monkeypatch.setattr(ahead, "_LIBRARIES", ())
    monkeypatch.setattr(ahead, "digest_stages", digest_stages)
    threshold = gc.get_threshold()
    seen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    try:
        ahead.import_ahead("tabnanny", digested=digested).join()
        assert gc.isenabled()
        assert len(asked) == digested
        assert not seen
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)


@pytest.mark.parametrize(
    ("wanted", "libraries"),
    [
        (TrainParameters(), ("keras",)),
        (TrainParameters(model="compact"), ("keras",)),
        (TrainParameters(model="hog"), ()),
        (PretrainParameters(), ("keras",)),
        (ScoreParameters(), ("keras",)),
        (AuditParameters(), ()),
    ],
)
def test_tensorflow_comes_ahead_where_a_network_is_to_be_asked(
    wanted: Checked, libraries: tuple[str, ...]
) -> None:
    assert ahead.libraries_of(wanted) == libraries
    again = libraries if isinstance(wanted, ScoreParameters) else ()
    assert ahead.libraries_of(wanted, asked_before=True) == again


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_command_does_ahead_what_a_starting_server_leaves_time_for(
    at_hand: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def import_ahead(
        module: str, more: tuple[str, ...] = (), *, digested: bool = False
    ) -> threading.Thread:
        asked.append((module, more, digested))
        thread = threading.Thread()
        thread.start()
        return thread

    @contextlib.contextmanager
    def served(_: Path) -> Iterator[str]:
        yield "http://127.0.0.1:4/api"

    monkeypatch.setenv("LFW_DATA", str(tmp_path))
    for module, name, replaced in (
        (prefect_server, "server_at_hand", lambda _: at_hand),
        (prefect_server, "client_settings", lambda _: {}),
        (prefect_server, "prefect_server", served),
        (ahead, "import_ahead", import_ahead),
        (ahead, "tell_prefect", lambda _: None),
        (ahead, "send_what_is_left", lambda _: None),
    ):
        monkeypatch.setattr(module, name, replaced)
    wanted = TrainParameters()
    assert cli._on_a_server("builtins:dict", wanted) == wanted.model_dump()
    assert asked == [("builtins", () if at_hand else ("keras",), not at_hand)]


def test_what_was_asked_before_is_known_by_its_flow_and_parameters(tmp_path: Path) -> None:
    asked = ("flows.train_faces:train_faces", TrainParameters())
    assert not ahead.asked_before(tmp_path, *asked)
    ahead.remember(tmp_path, *asked)
    assert ahead.asked_before(tmp_path, *asked)
    assert not ahead.asked_before(tmp_path, asked[0], TrainParameters(seed=1))
    assert not ahead.asked_before(tmp_path, "flows.compare_models:compare_models", asked[1])


def test_a_note_that_cannot_be_kept_fails_no_run(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file in the way")
    asked = ("flows.train_faces:train_faces", TrainParameters())
    ahead.remember(tmp_path, *asked)
    assert not ahead.asked_before(tmp_path, *asked)


def test_prefect_hears_of_a_server_that_started_after_its_import() -> None:
    code = (
        "import os, prefect.settings as s\n"
        "assert s.PREFECT_API_URL.value() is None\n"
        "from infra.ahead import tell_prefect\n"
        "tell_prefect('http://127.0.0.1:4/api')\n"
        "print(os.environ['PREFECT_API_URL'], s.PREFECT_API_URL.value(), s.PREFECT_UI_URL.value())"
    )
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "http://127.0.0.1:4/api",
        "http://127.0.0.1:4/api",
        "http://127.0.0.1:4",
    ]
