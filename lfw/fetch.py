"""Bringing a data set to hand: fetched, unpacked, verified."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import filelock

from lfw.archive import unpack
from lfw.digest import code_digests, file_digest, value_digest
from lfw.download import download, fetch_kaggle, kept_from_kaggle
from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside, sweep_partial, write_text
from lfw.manifest import Manifest, Progress, build_manifest
from lfw.sample import is_sample, write_sample
from lfw.sources import Source, download_path, kaggle_cache, remember

KNOWN_IMAGES = {
    "20131c8c03be77aedb133e9fc48f6e617b2eaf04a9dc1eb2451079ef0ec11077": (
        "the 13,233 deep-funneled images of LFW, as published by its authors"
    ),
}
"""Images digests of published data sets, computed by :func:`lfw.manifest.build_manifest`."""

Report = Callable[[str], Progress | None]
"""Given the title of some long work, gives what is told of its progress."""


@dataclass(frozen=True)
class Dataset:
    """A data set at hand, verified.

    Attributes
    ----------
    folder, image_folder
        Absolute paths of the data set and of the folder of people's folders.
    source
        Where it came from.
    kind
        ``synthetic`` if the project drew it, else ``photographs``.
    archive_sha256
        Digest of the archive it was unpacked from, or None.
    verification
        What its content was compared with, as a sentence.
    data_digest, images_digest, lists_digest
        Digests of its content (see :class:`lfw.manifest.Manifest`).
    """

    folder: str
    image_folder: str
    source: Source
    kind: Literal["synthetic", "photographs"]
    archive_sha256: str | None
    verification: str
    data_digest: str
    images_digest: str
    lists_digest: str


@dataclass(frozen=True)
class Fetched:
    """What :func:`fetch` brought.

    Attributes
    ----------
    dataset
        The data set, verified.
    manifest
        Every file of it.
    why
        None if something was downloaded, unpacked or drawn; else why nothing had to be.
    """

    dataset: Dataset
    manifest: Manifest
    why: str | None


def fetch(source: Source, data_folder: Path, report: Report = lambda _: None) -> Fetched:
    """Bring a data set to hand: download, unpack and verify what is not there yet.

    Every file's SHA-256 is computed on each call, and compared where it was recorded before.

    Parameters
    ----------
    source
        Where it comes from.
    data_folder
        The project's data folder; archives are unpacked under its ``datasets``.
    report
        Shows the progress of downloads, unpacking and checksums.

    Raises
    ------
    FetchError
        If a download fails.
    DataError
        If the data set is damaged or not what it is known to be.
    InputError
        If a file is not what the source says.
    """
    datasets = data_folder / "datasets"
    downloads = data_folder / "downloads"
    for kept in (datasets, downloads):
        kept.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(datasets / ".lock"):
        sweep_partial(datasets)
        sweep_partial(downloads)
        new = source.kind == "kaggle" and (
            kept_from_kaggle(source.location, kaggle_cache(data_folder)) is None
        )
        folder, archive_sha256, make = _plan(source, data_folder, report)
        manifest = _sealed(folder, report) if make is not None else None
        why = f"unchanged: the checksums of all files in {folder.name} were compared"
        if make is None:
            manifest = build_manifest(folder, report("checksums"))
            why = "" if new else "unchanged: read in place, the checksums of all files compared"
        elif manifest is None:
            manifest = _make(folder, make, report)
            why = ""
        dataset = _describe(source, folder, manifest, archive_sha256)
        if source.kind in {"archive", "url", "kaggle"} and dataset.kind == "photographs":
            remember(data_folder, source)
    return Fetched(dataset, manifest, why or None)


def _describe(
    source: Source, folder: Path, manifest: Manifest, archive_sha256: str | None
) -> Dataset:
    """Put together what is known of a data set at hand.

    Raises
    ------
    DataError
        If it was fetched from Kaggle and its images are not the known ones.
    """
    return Dataset(
        folder=str(folder),
        image_folder=str(folder / manifest.image_folder),
        source=source,
        kind="synthetic" if is_sample(folder) else "photographs",
        archive_sha256=archive_sha256,
        verification=_verify(source, manifest),
        data_digest=manifest.data_digest,
        images_digest=manifest.images_digest,
        lists_digest=manifest.lists_digest,
    )


def _verify(source: Source, manifest: Manifest) -> str:
    known = KNOWN_IMAGES.get(manifest.images_digest)
    if known is not None:
        return f"The images are {known} (SHA-256 of every file compared)."
    if source.kind == "kaggle":
        raise DataError(
            f"the images fetched from Kaggle ({source.location}) differ from the published ones "
            f"(digest {manifest.images_digest[:12]}): the data set there has changed. Give a copy "
            "that you trust with --source PATH."
        )
    if source.kind == "sample":
        return "Drawn by this project: no photograph, no real person."
    pinned = " The archive has the checksum that was demanded." if source.sha256 else ""
    return f"Not a data set that is known here: its digests are recorded.{pinned}"


def _plan(
    source: Source, data_folder: Path, report: Report
) -> tuple[Path, str | None, Callable[[Path], None] | None]:
    """Give the data set's folder, its archive's digest, and what makes the folder if need be."""
    datasets = data_folder / "datasets"
    if source.kind == "folder":
        return Path(source.location), None, None
    if source.kind == "kaggle":
        return fetch_kaggle(source.location, kaggle_cache(data_folder)), None, None
    if source.kind == "sample":
        drawn_by = value_digest(code_digests(["lfw.sample"]))
        return datasets / f"sample-{drawn_by[:12]}", None, write_sample
    archive = Path(source.location)
    if source.kind == "url":
        archive = download(source.location, download_path(source, data_folder), report("download"))
    try:
        sha256 = file_digest(archive)
    except OSError as error:
        raise InputError(f"source: {archive} cannot be read: {error.strerror}.") from None
    if source.sha256 is not None and sha256 != source.sha256:
        _forget(source, archive)
        raise DataError(
            f"{archive} has the SHA-256 {sha256}, not {source.sha256} as demanded: fetch it again."
        )

    def make(folder: Path) -> None:
        try:
            unpack(archive, folder, progress=report("unpack"))
        except (DataError, InputError):
            _forget(source, archive)
            raise

    return datasets / f"archive-{sha256[:16]}", sha256, make


def _forget(source: Source, archive: Path) -> None:
    """Remove a download that is of no use, so that the next run asks for it again."""
    if source.kind == "url":
        archive.unlink()


def _seal(folder: Path) -> Path:
    return folder.with_name(folder.name + ".sha256")


def _sealed(folder: Path, report: Report) -> Manifest | None:
    """Give the manifest of a data set that is there, whole and unchanged; else None."""
    try:
        sealed = _seal(folder).read_text(encoding="ascii").strip()
        manifest = build_manifest(folder, report("checksums"))
    except (OSError, UnicodeDecodeError, DataError):
        return None
    return manifest if manifest.data_digest == sealed else None


def _make(folder: Path, make: Callable[[Path], None], report: Report) -> Manifest:
    """Make a data set aside, move it to its place, and seal it with its digest."""
    with new_folder_beside(folder) as partial:
        made = partial / "made"
        make(made)
        manifest = build_manifest(made, report("checksums"))
        if folder.exists():
            folder.replace(partial / "spoilt")
        made.replace(folder)
    write_text(_seal(folder), manifest.data_digest + "\n")
    return manifest
