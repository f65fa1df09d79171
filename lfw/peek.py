"""A look at who is in a data set before it is fetched, unpacked or checked."""

import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path

import pandas as pd

from lfw.archive_members import DAMAGED
from lfw.catalog import PEOPLE_LIST, read_people
from lfw.classes import select_classes
from lfw.download import kept_from_kaggle
from lfw.embedding.cohort import choose_left_out
from lfw.errors import DataError
from lfw.forgetting import read_forgotten
from lfw.parameters import (
    Checked,
    CompareParameters,
    PretrainParameters,
    SelectionParameters,
    TrainParameters,
)
from lfw.sample import sample_people
from lfw.sources import Source, download_path, kaggle_cache
from lfw.split import select_people

_MOST_BYTES = 10_000_000
"""A list of people that is larger is left to the checks that come with unpacking."""


def check_people(wanted: Checked, source: Source, data_folder: Path) -> None:
    """See that everybody who is named is in the data set, if that can be told at once.

    Nothing is fetched for it: what cannot be told is found out later, by the run.

    Parameters
    ----------
    wanted
        What the run is asked to do.
    source
        Where the data set comes from.
    data_folder
        The project's data folder, where earlier downloads are.

    Raises
    ------
    InputError
        If a name is unknown; the nearest names are given. If too few are left.
    """
    if not isinstance(wanted, SelectionParameters | PretrainParameters | CompareParameters):
        return
    people = peek_people(source, data_folder)
    if people is None:
        return
    if isinstance(wanted, TrainParameters):
        select_classes(people, wanted)
    elif isinstance(wanted, SelectionParameters):
        select_people(people, wanted)
    elif isinstance(wanted, CompareParameters):
        for cell in wanted.cells(wanted.models[:1], wanted.seeds[:1]):
            select_classes(people, cell)
    else:
        choose_left_out(people, wanted)


def peek_people(source: Source, data_folder: Path) -> pd.DataFrame | None:
    """Read ``name`` and ``images`` (count) of everybody from what is at hand.

    Returns
    -------
    DataFrame or None
        None if nothing is at hand, it is packed so that a look would take long (tar), or it is
        damaged.
    """
    people = _read_people(source, data_folder)
    if people is None:
        return None
    left = ~people["name"].isin(read_forgotten(data_folder).people)
    return people[left].reset_index(drop=True)


def _read_people(source: Source, data_folder: Path) -> pd.DataFrame | None:
    if source.kind == "sample":
        return sample_people()
    place = _at_hand(source, data_folder)
    try:
        if place is None or not place.exists():
            return None
        if place.is_dir():
            return read_people(place)
        now = place.stat()
        state = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        return _from_zip(place, state)
    except (OSError, DataError, *DAMAGED):
        return None


def _at_hand(source: Source, data_folder: Path) -> Path | None:
    if source.kind == "url":
        return download_path(source, data_folder)
    if source.kind == "kaggle":
        return kept_from_kaggle(source.location, kaggle_cache(data_folder))
    return Path(source.location)


@lru_cache(maxsize=1)  # a command looks before its server starts, and its flow once more
def _from_zip(archive: Path, state: tuple[int, ...]) -> pd.DataFrame | None:  # noqa: ARG001
    if not zipfile.is_zipfile(archive):
        return None
    with zipfile.ZipFile(archive) as opened, tempfile.TemporaryDirectory() as folder:
        members = opened.infolist()
        found = [one for one in members if one.filename.rpartition("/")[2] == PEOPLE_LIST]
        if len(found) != 1:
            return None
        with opened.open(found[0]) as member:
            content = member.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            return None
        (Path(folder) / PEOPLE_LIST).write_bytes(content)
        return read_people(Path(folder))
