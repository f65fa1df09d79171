"""Checks of the data folder and of the data set's origin."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.finding import Finding
from infra.leftovers import find_leftovers
from infra.running import live_runs
from lfw.errors import LfwError
from lfw.sources import choose_source, describe_choice

_SPACE_NEEDED = 2 << 30
_SPACE_AT_LEAST = 300 << 20


def check_data(folder: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Look at the data folder, and at what a run would use as its data set.

    Nothing is fetched; Kaggle is asked whether it answers only if nothing else decides.
    """
    return [
        check_folder(folder),
        check_space(folder, shutil.disk_usage(_existing(folder)).free),
        check_source(folder, environ),
        check_leftovers(folder),
    ]


def check_folder(folder: Path) -> Finding:
    """Say whether files can be written into the data folder."""
    place = _existing(folder)
    remedy = "Set LFW_DATA to a folder that you may write to."
    if not place.is_dir():
        return Finding("data folder", "fail", f"{place} is not a folder.", remedy)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding("data folder", "fail", f"{place}: {error.strerror}.", remedy)
    if place == folder:
        return Finding("data folder", "ok", f"{folder} can be written to.")
    return Finding("data folder", "ok", f"{folder} is not there yet; the first run makes it.")


def check_space(folder: Path, free: int) -> Finding:
    """Compare the free space of the data folder's disk with what runs need."""
    detail = f"{free / 2**30:.1f} GB are free for {folder}."
    if free >= _SPACE_NEEDED:
        return Finding("disk space", "ok", detail)
    remedy = "Free about 2 GB, or set LFW_DATA to a folder on another disk."
    return Finding("disk space", "warn" if free >= _SPACE_AT_LEAST else "fail", detail, remedy)


def check_source(folder: Path, environ: Mapping[str, str]) -> Finding:
    """Say which data set a run would use that is not told which."""
    try:
        source = choose_source("auto", folder, environ)
    except LfwError as error:
        remedy = "Set LFW_SOURCE to a path, a URL, kaggle or sample; or unset it."
        return Finding("data set", "fail", f"{str(error).rstrip('.')}.", remedy)
    if source.kind == "sample" and not environ.get("LFW_SOURCE"):
        remedy = "For photographs, set LFW_SOURCE to an archive, a folder or a URL."
        return Finding("data set", "warn", describe_choice(source), remedy)
    return Finding("data set", "ok", describe_choice(source))


def check_leftovers(folder: Path) -> Finding:
    """Look for half-written folders of killed runs."""
    found = find_leftovers(folder)
    if not found:
        return Finding("half-written files", "ok", "There are none.")
    names = ", ".join(str(path.relative_to(folder)) for path in found[:5])
    detail = f"{len(found)} in {folder}: {names}{', …' if len(found) > 5 else ''}."
    if live_runs(folder):
        return Finding("half-written files", "ok", f"{detail} A run is at work.")
    remedy = "A killed run left them: the next run removes them, or lfw doctor --repair."
    return Finding("half-written files", "warn", detail, remedy)


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())
