"""What grows from run to run is told from what only swings."""

import numpy as np
import pytest

from benchmarks.soak import _LARGEST_GROWTH, summary


def rows(**grows: float) -> list[dict[str, float]]:
    """Quantities that swing by a tenth, and grow as is said."""
    rng = np.random.default_rng(0)
    return [
        {
            name: 20 + 0.1 * float(rng.normal()) + k * grows.get(name, 0.0)
            for name in _LARGEST_GROWTH
        }
        for k in range(104)
    ]


def test_what_swings_does_not_grow() -> None:
    assert summary(rows())["growing"] == []


@pytest.mark.parametrize("name", _LARGEST_GROWTH)
def test_what_grows_by_more_than_it_may_is_named(name: str) -> None:
    found = summary(rows(**{name: 1.5 * _LARGEST_GROWTH[name]}))
    assert found["growing"] == [name]
    row = found["quantities"][name]
    assert row["growth"] == pytest.approx(1.5 * _LARGEST_GROWTH[name], abs=3 * row["error"])


@pytest.mark.parametrize("name", _LARGEST_GROWTH)
def test_a_little_is_allowed(name: str) -> None:
    assert summary(rows(**{name: 0.5 * _LARGEST_GROWTH[name]}))["growing"] == []
