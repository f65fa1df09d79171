import http.server
import threading
from pathlib import Path

import httpx
import pytest

from infra.mlflow_server import mlflow_server
from infra.processes import free_port
from lfw.errors import InputError
from tests.databases import copy_databases


def test_a_named_server_is_used_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    with mlflow_server(tmp_path) as url:
        assert url == "http://tracking.example:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(InputError, match="neither"), mlflow_server(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


class _Healthy(http.server.BaseHTTPRequestHandler):
    """A stranger that answers 200 to everything, as another MLflow server does to /health."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"not yours")

    def log_message(self, *_: object) -> None:
        pass


def test_a_stranger_on_the_port_is_not_taken_for_our_own_server(
    tmp_path: Path, databases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_databases(databases, tmp_path)
    # As if the stranger had come between the look-up of the port and the start.
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Healthy) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        taken = iter([stranger.server_port])
        monkeypatch.setattr(
            "infra.mlflow_server.free_port", lambda port: next(taken, None) or free_port(port)
        )
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with mlflow_server(tmp_path) as url:
            assert url != f"http://127.0.0.1:{stranger.server_port}"
            assert httpx.get(f"{url}/health", trust_env=False).text == "OK"
        stranger.shutdown()
