"""Where a data set may come from, and how that is decided."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from lfw.digest import text_digest
from lfw.download import kaggle_answers, kept_from_kaggle
from lfw.errors import InputError
from lfw.files import write_text

KAGGLE_DATASET = "jessicali9530/lfw-dataset"

Kind = Literal["sample", "archive", "folder", "url", "kaggle"]


@dataclass(frozen=True)
class Source:
    """A data set's origin, decided.

    Attributes
    ----------
    kind
        What sort of origin it is.
    location
        Path, URL, or name.
    sha256
        The checksum that the user demands of an archive, or None.
    why
        How the origin was chosen, as a clause.
    """

    kind: Kind
    location: str
    sha256: str | None = None
    why: str = "as asked"


def choose_source(text: str, data_folder: Path, environ: Mapping[str, str]) -> Source:
    """Decide where the data set comes from.

    Only ``auto`` chooses; any other text names one origin, and is never replaced by another.

    Parameters
    ----------
    text
        ``auto``, ``sample``, ``kaggle``, a URL or a path.
    data_folder
        The project's data folder, where earlier fetches are recorded.
    environ
        The environment, for ``LFW_SOURCE``.

    Raises
    ------
    InputError
        If the text names nothing that exists.
    """
    if text != "auto":
        return _named_source(text)
    if wanted := environ.get("LFW_SOURCE"):
        if wanted == "auto":
            raise InputError("LFW_SOURCE may not be 'auto': set it to a path, a URL or a name.")
        try:
            return replace(_named_source(wanted), why="LFW_SOURCE names it")
        except InputError as error:
            raise InputError(f"LFW_SOURCE: {error}") from None
    earlier = _fetched_before(data_folder)
    if earlier is not None:
        return replace(earlier, why="it was fetched before")
    if kaggle_answers():
        return Source("kaggle", KAGGLE_DATASET, why="Kaggle answers")
    return Source(
        "sample",
        "sample",
        why="LFW_SOURCE is not set, nothing was fetched before, and Kaggle cannot be reached",
    )


def _named_source(text: str) -> Source:
    if text == "sample":
        return Source("sample", "sample")
    if text == "kaggle":
        return Source("kaggle", KAGGLE_DATASET)
    location, mark, digest = text.partition("#sha256=")
    wanted = digest.lower() if mark else None
    if wanted is not None and (len(wanted) != 64 or set(wanted) - set("0123456789abcdef")):
        raise InputError(f"source: {digest!r} is not a SHA-256: give its 64 hexadecimal digits.")
    try:
        return _located(location, wanted)
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"source: {location[:200]!r} is no address and no path: {error}") from None


def _located(location: str, wanted: str | None) -> Source:
    parts = urlsplit(location)
    if parts.scheme in {"http", "https"}:
        if parts.username is not None or parts.password is not None:
            raise InputError(
                f"source: the address at {parts.hostname} has a login in it, which would be "
                "written down with the run: leave it out, and put it into ~/.netrc."
            )
        return Source("url", location, wanted)
    if "://" in location:
        raise InputError(f"source: {location} is not http or https: fetch it yourself first.")
    path = Path(location).expanduser().absolute()
    if path.is_dir():
        if wanted is not None:
            raise InputError("source: a folder has no checksum of its own: leave #sha256= out.")
        return Source("folder", str(path))
    if path.is_file():
        return Source("archive", str(path), wanted)
    raise InputError(
        f"source: there is no {path}: give auto, sample, kaggle, a URL, or the path of a zip, tar "
        "or folder that exists."
    )


def describe_choice(source: Source, *, synthetic: bool | None = None) -> str:
    """Say in a line which data a run uses, and why.

    Parameters
    ----------
    source
        The origin.
    synthetic
        Whether its content is drawn, where that is known (a folder may hold the sample, too).
    """
    if synthetic or source.kind == "sample":
        return (
            f"SYNTHETIC DATA: faces of invented people ({source.why}). Its figures say "
            "nothing about real faces."
        )
    return f"Data: {source.kind} {source.location} ({source.why})."


def remember(data_folder: Path, source: Source) -> None:
    """Record what was fetched, for later runs whose source is ``auto``."""
    kept = replace(source, why="")
    write_text(data_folder / "datasets" / "fetched.json", json.dumps(asdict(kept), indent=1))


def _fetched_before(data_folder: Path) -> Source | None:
    """Give the photographs fetched last, if they can still be had without asking anybody."""
    try:
        text = (data_folder / "datasets" / "fetched.json").read_text(encoding="utf-8")
        source = Source(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None
    if source.kind == "archive":
        return source if Path(source.location).is_file() else None
    if source.kind == "url":
        archive = download_path(source, data_folder)
        return source if archive.is_file() or removed_note(archive).is_file() else None
    kept = kept_from_kaggle(source.location, kaggle_cache(data_folder))
    return source if kept is not None else None


def download_path(source: Source, data_folder: Path) -> Path:
    """Path under which the download of a URL is kept."""
    name = Path(urlsplit(source.location).path).name or "archive"
    return data_folder / "downloads" / f"{text_digest([source.location])[:12]}-{name[-80:]}"


NOTE = ".removed"


def removed_note(archive: Path) -> Path:
    """Path of the note that holds the SHA-256 of a download that was removed."""
    return archive.with_name(archive.name + NOTE)


def kaggle_cache(data_folder: Path) -> Path:
    """Folder in which kagglehub keeps its downloads."""
    return data_folder / "downloads" / "kaggle"
