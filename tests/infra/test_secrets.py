"""Passwords in addresses are shown to nobody: in no message, finding, link or list of processes."""

import contextlib
import socketserver
from pathlib import Path

import psutil
import pytest

from infra import mlflow_server as servers
from infra.mlflow_store import check_tracking_server, without_password
from infra.prefect_server import prefect_server
from infra.processes import free_port
from infra.server_checks import check_mlflow, check_prefect
from lfw.errors import InputError
from lfw.sources import choose_source
from tests.infra.support import processes_of, wait_until

CANARY = "c4n4ry-password"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"postgresql://lfw:{CANARY}@db:5432/mlflow", "postgresql://db:5432/mlflow"),
        (f"http://ann:{CANARY}@h:5000/api", "http://h:5000/api"),
        (f"http://ann:{CANARY}@x@h/api", "http://h/api"),
        ("https://ann@h/a@b", "https://h/a@b"),
        (f"postgresql://lfw:a/{CANARY}@db/mlflow", "postgresql://db/mlflow"),
        (f"postgresql://lfw:a?{CANARY}#b@db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("http://127.0.0.1:4200/api", "http://127.0.0.1:4200/api"),
    ],
)
def test_an_address_is_shown_without_its_login(address: str, shown: str) -> None:
    assert without_password(address) == shown
    assert without_password(f"no answer from {address} yet") == f"no answer from {shown} yet"


@pytest.mark.parametrize(
    "text",
    [
        "https://host.example/data@v2/lfw.zip",
        "https://host.example:8080/data@v2/lfw.zip?by=a@b",
        "http://[::1]:5000/api@2",
        "sqlite:////home/ann@corp.example/mlflow.db",
        "sqlite:////ann@corp.example/mlflow.db",
        "./mlruns",
        "/home/ann@corp.example/mlruns",
        "",
    ],
)
def test_what_has_no_login_is_shown_as_it_is(text: str) -> None:
    assert without_password(text) == text


def test_no_message_about_a_server_has_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://ann:{CANARY}@127.0.0.1:{free_port(0)}"
    said = []
    monkeypatch.setenv("PREFECT_API_URL", f"{url}/api")
    with pytest.raises(InputError) as caught, prefect_server(tmp_path):
        pass
    said.append(str(caught.value))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    with pytest.raises(InputError) as caught:
        check_tracking_server(tmp_path)
    said.append(str(caught.value))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"ftp://ann:{CANARY}@h")
    with pytest.raises(InputError) as caught, servers.mlflow_server(tmp_path):
        pass
    said.append(str(caught.value))
    said.append(check_prefect(tmp_path, {"PREFECT_API_URL": f"{url}/api"}).detail)
    said.append(check_mlflow(tmp_path, {"MLFLOW_TRACKING_URI": url}).detail)
    assert all("127.0.0.1" in text or "ftp://h" in text for text in said)
    assert not any(CANARY in text for text in said)


@pytest.mark.parametrize("place", ["--source", "LFW_SOURCE"])
def test_an_address_with_a_login_is_no_source_since_sources_are_recorded(
    place: str, tmp_path: Path
) -> None:
    url = f"https://ann:{CANARY}@example.org/lfw.zip"
    asked = ("auto", {"LFW_SOURCE": url}) if place == "LFW_SOURCE" else (url, {})
    with pytest.raises(InputError, match=r"at example\.org has a login in it.*~/\.netrc") as caught:
        choose_source(asked[0], tmp_path, asked[1])
    assert CANARY not in str(caught.value)


def test_the_list_of_processes_does_not_show_a_databases_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database never answers, and hangs up at the end: the server is seen waiting for it."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as db:
        uri = f"postgresql://lfw:{CANARY}@127.0.0.1:{db.server_address[1]}/mlflow"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        server = servers.MlflowServer(tmp_path, None)
        try:
            server.start()
            # A process that was just started may show no command line yet.
            assert wait_until(lambda: any(map(is_server, command_lines(tmp_path))), 10)
            shown = command_lines(tmp_path)
        finally:
            server.stop()
    assert any(map(is_server, shown))
    assert not any(CANARY in line for line in shown)


def command_lines(folder: Path) -> list[str]:
    shown = []
    for process in processes_of(folder):
        with contextlib.suppress(psutil.Error):  # it has ended
            shown.append(" ".join(process.cmdline()))
    return shown


def is_server(line: str) -> bool:
    return "mlflow server" in line
