import fcntl
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import data_checks, doctor, machine_checks, server_checks
from infra.finding import Finding
from infra.processes import free_port
from lfw import sources
from tests.databases import copy_databases

NAMES = [
    *("Python", "packages", "compiled imports", "memory"),
    *("data folder", "disk space", "data set", "half-written files"),
    *("Prefect server", "Prefect settings", "MLflow store", "open runs"),
]
QUICK = """
import os, sys, time
began = time.monotonic()
from infra.cli import main
sys.argv = ["lfw", "doctor", "--json"]
try:
    main()
except SystemExit as end:
    code = end.code
heavy = {"prefect", "mlflow", "tensorflow", "keras"} & set(sys.modules)
print(f"{time.monotonic() - began} {code or 0} {sorted(heavy)}", file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def kaggle_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "kaggle_answers", lambda: False)


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[Path]:
    """The lock of a run whose process is alive until the lock is released."""
    path = tmp_path / "mlflow" / "running" / "4f0c"
    path.parent.mkdir(parents=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield path


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


# --- the report ------------------------------------------------------------------------------


def test_a_fresh_machine_is_fine_and_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    findings = doctor.examine({"LFW_DATA": str(folder), "LFW_SOURCE": "sample"})
    assert [finding.name for finding in findings] == NAMES
    assert "fail" not in states(findings).values()
    assert not folder.exists()
    for finding in findings:
        assert finding.detail.endswith(".")
        assert bool(finding.remedy) == (finding.state != "ok")


def test_findings_print_as_a_table_or_as_one_json_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    findings = [
        Finding("memory", "warn", "It is [scarce].", "Buy some."),
        Finding("it", "ok", "x."),
    ]
    doctor.print_findings(findings, as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {"name": "memory", "state": "warn", "detail": "It is [scarce].", "remedy": "Buy some."},
        {"name": "it", "state": "ok", "detail": "x.", "remedy": ""},
    ]
    doctor.print_findings(findings, as_json=False)
    assert "It is [scarce]." in capsys.readouterr().out


def test_the_command_is_quick_and_imports_nothing_heavy(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "LFW_DATA": str(tmp_path / "data"), "LFW_SOURCE": "sample"}
    done = subprocess.run(
        [sys.executable, "-c", QUICK],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [found["name"] for found in json.loads(done.stdout)] == NAMES
    seconds, code, heavy = done.stderr.strip().splitlines()[-1].split(maxsplit=2)
    assert (code, heavy) == ("0", "[]")
    assert float(seconds) < 5  # alone on two cores about 1 s
    assert list(tmp_path.iterdir()) == []


def test_the_command_fails_if_something_is_not_in_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    environ = {"LFW_DATA": str(tmp_path / "data"), "LFW_SOURCE": "nowhere.zip"}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "doctor", "--json"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert found["data folder"]["state"] == "fail"
    assert "there is no" in found["data set"]["detail"]
    assert "Traceback" not in done.stderr


# --- machine ---------------------------------------------------------------------------------


def test_python_and_packages_have_to_be_in_their_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.check_python("3.12.4").state == "ok"
    assert machine_checks.check_python("3.14.0").state == "fail"
    wanted = ["mlflow<3,>=2", "no-such-package", "numpy", "absent; extra == 'dev'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: wanted)
    found = machine_checks.check_packages()
    assert found.state == "fail"
    assert "mlflow 3" in found.detail
    assert "no-such-package is not installed" in found.detail
    assert "numpy" not in found.detail
    assert "absent" not in found.detail


def test_slow_imports_and_little_memory_are_warned_of() -> None:
    assert machine_checks.check_bytecode({"PYTHONDONTWRITEBYTECODE": "1"}).state == "warn"
    assert machine_checks.check_bytecode({}).state == "ok"
    assert machine_checks.check_memory(1 << 30).state == "warn"
    assert machine_checks.check_memory(4 << 30).state == "ok"


# --- data ------------------------------------------------------------------------------------


def test_the_data_folder_has_to_be_writable_and_roomy(tmp_path: Path) -> None:
    assert data_checks.check_folder(tmp_path).state == "ok"
    assert data_checks.check_folder(tmp_path / "new" / "one").state == "ok"
    assert data_checks.check_folder(Path("/proc/new")).state == "fail"
    (tmp_path / "file").touch()
    assert data_checks.check_folder(tmp_path / "file" / "new").state == "fail"
    free = [data_checks.check_space(tmp_path, size).state for size in (3 << 30, 1 << 30, 1 << 20)]
    assert free == ["ok", "warn", "fail"]


def test_the_source_is_the_one_that_a_run_would_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state(environ: dict[str, str]) -> tuple[str, str]:
        found = data_checks.check_source(tmp_path, environ)
        return found.state, found.detail

    assert state({"LFW_SOURCE": "sample"})[0] == "ok"
    assert state({"LFW_SOURCE": "https://example.org/lfw.zip"})[0] == "ok"
    for wrong in ("nowhere.zip", "auto", "ftp://example.org/lfw.zip", f"{tmp_path}#sha256=12"):
        assert state({"LFW_SOURCE": wrong})[0] == "fail"
    assert state({})[0] == "warn"
    assert "SYNTHETIC" in state({})[1]
    monkeypatch.setattr(sources, "kaggle_answers", lambda: True)
    assert state({}) == ("ok", "Data: kaggle jessicali9530/lfw-dataset (Kaggle answers).")
    archive = tmp_path / "lfw.zip"
    archive.touch()
    sources.remember(tmp_path, sources.Source("archive", str(archive)))
    assert state({}) == ("ok", f"Data: archive {archive} (it was fetched before).")


def test_half_written_files_are_left_overs_unless_a_run_is_at_work(
    tmp_path: Path, lock: Path
) -> None:
    assert data_checks.check_leftovers(tmp_path).detail == "There are none."
    make_folder(tmp_path / "datasets" / ".partial-1")
    make_folder(tmp_path / "stages" / "train" / ".partial-2")
    assert data_checks.check_leftovers(tmp_path).state == "ok"
    lock.unlink()
    found = data_checks.check_leftovers(tmp_path)
    assert found.state == "warn"
    assert "datasets/.partial-1, stages/train/.partial-2" in found.detail


# --- servers ---------------------------------------------------------------------------------


def test_a_named_prefect_server_has_to_answer(named_server: str, tmp_path: Path) -> None:
    assert server_checks.check_prefect(tmp_path, {"PREFECT_API_URL": named_server}).state == "ok"
    for wrong in (f"http://127.0.0.1:{free_port(0)}/api", "127.0.0.1"):
        assert server_checks.check_prefect(tmp_path, {"PREFECT_API_URL": wrong}).state == "fail"


def test_without_a_name_the_local_server_and_its_port_are_looked_at(
    named_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(named_server.removesuffix("/api").rpartition(":")[2])
    monkeypatch.setattr(server_checks, "PREFECT_PORT", taken)
    assert server_checks.check_prefect(tmp_path, {}).state == "warn"
    monkeypatch.setattr(server_checks, "PREFECT_PORT", free_port(0))
    assert server_checks.check_prefect(tmp_path, {}).state == "ok"

    created = psutil.Process().create_time()
    for url, state in ((named_server, "ok"), (f"http://127.0.0.1:{free_port(0)}/api", "warn")):
        server = {"url": url, "pid": os.getpid(), "created": created}
        (tmp_path / "prefect").mkdir(exist_ok=True)
        (tmp_path / "prefect" / "server.json").write_text(json.dumps(server))
        found = server_checks.check_prefect(tmp_path, {})
        assert (found.state, url in found.detail) == (state, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_SERVER_EPHEMERAL_ENABLED", "True"),
        ("PREFECT_TASKS_REFRESH_CACHE", "1"),
        ("PREFECT_SERVER_API_BASE_PATH", "/prefect"),
        ("PREFECT_SERVER_API_AUTH_STRING", "me:secret"),
    ],
)
def test_settings_that_work_against_a_run_are_named(name: str, value: str) -> None:
    found = server_checks.check_prefect_settings({name: value})
    assert found.state == "warn"
    assert name in found.detail
    assert "secret" not in found.detail
    assert server_checks.check_prefect_settings({name: ""}).state == "ok"


def test_the_tracking_store_has_to_be_reachable(named_server: str, tmp_path: Path) -> None:
    def state(uri: str) -> str:
        return server_checks.check_mlflow(tmp_path, {"MLFLOW_TRACKING_URI": uri}).state

    assert state(named_server) == "ok"  # it has /api/health
    assert state(f"http://127.0.0.1:{free_port(0)}") == "fail"
    assert state("./mlruns") == "fail"
    found = server_checks.check_mlflow(
        tmp_path, {"MLFLOW_TRACKING_URI": "postgresql://me:secret@db/mlflow"}
    )
    assert found.state == "ok"
    assert "secret" not in found.detail


def test_the_own_store_has_to_be_a_database_of_this_version(
    tmp_path: Path, databases: Path
) -> None:
    database = make_folder(tmp_path / "mlflow") / "mlflow.db"
    assert server_checks.check_mlflow(tmp_path, {}).detail.endswith("the first run makes it.")
    database.write_text("this is no database " * 100)
    assert server_checks.check_mlflow(tmp_path, {}).state == "fail"
    database.unlink()
    copy_databases(databases, tmp_path)
    assert server_checks.check_mlflow(tmp_path, {}).state == "ok"
    (tmp_path / "mlflow" / "schema.json").write_text('{"mlflow": "3.1.0", "revision": "old"}')
    assert server_checks.check_mlflow(tmp_path, {}).state == "warn"


def test_runs_whose_process_is_gone_are_named(tmp_path: Path, lock: Path) -> None:
    assert server_checks.check_open_runs(tmp_path).state == "ok"
    (lock.parent / "a1b2").write_text("host 1\n")
    found = server_checks.check_open_runs(tmp_path)
    assert found.state == "warn"
    assert found.detail.startswith("1 run is open though its process is gone: a1b2")
