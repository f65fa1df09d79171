"""People whose images were removed on request: nothing that reads the data shows them again.

``<data>/forgotten.json`` lists them. The copies of the data set under the data folder lose their
images; what belongs to the user (an archive or a folder elsewhere) is left as it is, and read
without them.
"""

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import filelock

from lfw.errors import DataError
from lfw.files import new_folder_beside, write_text
from lfw.image_store import close_packs
from lfw.manifest import Manifest, person_of
from lfw.pack import PACK, copy_pack

RECORD = "forgotten.json"


class NobodyLeftError(DataError):
    """A data set shows nobody but people who were forgotten."""


@dataclass(frozen=True)
class Forgotten:
    """Who was forgotten in a data folder.

    Attributes
    ----------
    people
        Name to the day on which they were forgotten.
    left_of
        Images digest of what is left of a data set to the images digest of the whole.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    left_of: Mapping[str, str] = field(default_factory=dict)

    def whole(self, images_digest: str) -> str:
        """Give the images digest of the whole that some images are left of; else their own."""
        return self.left_of.get(images_digest, images_digest)


def read_forgotten(data_folder: Path) -> Forgotten:
    """Read who was forgotten.

    Raises
    ------
    DataError
        If the list is there and cannot be read: without it, data must not be.
    """
    path = data_folder / RECORD
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return Forgotten(dict(saved["people"]), dict(saved["left_of"]))
    except FileNotFoundError:
        return Forgotten()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} says who is not to be read, and cannot be read itself ({error!r}): bring it "
            "back from a back-up, or remove it and run lfw forget for everybody it named."
        ) from error


def add_forgotten(data_folder: Path, names: Iterable[str]) -> Forgotten:
    """Add people to the list, and give it."""
    with _locked(data_folder):
        known = read_forgotten(data_folder)
        today = datetime.now(UTC).date().isoformat()
        return _write(data_folder, dict.fromkeys(names, today) | dict(known.people), known)


def leave_out(data_folder: Path, folder: Path, whole: Manifest, *, ours: bool) -> Manifest:
    """Leave the forgotten out of a data set, and note what it was before.

    Parameters
    ----------
    data_folder
        The project's data folder.
    folder, whole
        The data set and its manifest.
    ours
        Whether the data set is a copy that the project made: then their files are removed, too,
        and all of it if nobody is left.

    Returns
    -------
    Manifest
        Of what is left.

    Raises
    ------
    NobodyLeftError
        If nobody is left.
    DataError
        If the list of who was forgotten cannot be read, or if a pack that is to be written anew is
        damaged.
    """
    known = read_forgotten(data_folder)
    if not known.people:
        return whole
    left = whole.without(known.people)
    if len(left.files) == len(whole.files):
        return whole
    if left.images.empty:
        if ours:
            shutil.rmtree(folder)
            close_packs()
        raise NobodyLeftError(
            f"{folder} shows nobody but people who were forgotten (lfw forget): give another "
            "source."
        )
    with _locked(data_folder):
        known = read_forgotten(data_folder)
        traced = {left.images_digest: known.whole(whole.images_digest)}
        _write(data_folder, known.people, Forgotten(left_of=dict(known.left_of) | traced))
    if not ours:
        return left
    gone = shown_in(whole) & set(known.people)
    if whole.directory_sha256:
        return replace(left, directory_sha256=_take_out(folder, whole.image_folder, gone))
    for name in sorted(gone):
        shutil.rmtree(folder / whole.image_folder / name)
    return left


def _take_out(folder: Path, image_folder: str, people: Collection[str]) -> str:
    """Replace a pack by one without some people, and give its directory's digest."""
    prefix = image_folder.removeprefix(PACK).removeprefix("/")
    depth = len(prefix.split("/")) if prefix else 0
    with new_folder_beside(folder) as partial:  # beside, where leftovers are looked for
        digest = copy_pack(
            folder / PACK, partial / PACK, lambda name: name.split("/")[depth] not in people
        )
        (partial / PACK).replace(folder / PACK)
    close_packs()
    return digest


def copies_of(data_folder: Path) -> list[Path]:
    """Give the folders of the data sets that the project keeps: unpacked, drawn, from Kaggle."""
    unpacked = (data_folder / "datasets").glob("[!.]*-*")
    kaggle = (data_folder / "downloads" / "kaggle" / "datasets").glob("*/*/versions/*")
    return sorted(path for path in (*unpacked, *kaggle) if path.is_dir())


def shown_in(manifest: Manifest) -> set[str]:
    """Name the people who have images in a data set."""
    return set(person_of(manifest.images["path"]))


def _locked(data_folder: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(data_folder / f"{RECORD}.lock")


def _write(data_folder: Path, people: Mapping[str, str], known: Forgotten) -> Forgotten:
    now = Forgotten(dict(sorted(people.items())), dict(known.left_of))
    write_text(data_folder / RECORD, json.dumps(vars(now), indent=1, ensure_ascii=False) + "\n")
    return now
