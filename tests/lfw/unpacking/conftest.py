"""Where tests of unpacking unpack to."""

from pathlib import Path

import pytest


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "made"
