"""The services of infra/compose.yaml as processes of this machine.

Commands, settings and health checks are those of the file, as Docker Compose itself reads it. Only
host names, ports and paths are others; PostgreSQL's image is stood in for by Debian's package.
"""

import contextlib
import functools
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from infra.processes import GuardedProcess
from infra.stack.make_secrets import make_secrets

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "infra" / "compose.yaml"
INSTALL = 'make setup EXTRAS="--extra team --group stack", and Debian\'s package postgresql'
PROGRAMS = Path(sys.executable).parent

HOST = "127.0.0.1"
PORTS = (4200, 5000, 5432, 8080, 8090, 8333, 8888, 9333)
WAIT_SECONDS = 600.0
RUN_SECONDS = 500.0


@functools.cache
def composed() -> dict[str, Any]:
    """What Docker Compose makes of the file, with nothing set in the environment."""
    done = docker_compose("--profile", "tools", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def docker_compose(
    *arguments: str, file: Path = COMPOSE, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the real Docker Compose, which needs no engine to read a file."""
    import compose

    program = Path(str(compose.__file__)).with_name("docker-compose")
    return subprocess.run(
        [program, "--file", str(file), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def postgres_programs(image: str) -> Path | None:
    """Where Debian keeps the programs of an image's major version of PostgreSQL."""
    found = re.match(r"postgres:(\d+)", image)
    assert found, image
    folder = Path(f"/usr/lib/postgresql/{found[1]}/bin")
    return folder if (folder / "postgres").exists() else None


def what_is_missing() -> list[str]:
    """Name what the stack needs and is not here."""
    import importlib.util

    modules = ("boto3", "compose", "flask_wtf", "psycopg2")
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if not (PROGRAMS / "weed").exists():
        missing.append("weed")
    if not missing and postgres_programs(composed()["services"]["postgres"]["image"]) is None:
        missing.append("PostgreSQL")
    return missing


def _free_ports(count: int) -> list[int]:
    """Find ports whose neighbours 10,000 above, where the store speaks gRPC, are free too.

    All are below those that Linux gives to outgoing connections, from 32,768 on: one of these would
    take a port between the search and its use.
    """
    found: list[int] = []
    for port in range(11000 + 16 * os.getpid() % 10000, 22700):
        if len(found) == count:
            return found
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for number in (port, port + 10000):
                held.enter_context(socket.socket()).bind((HOST, number))
            found.append(port)
    raise AssertionError("no ports are free")


class TeamStack:
    """The stack in a folder of its own.

    Attributes
    ----------
    folder
        Volumes, logs, secrets.
    secrets
        The folder of the secrets.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self._settings = settings
        self._ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self._running: dict[str, GuardedProcess] = {}
        self._database = Path(tempfile.mkdtemp(prefix="lfw-postgres-", dir="/tmp"))
        self._database.chmod(0o755)  # the server's user has to pass
        for volume in ("store", "data", "home"):
            (folder / volume).mkdir(parents=True)
        make_secrets(self.secrets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)
        shutil.rmtree(self._database, ignore_errors=True)

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8")

    def url(self, service: str) -> str:
        port = {"prefect": 4200, "mlflow": 5000, "store": 8333, "master": 9333}[service]
        return f"http://{HOST}:{self._ports[port]}"

    # --- what the file says, on this machine ---------------------------------------------------

    def here(self, text: str, service: str) -> str:
        """Put this machine's hosts, ports and paths in the place of the containers'."""
        text = re.sub(r"\b(postgres|prefect|mlflow|store):(?=\d)", f"{HOST}:", text)
        text = text.replace("0.0.0.0", HOST)  # noqa: S104
        numbers = "|".join(map(str, PORTS))
        text = re.sub(rf"\b({numbers})\b", lambda found: str(self._ports[int(found[0])]), text)
        text = text.replace("/run/secrets/", f"{self.secrets}/").replace("/app/", f"{ROOT}/")
        volume = "store" if service == "store" else "data"
        for inside in ("data", "backups", "tmp/prefect"):
            outside = self.folder / (volume if inside == "data" else inside)
            text = re.sub(rf"(?<![\w/])/{inside}\b", str(outside), text)
        return text

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """Give the whole environment of a service's process."""
        said = composed()["services"][service].get("environment") or {}
        environ = {name: self.here(value or "", service) for name, value in said.items()}
        if environ.get("PGHOST") == "postgres":
            environ["PGHOST"] = HOST
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        paths = [PROGRAMS, self._postgres_programs(), *os.environ["PATH"].split(os.pathsep)]
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "PATH": os.pathsep.join(map(str, paths)),
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "*",
            **environ,
            **more,
        }

    def command(self, service: str, *instead: str) -> list[str]:
        """Give a service's command line, or another one behind its entrypoint."""
        said = composed()["services"][service]
        words = [*(said["entrypoint"] or []), *(instead or said["command"] or [])]
        return [self.here(word, service) for word in words]

    # --- processes -----------------------------------------------------------------------------

    def start(self, service: str) -> None:
        """Start a service that goes on."""
        more = self._settings if service == "worker" else {}
        environ = [f"{name}={value}" for name, value in self.environment(service, **more).items()]
        command = ["env", "-i", *environ, *self.command(service)]
        log = self.folder / "logs" / f"{service}.log"
        self._running[service] = GuardedProcess(service, command, log, {})

    def run(self, service: str, *instead: str, expect: int = 0) -> str:
        """Run a service that ends, and give what it said."""
        return self.run_as({}, service, *instead, expect=expect)

    def run_as(self, login: Mapping[str, str], service: str, *instead: str, expect: int = 0) -> str:
        """Run a service that ends with another login than its own."""
        environ = self.environment(service, **login)
        for name in login:
            environ.pop(f"{name}_FILE", None)
        done = subprocess.run(
            self.command(service, *instead),
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == expect, f"{service}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def wait(self, *services: str) -> None:
        """Wait until the services' own health checks pass."""
        deadline = time.monotonic() + WAIT_SECONDS
        for service in services:
            while not self.is_healthy(service):
                self._running[service].check()
                assert time.monotonic() < deadline, self.log(service)
                time.sleep(0.2)

    def is_healthy(self, service: str) -> bool:
        kind, *words = composed()["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [self.here(word, service) for word in words]
        if service == "postgres":
            command.append(f"--port={self._ports[5432]}")
        environ = self.environment(service)
        done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, check=False)
        return done.returncode == 0

    def wait_for_run(self, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Wait until a flow run is over, and give its state."""
        deadline = time.monotonic() + RUN_SECONDS
        while (found := state())["type"] in {"SCHEDULED", "PENDING", "RUNNING"}:
            for process in self._running.values():
                process.check()
            assert time.monotonic() < deadline, self.log("worker")
            time.sleep(0.5)
        return found

    def stop(self, *services: str) -> None:
        """Stop those of some services that run."""
        for service in services:
            if service in self._running:
                self._running.pop(service).stop()

    def log(self, service: str) -> str:
        path = self.folder / "logs" / f"{service}.log"
        return path.read_text(encoding="utf-8", errors="replace")[-6000:]

    def story(self) -> str:
        """Give the end of every service's log, for the message of a failure."""
        names = sorted(path.stem for path in (self.folder / "logs").glob("*.log"))
        return "\n".join(f"--- {name}\n{self.log(name)}" for name in names)

    # --- PostgreSQL: what its image does -------------------------------------------------------

    def _postgres_programs(self) -> Path:
        folder = postgres_programs(composed()["services"]["postgres"]["image"])
        assert folder
        return folder

    def start_postgres(self) -> None:
        """Make a database cluster, run the init script, and serve it."""
        said = composed()["services"]["postgres"]["environment"]
        data, password = self._database / "data", self._database / "password"
        password.write_text(self.secret("postgres_password"), encoding="utf-8")
        user = _server_user()
        for path in (self._database, password):
            if user:
                shutil.chown(path, user, user)
        bare = [f"--username={said['POSTGRES_USER']}", f"--pwfile={password}", f"--pgdata={data}"]
        arguments = said["POSTGRES_INITDB_ARGS"].split()
        initdb = [str(self._postgres_programs() / "initdb"), *bare, *arguments]
        subprocess.run(_as(user, initdb), check=True, capture_output=True, cwd="/")
        place = [f"-p{self._ports[5432]}", f"-k{self._database}", f"-clisten_addresses={HOST}"]
        server = [str(self._postgres_programs() / "postgres"), f"-D{data}", *place]
        log = self.folder / "logs" / "postgres.log"
        self._running["postgres"] = GuardedProcess("postgres", _as(user, server), log, {})
        self._wait_for_socket()
        self.make_databases()

    def make_databases(self) -> None:
        """Run the init script as the image does: through the socket, which trusts."""
        script = ROOT / "infra" / "postgres" / "10-databases.sh"
        subprocess.run([script], env=self._by_socket(), check=True, capture_output=True)

    def superuser(self, *statements: str) -> None:
        commands = [f"--command={statement}" for statement in statements]
        psql = ["psql", "--quiet", "--set=ON_ERROR_STOP=1", "--username=postgres", *commands]
        subprocess.run(psql, env=self._by_socket(), check=True, capture_output=True)

    def _by_socket(self) -> Mapping[str, str]:
        environ = self.environment("postgres")
        return {**environ, "PGHOST": str(self._database), "PGPORT": str(self._ports[5432])}

    def _wait_for_socket(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        ready = ["pg_isready", "--quiet", "--username=postgres", "--dbname=postgres"]
        while subprocess.run(ready, env=self._by_socket(), check=False).returncode:
            self._running["postgres"].check()
            assert time.monotonic() < deadline, self.log("postgres")
            time.sleep(0.1)


def _server_user() -> str | None:
    """PostgreSQL refuses to be served by root: Debian's package has a user for it."""
    if os.geteuid():
        return None
    return pwd.getpwnam("postgres").pw_name


def _as(user: str | None, command: Sequence[str]) -> list[str]:
    if user is None:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]
