"""Bringing a data set to hand: fetched, unpacked, verified."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import filelock

from lfw.archive import Unpacked, unpack
from lfw.digest import code_digests, file_digest, value_digest
from lfw.download import download, fetch_kaggle, kept_from_kaggle
from lfw.errors import DataError, InputError
from lfw.files import new_folder_beside, sweep_partial, write_text
from lfw.forgetting import Forgotten, NobodyLeftError, copies_of, leave_out, read_forgotten
from lfw.image_store import close_packs
from lfw.manifest import Manifest, build_manifest, manifest_of
from lfw.sample import is_sample, write_sample
from lfw.sealing import Report, last_sealed, read_sealed, seal_of, sealing
from lfw.sources import NOTE, Source, download_path, kaggle_cache, remember, removed_note

KNOWN_IMAGES = {
    "20131c8c03be77aedb133e9fc48f6e617b2eaf04a9dc1eb2451079ef0ec11077": (
        "the 13,233 deep-funneled images of LFW, as published by its authors"
    ),
}
"""Images digests of published data sets, computed by :func:`lfw.manifest.build_manifest`."""

_Make = Callable[[Path], Unpacked | None]
"""Makes a data set's folder, and tells what is in it unless it has to be read for that."""


@dataclass(frozen=True)
class Dataset:
    """A data set at hand, verified.

    Attributes
    ----------
    folder, image_folder
        Absolute paths of the data set and of the folder of people's folders; that of a copy of the
        project's leads through a file (see :mod:`lfw.image_store`).
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
    forgotten
        People of whom nothing is read (see :mod:`lfw.forgetting`).
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
    forgotten: tuple[str, ...] = ()


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
        checked: dict[Path, Manifest | None] = {}
        folder, archive_sha256, make = _plan(source, data_folder, report, checked)
        manifest = checked.get(folder)
        if make is not None and folder not in checked:
            manifest = read_sealed(folder, report)
        why = f"unchanged: the checksums of all files in {folder.name} were compared"
        if make is None:
            whole = build_manifest(folder, report("checksums"))
            manifest = leave_out(data_folder, folder, whole, ours=source.kind == "kaggle")
            why = "" if new else "unchanged: read in place, the checksums of all files compared"
        elif manifest is None:
            manifest = _make(data_folder, folder, make, report)
            why = ""
        else:
            manifest = _leave_out_sealed(data_folder, folder, manifest)
        forgotten = read_forgotten(data_folder)
        dataset = _describe(source, folder, manifest, archive_sha256, forgotten)
        if source.kind in {"archive", "url", "kaggle"} and dataset.kind == "photographs":
            remember(data_folder, source)
    return Fetched(dataset, manifest, why or None)


def _describe(
    source: Source,
    folder: Path,
    manifest: Manifest,
    archive_sha256: str | None,
    forgotten: Forgotten,
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
        verification=_verify(source, manifest, forgotten),
        data_digest=manifest.data_digest,
        images_digest=manifest.images_digest,
        lists_digest=manifest.lists_digest,
        forgotten=tuple(forgotten.people),
    )


def _verify(source: Source, manifest: Manifest, forgotten: Forgotten) -> str:
    whole = forgotten.whole(manifest.images_digest)
    known = KNOWN_IMAGES.get(whole)
    if known is not None and whole != manifest.images_digest:
        return f"The images are what is left of {known}: people were forgotten (lfw forget)."
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
    source: Source, data_folder: Path, report: Report, checked: dict[Path, Manifest | None]
) -> tuple[Path, str | None, _Make | None]:
    """Give the data set's folder, its archive's digest, and what makes the folder if need be.

    What is checked meanwhile is put to `checked`.
    """
    datasets = data_folder / "datasets"
    if source.kind == "folder":
        return Path(source.location), None, None
    if source.kind == "kaggle":
        return fetch_kaggle(source.location, kaggle_cache(data_folder)), None, None
    if source.kind == "sample":
        drawn_by = value_digest(code_digests(["lfw.sample"]))
        return datasets / f"sample-{drawn_by[:12]}", None, write_sample
    url = source.kind == "url"
    archive = download_path(source, data_folder) if url else Path(source.location)

    def bring() -> str:
        if url:
            download(source.location, archive, report("download"))
        return _digest_beside(archive, datasets, report, checked)

    sha256 = _digest_of_removed(archive) or bring()
    if source.sha256 is not None and sha256 != source.sha256:
        _forget(source, archive)
        raise DataError(
            f"{archive} has the SHA-256 {sha256}, not {source.sha256} as demanded: fetch it again."
        )

    def make(folder: Path) -> Unpacked:
        if not archive.is_file() and bring() != sha256:
            removed_note(archive).unlink()
            raise DataError(f"{source.location} has changed since it was fetched: run again.")
        try:
            return unpack(archive, folder, progress=report("unpack"))
        except (DataError, InputError):
            _forget(source, archive)
            raise

    return datasets / f"archive-{sha256[:16]}", sha256, make


def _digest_beside(
    archive: Path, datasets: Path, report: Report, checked: dict[Path, Manifest | None]
) -> str:
    """Give an archive's digest; the copy that was sealed last is checked at the same time.

    Both take their time in hashing, which leaves Python's lock: two processors share it. That copy
    is used only if the digest names it.
    """
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_digest, archive)
        folder = last_sealed(datasets)
        if folder is not None and folder not in checked:
            checked[folder] = read_sealed(folder, report)
        return digest.result()


def _digest(archive: Path) -> str:
    try:
        return file_digest(archive)
    except OSError as error:
        raise InputError(f"source: {archive} cannot be read: {error.strerror}.") from None


def _forget(source: Source, archive: Path) -> None:
    """Remove a download that is of no use, so that the next run asks for it again."""
    if source.kind == "url":
        archive.unlink(missing_ok=True)
        removed_note(archive).unlink(missing_ok=True)


def _make(data_folder: Path, folder: Path, make: _Make, report: Report) -> Manifest:
    """Make a data set aside, move it to its place, and seal it with its digest."""
    with new_folder_beside(folder) as partial:
        made = partial / "made"
        written = make(made)
        if written is None:
            whole = build_manifest(made, report("checksums"))
        else:
            whole = manifest_of(made, written.files, directory_sha256=written.directory_sha256)
        try:
            manifest = leave_out(data_folder, made, whole, ours=True)
        except NobodyLeftError:
            _remove_downloads(data_folder)
            raise
        if folder.exists():
            folder.replace(partial / "spoilt")
        made.replace(folder)
    write_text(seal_of(folder), sealing(manifest) + "\n")
    if manifest is not whole:
        _remove_downloads(data_folder)
    return manifest


def forget_images(data_folder: Path) -> dict[str, int]:
    """Remove the images of everybody who was forgotten from the project's copies.

    A copy that is damaged, or shows nobody else, goes wholly.

    Returns
    -------
    dict
        Path of each copy that was seen to show some of them, and how many of their images.

    Raises
    ------
    DataError
        If the list of who was forgotten cannot be read: then nothing is removed.
    """
    removed = {}
    forgotten = read_forgotten(data_folder).people
    (data_folder / "datasets").mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(data_folder / "datasets" / ".lock"):
        sweep_partial(data_folder / "datasets")
        for folder in copies_of(data_folder):
            shown = 0
            try:
                whole = build_manifest(folder)
                shown = len(whole.files) - len(whole.without(forgotten).files)
                _leave_out_sealed(data_folder, folder, whole)
            except DataError:  # spoilt, or it shows nobody else: of no use until it is made anew
                if folder.exists():
                    shutil.rmtree(folder)
                seal_of(folder).unlink(missing_ok=True)
                close_packs()
            if shown:
                removed[str(folder)] = shown
        if forgotten:
            _remove_downloads(data_folder)
            for begun in kaggle_cache(data_folder).glob("datasets/*/*/*.archive"):
                begun.unlink()  # a download that was cut short
    return removed


def _leave_out_sealed(data_folder: Path, folder: Path, whole: Manifest) -> Manifest:
    """Remove the forgotten from a copy of ours, and seal what is left if the whole was."""
    left = leave_out(data_folder, folder, whole, ours=True)
    seal = seal_of(folder)
    if left is not whole and seal.is_file():
        if seal.read_text(encoding="ascii").strip() == sealing(whole):
            write_text(seal, sealing(left) + "\n")
        _remove_downloads(data_folder)
    return left


def _remove_downloads(data_folder: Path) -> None:
    """Remove downloaded archives, which hold everybody; what was unpacked of them serves."""
    for archive in (data_folder / "downloads").glob("*"):
        if archive.is_file() and archive.suffix != NOTE and not archive.name.startswith("."):
            write_text(removed_note(archive), file_digest(archive) + "\n")
            archive.unlink()


def _digest_of_removed(archive: Path) -> str | None:
    """Give the SHA-256 of a download that was removed once it was unpacked; else None."""
    if archive.is_file() or not removed_note(archive).is_file():
        return None
    return removed_note(archive).read_text(encoding="ascii").strip()
