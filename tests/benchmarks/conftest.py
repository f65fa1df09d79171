"""What tests of benchmarks share."""

from pathlib import Path

import pytest

from benchmarks.data import Data, bring


@pytest.fixture(scope="session")
def data(sample_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Data:
    """The small sample, fetched from its zip."""
    return bring(str(sample_zip), tmp_path_factory.mktemp("data"))
