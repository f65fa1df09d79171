"""Which results of stages hold something of a person, or were learned from it."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.stages import StageOutput, read_output

_OF_EVERYBODY = frozenset(
    {"fetch-and-unpack", "read-lists", "path-expansion", "resolution-audit", "bias-report"}
)
"""Stages that everything rests on: what rests on them need not hold everybody."""

_NO_IMAGES = frozenset({"find-embedding"})
"""What these bring is in the registry, where the version is marked."""

_SAYS_WHO_IS_NOT_READ = "dataset.json"
_TEXT = {".csv", ".md", ".txt"}


def holding(data_folder: Path, names: Iterable[str]) -> list[Path]:
    """Give the folders of stages' results that hold something of some people.

    That is: what names them, what was learned from a split or cohort that names them and all that
    rests on it, and what cannot be read.

    Parameters
    ----------
    data_folder
        The project's data folder.
    names
        The people.
    """
    named = _pattern(names)
    held: list[Path] = []
    spreading: list[StageOutput] = []
    others: list[StageOutput] = []
    for folder in stage_folders(data_folder):
        output = read_output(folder)
        if output is None:
            held.append(folder)
        elif output.stage in _NO_IMAGES:
            continue
        elif _unknown_origin(output) or any(_names(output / name, named) for name in output.files):
            held.append(folder)
            spreading += [output] if output.stage not in _OF_EVERYBODY else []
        else:
            others.append(output)
    return sorted(held + _resting_on(spreading, others))


def stage_folders(data_folder: Path) -> list[Path]:
    """Give the folder of every result of a stage."""
    return sorted(path.parent for path in (data_folder / "stages").glob("*/*/stage.json"))


def _unknown_origin(output: StageOutput) -> bool:
    """Tell results of earlier versions, which did not record what they rest on."""
    return not output.rests_on and output.stage not in _OF_EVERYBODY


def _resting_on(spreading: list[StageOutput], others: list[StageOutput]) -> list[Path]:
    found: list[Path] = []
    while spreading:
        digests = {digest for one in spreading for digest in (one.digest, *one.files.values())}
        spreading = [one for one in others if digests & set(one.rests_on.values())]
        others = [one for one in others if one not in spreading]
        found += [one.folder for one in spreading]
    return found


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Match a name as a whole: alone, as a folder, or as an image's name."""
    spelt = {text for name in names for text in (name, name.replace('"', '""'))}  # in a CSV
    either = "|".join(re.escape(text) for text in sorted(spelt))
    return re.compile(rf"(?<![\w.-])(?:{either})(?=_\d{{4}}\b|[^\w-]|$)")


def _names(path: Path, named: re.Pattern[str]) -> bool:
    if path.name == _SAYS_WHO_IS_NOT_READ:
        return False
    try:
        return any(named.search(text) for text in _texts(path))
    except (ValueError, OSError):  # what cannot be read goes
        return True


def _texts(path: Path) -> Iterator[str]:
    """Give what a file says, where it may say names."""
    if path.suffix in _TEXT:
        yield path.read_text(encoding="utf-8", errors="replace")
    elif path.suffix == ".json":
        yield from _strings(json.loads(path.read_text(encoding="utf-8")))
    elif path.suffix == ".parquet":
        frame = pd.read_parquet(path).select_dtypes(exclude="number")
        for name in frame:
            yield from map(str, frame[name].unique())
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as saved:
            for name in saved.files:
                if saved[name].dtype.kind in "US":
                    yield from map(str, saved[name].ravel())


def _strings(value: Any) -> Iterator[str]:
    """Give every text in what a JSON file holds: names of other alphabets are escaped in it."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
