"""The fuzzers' targets hold on their own seeds, and on a few hundred changes of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz import archive, lists

Target = Callable[[Path], Callable[[bytes], None]]


@pytest.mark.parametrize(
    ("target", "seeds"), [(archive.target, archive.seeds()), (lists.target, lists.seeds())]
)
def test_seeds_and_changes_of_them_are_refused_or_whole(
    target: Target, seeds: list[bytes], tmp_path: Path
) -> None:
    feed, chance = target(tmp_path), np.random.default_rng(0)
    for seed in seeds:
        feed(seed)
        for _ in range(12):
            changed = bytearray(seed)
            for place in chance.integers(0, len(seed), 4) if seed else ():
                changed[place] = chance.integers(256)
            feed(bytes(changed[: chance.integers(len(changed) + 1)]))


def test_a_target_notices_what_is_no_error_of_the_projects_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise IndexError("in a library")

    monkeypatch.setattr("lfw.archive.unpack", fail)
    with pytest.raises(IndexError):
        archive.target(tmp_path)(b"r")
