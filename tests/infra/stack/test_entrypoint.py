import subprocess
import sys
from pathlib import Path

import pytest

from infra.stack.entrypoint import with_secrets
from infra.stack.healthy import healthy
from infra.stack.make_secrets import IDENTITIES, LOGIN, PASSWORDS, make_secrets
from lfw.errors import InputError
from tests.web import Reply, Site


def test_files_of_secrets_are_read_and_others_left_alone(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("öffne dich\n", encoding="utf-8")
    given = {"PGPASSWORD_FILE": str(secret), "AWS_SHARED_CREDENTIALS_FILE": "/none", "A": "b"}
    assert with_secrets(given) == {
        "PGPASSWORD": "öffne dich",
        "AWS_SHARED_CREDENTIALS_FILE": "/none",
        "A": "b",
    }
    assert with_secrets({"PGPASSWORD_FILE": "", "PGPASSWORD": "a"}) == {"PGPASSWORD": "a"}


def test_a_secret_that_is_missing_empty_or_doubled_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text(" \n")
    with pytest.raises(InputError, match=r"PGPASSWORD_FILE=.*empty is empty"):
        with_secrets({"PGPASSWORD_FILE": str(empty)})
    with pytest.raises(InputError, match=r"PGPASSWORD_FILE=.*gone cannot be read"):
        with_secrets({"PGPASSWORD_FILE": str(tmp_path / "gone")})
    with pytest.raises(InputError, match="Both PGPASSWORD and PGPASSWORD_FILE"):
        with_secrets({"PGPASSWORD_FILE": str(empty), "PGPASSWORD": "a"})


def test_the_command_takes_the_place_of_the_entrypoint(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame")
    code = "import os, sys; print(os.environ['PGPASSWORD'], os.getpid()); sys.exit(7)"
    command = [sys.executable, "-m", "infra.stack.entrypoint", sys.executable, "-c", code]
    started = subprocess.Popen(
        command,
        env={"PGPASSWORD_FILE": str(secret), "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.communicate()[0].split() == ["open", "sesame", str(started.pid)]
    assert started.returncode == 7


def test_secrets_are_made_once_and_the_folder_is_its_owners(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder) == [*PASSWORDS, LOGIN, IDENTITIES]
    assert folder.stat().st_mode & 0o777 == 0o700
    values = {path.name: path.read_text() for path in folder.iterdir()}
    assert len(set(values.values())) == len(values) == len(PASSWORDS) + 2
    assert all(len(value) >= 40 for value in values.values())
    assert values["s3_secret_key"] in values[IDENTITIES]
    assert make_secrets(folder) == []
    (folder / "mlflow_secret_key").unlink()
    assert make_secrets(folder) == ["mlflow_secret_key"]
    assert {path.name: path.read_text() for path in folder.iterdir()} != values


def test_healthy_is_what_answers_with_200(http_server: Site) -> None:
    http_server.replies["/api/health"] = Reply(200, b"true")
    http_server.replies["/moved"] = Reply(302, headers={"Location": "/api/health"})
    assert healthy(f"{http_server.url}/api/health")
    assert not healthy(f"{http_server.url}/moved")
    assert not healthy(f"{http_server.url}/none")
    assert not healthy("http://127.0.0.1:1/api/health", 1)
