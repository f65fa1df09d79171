"""Rows of images that need no files: invented people and how many images each has."""

import hashlib
from collections.abc import Sequence

import pandas as pd
from hypothesis import strategies as st

from lfw.parameters import SelectionParameters
from lfw.split import Split

Pair = tuple[str, str]


def path_of(name: str, number: int) -> str:
    return f"{name}/{name}_{number:04d}.jpg"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def images_of(counts: dict[str, int]) -> pd.DataFrame:
    paths = [path_of(name, n + 1) for name, count in counts.items() for n in range(count)]
    return pd.DataFrame(
        {
            "name": [path.split("/")[0] for path in paths],
            "image_path": paths,
            "sha256": [sha(path) for path in paths],
        }
    )


def people_of(counts: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame({"name": list(counts), "images": list(counts.values())})


def chosen_by(**chosen: object) -> SelectionParameters:
    return SelectionParameters.checked(**chosen)


FOUR = {"Dee": 30, "Ann": 20, "Bob": 20, "Cy": 3}


several = st.dictionaries(
    st.sampled_from(["Ann", "Bob", "Cy", "Dee", "Eve"]), st.integers(8, 40), min_size=2
)


seeds = st.integers(0, 2**32 - 1)


shares = st.sampled_from([0.2, 0.25, 0.3, 0.5])


def parts_of(split: Split) -> dict[str, str]:
    return dict(zip(split.rows["image_path"], split.rows["part"], strict=True))


def pairs_of(paths: Sequence[str]) -> st.SearchStrategy[Pair]:
    return st.tuples(st.sampled_from(paths), st.sampled_from(paths))
