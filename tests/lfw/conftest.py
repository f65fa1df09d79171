"""What tests of the library share."""

from pathlib import Path

import pytest

from tests.lfw.lists import ROWS, write_list


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    for name, rows in ROWS.items():
        write_list(tmp_path, name, rows)
    return tmp_path
