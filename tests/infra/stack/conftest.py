"""The team's stack, up for the tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.stack.processes import TeamStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, sample_zip: Path) -> Iterator[TeamStack]:
    with TeamStack(tmp_path_factory.mktemp("stack"), LFW_SOURCE=str(sample_zip)) as running:
        running.start_postgres()
        running.start("store")
        running.wait("postgres")
        running.start("prefect")
        running.run("mlflow-schema")
        running.start("mlflow")
        running.wait("store", "prefect", "mlflow")
        yield running
