"""Files that may be images: found in folders and zip archives, and read in place."""

import contextlib
import errno
import os
import stat
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lfw.archive_members import DAMAGED, Limits
from lfw.errors import DataError, InputError, LfwError
from lfw.suffixes import STRAY

_UNREADABLE = (*DAMAGED, OSError)
_MOST_MEMBERS = 2_000_000
_MOST_OPEN = 32
"""Archives that are kept open, those in use apart: a system lets a process have some hundred."""

_NO_MORE_FILES = {errno.EMFILE, errno.ENFILE}


@dataclass(frozen=True)
class ImageFile:
    """A file that may be an image.

    Attributes
    ----------
    path
        The file, or the zip archive that holds it.
    member
        Its name in the archive; None outside of one.
    label
        Its path from the folder or archive that was named, for people to read.
    """

    path: Path
    member: str | None
    label: str

    @property
    def shown(self) -> str:
        """Its whole path, that of the archive before its own, as valid text."""
        whole = str(self.path) if self.member is None else f"{self.path}/{self.member}"
        return readable(whole)


@dataclass(frozen=True)
class Unreadable:
    """A file, folder or archive that could not be used, and why."""

    path: str
    reason: str


@dataclass
class Found:
    """What was found.

    Attributes
    ----------
    files
        In a stable order: as the paths were given, by name within each.
    unreadable
        Folders and archives that could not be looked into, and what is no regular file.
    stray
        How many files that desktops and editors leave behind were skipped.
    """

    files: list[ImageFile] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    stray: int = 0


def readable(path: str) -> str:
    """Write a path as valid Unicode: bytes that are none are shown as escapes."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def find_files(paths: Sequence[Path]) -> Found:
    """List the files of folders (with their sub-folders) and zip archives, and single files.

    A file that is reached twice is listed once. Archives within archives are not opened, links to
    folders not followed.

    Raises
    ------
    InputError
        If no path is given, or one does not exist.
    LfwError
        If the system opens no more files.
    """
    if not paths:
        raise InputError("paths: no image was named: give folders, zip archives or image files.")
    found = Found()
    for path in paths:
        try:
            path.stat()
        except OSError as error:
            raise InputError(
                f"paths: {readable(str(path))}: {_said(error)}: check how it is spelt."
            ) from None
        if path.is_dir():
            _add_folder(path, found)
        else:
            _add_file(path, path.name, found)
    found.files = list({(file.path, file.member): file for file in found.files}.values())
    return found


def _add_folder(folder: Path, found: Found) -> None:
    def note(error: OSError) -> None:
        _check_limit(error)
        found.unreadable.append(Unreadable(readable(str(error.filename)), _said(error)))

    for where, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        folders[:] = [name for name in folders if not STRAY.search(name)]
        for name in sorted(names):
            path = Path(where, name)
            _add_file(path, str(path.relative_to(folder)), found)


def _add_file(path: Path, label: str, found: Found) -> None:
    if STRAY.search(path.name):
        found.stray += 1
        return
    try:
        regular = stat.S_ISREG(path.stat().st_mode)  # reading a pipe would wait for ever
        is_zip = regular and _starts_as_zip(path)
    except OSError as error:
        _check_limit(error)
        found.unreadable.append(Unreadable(readable(str(path)), _said(error)))
        return
    if not regular:
        found.unreadable.append(Unreadable(readable(str(path)), "not a regular file"))
    elif is_zip:
        _add_members(path, found)
    else:
        found.files.append(ImageFile(path, None, readable(label)))


def _starts_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _add_members(archive: Path, found: Found) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted({name for name in opened.namelist() if not name.endswith("/")})
    except _UNREADABLE as error:
        _check_limit(error)
        found.unreadable.append(Unreadable(readable(str(archive)), f"damaged archive: {error}"))
        return
    if len(names) > _MOST_MEMBERS:
        found.unreadable.append(
            Unreadable(
                readable(str(archive)), f"more than {_MOST_MEMBERS:,} members, which is refused"
            )
        )
        return
    for name in names:
        if STRAY.search(name):
            found.stray += 1
        else:
            found.files.append(ImageFile(archive, name, readable(name)))


@dataclass
class _Archive:
    """An open archive, and how many threads are reading it."""

    opened: zipfile.ZipFile
    users: int = 0


class Reader:
    """Reads files, and keeps the archives open that were read last. Threads may share it."""

    def __init__(self) -> None:
        self._archives: dict[Path, _Archive] = {}  # that which was used last is the last
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for archive in self._archives.values():
            archive.opened.close()

    def read(self, file: ImageFile) -> bytes:
        """Give a file's bytes.

        Raises
        ------
        DataError
            If it cannot be read, or is larger than 256 MB; the message says which, in a few words.
        LfwError
            If the system opens no more files, which is no fault of this one.
        """
        try:
            return self._read(file)
        except _UNREADABLE as error:
            _check_limit(error)
            raise DataError(_said(error)) from error

    def _read(self, file: ImageFile) -> bytes:
        if file.member is None:
            with file.path.open("rb") as source:
                _check_bytes(os.fstat(source.fileno()).st_size)
                return source.read(Limits().member_bytes)
        with self._lent(file.path) as archive:
            return _read_member(archive, file.member)

    @contextlib.contextmanager
    def _lent(self, path: Path) -> Iterator[zipfile.ZipFile]:
        """Give an archive, which is not closed while it is in use."""
        with self._lock:
            archive = self._archives.pop(path, None)
            if archive is None:
                self._close_unused()
                archive = _Archive(zipfile.ZipFile(path))
            self._archives[path] = archive
            archive.users += 1
        try:
            yield archive.opened
        finally:
            with self._lock:
                archive.users -= 1

    def _close_unused(self) -> None:
        """Make room for another archive, of those that were not used for longest."""
        unused = [path for path, archive in self._archives.items() if not archive.users]
        for path in unused[: max(0, len(self._archives) - _MOST_OPEN + 1)]:
            self._archives.pop(path).opened.close()


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.flag_bits & 1:
        raise DataError("encrypted: give an open archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DataError("a link, which is not followed in an archive")
    _check_bytes(info.file_size)  # zipfile gives no more than that, whatever is inside
    with archive.open(info) as member:
        return member.read()


def _check_limit(error: BaseException) -> None:
    """End the run where the system opens no more files: no file would be read from then on."""
    if isinstance(error, OSError) and error.errno in _NO_MORE_FILES:
        raise LfwError(
            "too many files are open for another one to be read: raise the limit (ulimit -n 4096), "
            "or end other programs, and run again."
        ) from error


def _check_bytes(size: int) -> None:
    most = Limits().member_bytes
    if size > most:
        raise DataError(f"larger than {most >> 20} MB, which is refused")


def _said(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return readable(str(said)[:1].lower() + str(said)[1:])
