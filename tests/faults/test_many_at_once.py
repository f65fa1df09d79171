"""Runs at once, on one data folder and one store: no lock error, no mixed result."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.undisturbed import (
    Outcome,
    asked,
    check_nothing_is_left,
    store_of,
    temporary,
    trained,
)
from tests.flows.workplace import Workplace, server_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

_SEEDS = 2


@pytest.fixture
def place(tmp_path: Path, sample_zip: Path) -> Iterator[Workplace]:
    """A data folder that nothing was done in: all find it empty at once."""
    made = Workplace(tmp_path / "many", sample_zip)
    with server_of(made):
        yield made


@pytest.mark.parametrize("count", [2, 10])
def test_runs_at_once_come_to_what_one_alone_does(place: Workplace, count: int) -> None:
    tmp = str(temporary(place))

    def run(number: int) -> tuple[int, str, str]:
        process = place.start(*asked(place, *_seed(number)), "--json", TMPDIR=tmp)
        out, err = process.communicate(timeout=3000)
        return process.returncode, out, err

    with ThreadPoolExecutor(count) as pool:
        done = list(pool.map(run, range(count)))
    assert [code for code, _, _ in done] == [0] * count, [err[-2000:] for c, _, err in done if c]
    results = [json.loads(out) for _, out, _ in done]
    for number in range(_SEEDS):
        outcomes = [Outcome.of(result) for result in results[number::_SEEDS]]
        assert outcomes == [Outcome.of(trained(place, *_seed(number)))] * len(outcomes)
    client = store_of(place)
    for result in results:
        run_of = client.get_run(result["mlflow_run_id"])
        assert run_of.info.status == "FINISHED"
        assert run_of.data.metrics["test_accuracy"] == result["test"]["accuracy"]["value"]
        assert run_of.data.params["seed"] == _seed(results.index(result))[1]
    assert len({result["mlflow_run_id"] for result in results}) == count
    versions = client.search_model_versions("name = 'lfw-faces'")
    assert len(versions) == _SEEDS, "each fit is registered once"
    check_nothing_is_left(place)


def _seed(number: int) -> tuple[str, str]:
    return "--seed", str(number % _SEEDS)
