"""Which results of stages hold something of a person, or were learned from it."""

import re
from collections.abc import Iterable
from pathlib import Path

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
_TEXT = {".csv", ".json", ".md", ".txt"}


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
    either = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf"(?<![\w.-])(?:{either})(?=_\d{{4}}\b|[^\w-]|$)")


def _names(path: Path, named: re.Pattern[str]) -> bool:
    if path.name == _SAYS_WHO_IS_NOT_READ:
        return False
    if path.suffix in _TEXT:
        return named.search(path.read_text(encoding="utf-8", errors="replace")) is not None
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path).select_dtypes(exclude="number")
        return any(named.search(str(value)) for name in frame for value in frame[name].unique())
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as saved:
            words = [saved[name] for name in saved.files if saved[name].dtype.kind in "US"]
        return any(named.search(str(word)) for array in words for word in array.ravel())
    return False
