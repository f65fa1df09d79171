from pathlib import Path

import pytest

from infra.mlflow_server import mlflow_server
from lfw.errors import InputError


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
