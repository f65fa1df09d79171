"""Names of an archive's members: within the folder, of a known kind, and each there once."""

import re
import unicodedata
from pathlib import Path, PurePosixPath

from lfw.errors import DataError
from lfw.pack import PACK
from lfw.suffixes import IMAGE_SUFFIXES, LIST_SUFFIXES, STRAY

_NAME_BYTES, _PART_BYTES = 1024, 255
_PLAIN = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_-]{0,99}/){1,3}[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.jpg")
"""What can be nothing but the path of an image, safe on every file system."""


class Names:
    """The names seen so far in an archive."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._seen: dict[str, str] = {PACK: PACK}
        self._folders: set[str] = set()

    def add(self, name: str) -> str | None:
        """Check a member's name, and give its path; None if it is passed over.

        Raises
        ------
        DataError
            If it lies outside the folder, is no image and no list, no file system may take it, no
            terminal show it, or it is there already.
        """
        if _PLAIN.fullmatch(name):
            self._check_new(name)
            return name
        path = _safe_path(self._archive, name)
        if STRAY.search(str(path)):
            return None
        _check_name(self._archive, name)
        _check_kind(self._archive, path)
        self._check_new(str(path))
        return str(path)

    def _check_new(self, path: str) -> None:
        """Refuse names that are one on some file systems: the copy would depend on the machine."""
        archive, seen = self._archive, self._seen
        parent = path.rpartition("/")[0]
        while parent and parent not in self._folders:
            other = seen.setdefault(_folded(parent), f"{parent}/")
            if other != f"{parent}/":
                raise DataError(f"{archive} has {f'{parent}/'!r} once more as {other!r}: refused.")
            self._folders.add(parent)
            parent = parent.rpartition("/")[0]
        other = seen.setdefault(_folded(path), "")
        if other:
            raise DataError(f"{archive} has {path!r} twice, or once more as {other!r}: refused.")
        seen[_folded(path)] = path


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    unsafe = (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or re.match(r"[A-Za-z]:", name)
        or not path.parts
    )
    if unsafe:
        raise DataError(f"{archive}: the member {name!r} lies outside the folder, and is refused.")
    return path


def _check_name(archive: Path, name: str) -> None:
    """Refuse what no file system may take, or no terminal may show."""
    try:
        sizes = [len(part.encode()) for part in name.split("/")]
    except UnicodeEncodeError:
        raise DataError(f"{archive}: the name {name!r} is no valid Unicode: refused.") from None
    if max(sizes) > _PART_BYTES or sum(sizes) + len(sizes) > _NAME_BYTES:
        raise DataError(f"{archive}: the name {name[:40]!r}… is too long, which is refused.")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise DataError(f"{archive}: the name {name!r} has control characters: refused.")


def _check_kind(archive: Path, path: PurePosixPath) -> None:
    if path.suffix.lower() not in IMAGE_SUFFIXES | LIST_SUFFIXES:
        raise DataError(
            f"{archive}: {str(path)!r} is neither an image ({', '.join(sorted(IMAGE_SUFFIXES))}) "
            f"nor a list ({', '.join(sorted(LIST_SUFFIXES))}), and is refused."
        )


def _folded(path: str) -> str:
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", path).casefold()
