"""Which results of stages hold something of a person, or were learned from it."""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lfw.digest import text_digest
from lfw.embedding.store import MANIFEST
from lfw.files import discard, new_folder_beside
from lfw.manifest import person_of
from tasks.stages import StageOutput, read_output

_READING = "fetch-and-unpack"

_OF_EVERYBODY = frozenset(
    {_READING, "read-lists", "path-expansion", "resolution-audit", "bias-report"}
)
"""Stages that everything rests on: what rests on them need not hold everybody."""

_NO_IMAGES = frozenset({"find-embedding"})
"""What these bring is in the registry, where the version is marked."""

_SAYS_WHO_IS_NOT_READ = "dataset.json"
_TEXT = {".csv", ".md", ".txt"}
_COLUMNS = ["kind", "path", "sha256"]


@dataclass(frozen=True)
class Reading:
    """What is kept of a data set that was read.

    Attributes
    ----------
    folder
        Where it is kept.
    kind, location
        Of the data set's source (see :class:`lfw.sources.Source`).
    images
        ``path`` and ``sha256`` of every image; of none if that can no longer be read.
    """

    folder: Path
    kind: str
    location: str
    images: pd.DataFrame

    def shows(self, names: Collection[str]) -> "pd.Series[bool]":
        """Tell of each image whether it is of one of some people."""
        return person_of(self.images["path"]).isin(names)


def readings(data_folder: Path) -> list[Reading]:
    """Give what is kept of every data set that was read, if it says where that came from."""
    found = []
    for path in sorted((data_folder / "stages" / _READING).glob(f"*/{_SAYS_WHO_IS_NOT_READ}")):
        try:
            source = json.loads(path.read_text(encoding="utf-8"))["source"]
            kind, location = str(source["kind"]), str(source["location"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(Reading(path.parent, kind, location, _images_of(path.with_name(MANIFEST))))
    return found


def _images_of(manifest: Path) -> pd.DataFrame:
    try:
        files = pd.read_csv(manifest, dtype=str, keep_default_na=False)[_COLUMNS]
    except (OSError, ValueError, KeyError):
        files = pd.DataFrame(columns=_COLUMNS, dtype=str)
    return files[files["kind"] == "image"]


def leave_rest(reading: Reading, names: Collection[str]) -> None:
    """Put what a reading tells of other people in its place.

    Whose the other images are, and where they came from, is asked when somebody else is forgotten.
    Under its name it is no stage's result; two that tell the same are one.
    """
    told = reading.images[~reading.shows(names)].to_csv(index=False)
    source = json.dumps({"source": {"kind": reading.kind, "location": reading.location}})
    rest = reading.folder.with_name(f"rest-{text_digest([source, told])[:16]}")
    if rest == reading.folder:
        return
    with new_folder_beside(rest) as partial:
        made = partial / "made"
        made.mkdir()
        (made / MANIFEST).write_text(told, encoding="utf-8")
        (made / _SAYS_WHO_IS_NOT_READ).write_text(source, encoding="utf-8")
        discard([rest])
        made.replace(rest)
    discard([reading.folder])


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
