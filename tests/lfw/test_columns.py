"""Columns of very many texts, and the memory of what is made of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw.columns import ROWS, column, is_doubled, is_sorted

ROOT = Path(__file__).parents[2]
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=30)


@given(TEXTS)
def test_a_column_is_the_one_that_pandas_makes(texts: list[str]) -> None:
    pd.testing.assert_series_equal(column(texts), pd.Series(texts, dtype="str"))


@given(TEXTS)
def test_order_and_doubles_are_those_that_pandas_finds(texts: list[str]) -> None:
    made = pd.Series(texts, dtype="str")
    assert is_sorted(made) == made.is_monotonic_increasing
    np.testing.assert_array_equal(is_doubled(made), made.duplicated(keep=False))


@pytest.mark.parametrize("place", [ROWS - 1, ROWS, ROWS + 1])
def test_pieces_are_compared_with_each_other(place: int) -> None:
    texts = [f"{number:06d}" for number in range(2 * ROWS)]
    assert is_sorted(column(texts))
    assert not is_doubled(column(texts)).any()
    texts[place] = texts[0]
    assert not is_sorted(column(texts))
    assert np.flatnonzero(is_doubled(column(texts))).tolist() == [0, place]


MEASURED = """
import json
from pathlib import Path
from benchmarks.processes import most_held, most_held_from_now
from lfw.columns import column
from lfw.manifest import manifest_of
from lfw.split import draw_split
import pandas as pd

PEOPLE, EACH = 5_000, 40


def files():
    for person in range(PEOPLE):
        for number in range(EACH):
            name = f"Person_{person:07d}"
            yield f"{name}/{name}_{number:04d}.jpg", number, f"{person * EACH + number:064x}"


list(files())
before = most_held_from_now()
manifest = manifest_of(Path("nowhere"), files())
digest = manifest.data_digest
took = {"manifest": most_held() - before}
images = manifest.images
del manifest
images["name"] = images["path"].str.split("/").str[0]
images = images.rename(columns={"path": "image_path"})[["name", "image_path", "sha256"]]
before = most_held_from_now()
draw_split(images, [], 0)
took["split"] = most_held() - before
print(json.dumps({stage: 1e6 * held / (PEOPLE * EACH) for stage, held in took.items()}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the mark of the most memory is Linux's")
def test_of_very_many_images_a_few_hundred_bytes_each_are_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert held["manifest"] < 260, "bytes; the table has 130, pandas alone makes it of 320"
    assert held["split"] < 510, "bytes; its rows have 150"
