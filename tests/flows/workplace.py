"""A place to run the command line in: a home, a data folder and a copy of the code of its own."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra.prefect_server import local_server, prefect_server
from tests.databases import copy_databases, unnamed_servers
from tests.flows.forked import run_forked

ROOT = Path(__file__).parents[2]
PACKAGES = ("lfw", "tasks", "flows", "infra")
CHOSEN = ("--top", "3", "--images-per-person", "15")
QUICK = (*CHOSEN, "--model", "compact", "--epochs", "2")
HOG = (*CHOSEN, "--model", "hog")
"""The quickest training that goes through every stage: it loads no TensorFlow."""

STAGES = [
    "fetch-and-unpack",
    "read-lists",
    "path-expansion",
    "resolution-audit",
    "bias-report",
    "find-embedding",
    "stratified-split",
    "train",
    "baselines",
    "open-set",
    "evaluate",
    "register",
]

_TIMEOUT = 1500

# The last that happens before a flow begins; a stage is sealed when all else of it is written.
_HELD = """
_tell = tell_prefect


def tell_prefect(api_url):
    import time

    import tasks.stages

    def never(folder, name, *rest):
        end = time.monotonic() + 600
        while name == {stage!r} and time.monotonic() < end:
            time.sleep(0.01)
        return seal(folder, name, *rest)

    _tell(api_url)
    seal, tasks.stages.write_record = tasks.stages.write_record, never
"""

# A flow's first act is to hold its run's lock.
_IDLE = """
_tell = tell_prefect


def tell_prefect(api_url):
    import time

    import tasks.runs

    _tell(api_url)
    tasks.runs.owned = lambda *_: time.sleep(600)
"""


class Workplace:
    """A fresh home and data folder, and a copy of the code that a test may change.

    Parameters
    ----------
    folder
        Where to make all that; it is made, too.
    source
        The data set.
    databases
        A data folder whose migrated databases are copied. Without it the first command starts
        from nothing, as a new user's does, and spends seconds on migrations.
    forked
        Whether commands that run to their end begin with the libraries imported
        (:mod:`tests.flows.forked`), not as processes from nothing.
    """

    def __init__(
        self, folder: Path, source: Path, databases: Path | None = None, *, forked: bool = False
    ) -> None:
        self._forked = forked
        self.folder = folder
        self.data = folder / "data"
        self.code = folder / "code"
        self.source = source
        (folder / "home").mkdir(parents=True)
        for package in PACKAGES:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, self.code / package, ignore=ignore)
        if databases is not None:
            copy_databases(databases, self.data)

    def environment(self, **more: str) -> dict[str, str]:
        kept = ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        return environment | {
            "HOME": str(self.folder / "home"),
            "LFW_DATA": str(self.data),
            "PYTHONPATH": str(self.code),
            **more,
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.cli", *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_listen_to_interrupts,  # noqa: PLW1509 (no threads are at work here)
        )

    def run(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        if self._forked:
            return run_forked(arguments, self.folder, self.environment(**more), _TIMEOUT)
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=_TIMEOUT)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, out, err

    def ask(self, *arguments: str, **more: str) -> dict[str, Any]:
        """Run a command that ends well, and give its result."""
        code, out, err = self.run(*arguments, "--json", **more)
        assert code == 0, err[-4000:]
        result: dict[str, Any] = json.loads(out)
        return result

    def train(self, *arguments: str, **more: str) -> dict[str, Any]:
        """Train quickly on the small sample, and give the result."""
        return self.ask("train", "--source", str(self.source), *QUICK, *arguments, **more)

    def server(self) -> str:
        """Give the address of the Prefect server that is kept up."""
        state = local_server(self.data)
        assert state is not None
        return state.url

    def kill_in(self, stage: str, *arguments: str) -> None:
        """Kill a training with SIGKILL once it writes in a stage's folder, which it never ends."""
        asked = ("train", "--source", str(self.source), *arguments)
        with self._ahead(_HELD.format(stage=stage)):
            self.kill_when(lambda: in_work(self.data / "stages" / stage), *asked)

    def kill_before_work(self, *arguments: str) -> str:
        """Kill a training with SIGKILL once Prefect calls it RUNNING, and give its flow run."""
        running = "select replace(id, '-', '') from flow_run where state_type = 'RUNNING'"
        asked = ("train", "--source", str(self.source), *arguments)
        with self._ahead(_IDLE):
            self.kill_when(lambda: bool(prefect_rows(self, running)), *asked)
        [(flow_run_id,)] = prefect_rows(self, running)
        return str(flow_run_id)

    @contextlib.contextmanager
    def _ahead(self, more: str) -> Iterator[None]:
        """Let commands do something else where their server starts."""
        path = self.code / "infra" / "ahead.py"  # no stage rests on it
        code = path.read_text(encoding="utf-8")
        path.write_text(code + more, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(code, encoding="utf-8")

    def kill_when(self, condition: Callable[[], bool], *arguments: str) -> None:
        """Kill a command with SIGKILL as soon as something is so."""
        process = self.start(*arguments)
        try:
            wait_for(condition, process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            print(process.communicate()[1])  # shown if the test fails
        assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"


@contextlib.contextmanager
def server_of(made: Workplace) -> Iterator[Workplace]:
    """Keep a workplace's Prefect server up from command to command."""
    with unnamed_servers(), prefect_server(made.data):
        yield made


def _listen_to_interrupts() -> None:
    """Undo what a shell does to a command in its background, and a command passes on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def in_work(home: Path) -> bool:
    """Say whether a stage is at work: its unfinished folder is there."""
    return home.is_dir() and any(path.name.startswith(".partial-") for path in home.iterdir())


def wait_for(
    condition: Any, process: subprocess.Popen[str], seconds: float = 1500, pause: float = 0.005
) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < end, "the run never came so far"
        time.sleep(pause)


def reused(result: dict[str, Any]) -> dict[str, bool]:
    """Give for each stage whether it was reused."""
    return {record["name"]: record["reused"] for record in result["stages"]}


def ran(result: dict[str, Any]) -> set[str]:
    """Name the stages that ran."""
    return {record["name"] for record in result["stages"] if not record["reused"]}


def prefect_rows(place: Workplace, query: str, *values: str) -> list[tuple[Any, ...]]:
    """Ask the Prefect server's database."""
    with sqlite3.connect(place.data / "prefect" / "prefect.db", timeout=30) as database:
        return database.execute(query, values).fetchall()
