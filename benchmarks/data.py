"""The data set that a benchmark works on."""

import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from lfw.audit import Audit, audit_images, read_thumbnail
from lfw.catalog import expand_paths, read_catalog
from lfw.fetch import Fetched, fetch
from lfw.images import read_grey
from lfw.pack import PACK
from lfw.same_photo import find_same_photos
from lfw.settings import data_folder
from lfw.sources import Source, choose_source, download_path

SKIPPED = 3
"""Exit code of a benchmark that cannot be made of the data set at hand."""


@dataclass(frozen=True)
class Data:
    """A data set at hand, where it came from, and the data folder that it is in."""

    source: Source
    fetched: Fetched
    home: Path

    @property
    def folder(self) -> Path:
        """The data set's folder."""
        return Path(self.fetched.dataset.folder)

    @property
    def images(self) -> Path:
        """The folder of people's folders, in the pack if the data set was unpacked."""
        return Path(self.fetched.dataset.image_folder)

    @property
    def inside(self) -> str:
        """Path of the image folder in the data set as it was published."""
        return self.fetched.manifest.image_folder.removeprefix(PACK).removeprefix("/") or "."

    @property
    def archive(self) -> Path | None:
        """The archive that it came from, if that is on the disk: Kaggle's is not kept."""
        if self.source.kind not in {"archive", "url"}:
            return None
        url = self.source.kind == "url"
        archive = download_path(self.source, self.home) if url else Path(self.source.location)
        return archive if archive.is_file() else None

    @property
    def spelling(self) -> str:
        """What ``--source`` takes for this data set in any data folder, downloading nothing."""
        if self.archive is not None:
            pinned = f"#sha256={self.source.sha256}" if self.source.sha256 else ""
            return f"{self.archive}{pinned}"
        return str(self.folder) if self.source.kind == "kaggle" else self.source.location

    def as_files(self, scratch: Path) -> tuple[Path, Path]:
        """Give the data set as files in folders, as a notebook has it: its folder and its images'.

        Parameters
        ----------
        scratch
            An empty folder, into which they are written if they are packed.
        """
        if self.images.is_dir():
            return self.folder, self.images
        shutil.unpack_archive(self.folder / PACK, scratch, "zip")
        lists = shutil.ignore_patterns(PACK)
        shutil.copytree(self.folder, scratch, ignore=lists, dirs_exist_ok=True)
        return scratch, scratch / self.inside

    @property
    def paths(self) -> list[str]:
        """Path of every image, from there."""
        return [str(path) for path in self.fetched.manifest.images["path"]]

    @cached_property
    def people(self) -> pd.DataFrame:
        """People and how many images they have."""
        return read_catalog(self.folder).people

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row an image, with its checksum."""
        files = self.fetched.manifest.files.rename(columns={"path": "image_path"})
        return expand_paths(self.people).merge(files[["image_path", "sha256"]], on="image_path")


def bring(source: str, folder: Path | None = None) -> Data:
    """Fetch a data set, as the project does.

    Parameters
    ----------
    source
        As for ``lfw train --source``.
    folder
        The data folder; the project's own if None.
    """
    folder = folder or data_folder(os.environ)
    chosen = choose_source(source, folder, os.environ)
    return Data(chosen, fetch(chosen, folder), folder)


def zip_of(data: Data) -> Path:
    """Give the zip that a data set came from, for a benchmark that can be made of nothing else.

    Raises
    ------
    SystemExit
        With the code :data:`SKIPPED`, if there is none on the disk.
    """
    if data.archive is not None and zipfile.is_zipfile(data.archive):
        return data.archive
    print(
        f"Skipped: a zip archive is needed, and the data set is {data.source.kind} "
        f"{data.source.location}: name a zip with --source.",
        file=sys.stderr,
    )
    raise SystemExit(SKIPPED)


def same_photos(root: Path, paths: list[str], audit: Audit) -> list[tuple[str, str]]:
    """Find the pairs that show one photograph, as the audit's stage does."""
    pairs = find_same_photos(
        audit.thumbnails,
        paths,
        lambda place: read_grey(root / paths[place]),
        lambda place: read_thumbnail(root / paths[place]),
    )
    return [(pair.first, pair.second) for pair in pairs]


def audited(root: Path, paths: list[str]) -> tuple[Audit, list[tuple[str, str]]]:
    """Audit images, and find the pairs that show one photograph."""
    audit = audit_images(root, paths)
    return audit, same_photos(root, paths, audit)
