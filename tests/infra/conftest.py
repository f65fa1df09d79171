"""Fixtures of servers."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import copy_databases
from tests.infra.support import processes_of, wait_until


@pytest.fixture(autouse=True)
def no_named_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, databases: Path) -> Iterator[Path]:
    """One data folder for all, with databases that are migrated."""
    path = tmp_path_factory.mktemp("servers")
    copy_databases(databases, path)
    yield path
    assert wait_until(lambda: not processes_of(path), 20)


@pytest.fixture
def named_server() -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()
