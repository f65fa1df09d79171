"""Restore the team's stack: `python -m infra.stack.restore BACKUP [--replace]`, servers stopped."""

import importlib.metadata
import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

from packaging.version import Version

from infra.stack.backup import MANIFEST, OBJECTS, dump_name
from infra.stack.bucket import Bucket
from infra.stack.postgres import DATABASES, check_alone, has_tables, load
from lfw.digest import file_digest
from lfw.errors import InputError, LfwError


def restore(backup: Path, *, replace: bool) -> dict[str, Any]:
    """Make both databases and the bucket what they were.

    Everything is checked before anything is changed. Objects are written first and superfluous
    ones deleted last, so that the databases, of which each changes at once, never name an artifact
    that is not there.

    Parameters
    ----------
    backup
        A folder that :func:`infra.stack.backup.back_up` wrote.
    replace
        Whether what the databases and the bucket hold may be lost.

    Returns
    -------
    dict
        The back-up's manifest.

    Raises
    ------
    InputError
        If the back-up is damaged or of newer programs, if something is connected to the databases,
        or if they hold something and ``replace`` is false.
    """
    manifest = read_manifest(backup)
    for database in DATABASES:
        check_alone(database)
        if not replace and has_tables(database):
            raise InputError(
                f"The database {database!r} is not empty: with --replace, all that it and the "
                "bucket hold is replaced by the back-up."
            )
    bucket = Bucket()
    bucket.ensure()
    kept = set(_put_objects(bucket, backup / OBJECTS))
    with tempfile.TemporaryDirectory() as folder:
        for database in DATABASES:
            load(database, backup / dump_name(database), Path(folder) / f"{database}.sql")
    bucket.delete([key for key, _ in bucket.objects() if key not in kept])
    return manifest


def read_manifest(backup: Path) -> dict[str, Any]:
    """Read a back-up's manifest, and check every file against it.

    Raises
    ------
    InputError
        If a file is missing or changed, or if the programs here are older than those that the
        back-up was made by: their servers could not read its tables.
    """
    try:
        manifest: dict[str, Any] = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))
        sums: dict[str, str] = manifest["sha256"]
        versions: dict[str, str] = manifest["versions"]
        wrong = [name for name, digest in sums.items() if file_digest(backup / name) != digest]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{backup} is not a whole back-up ({error}): name another.") from None
    if wrong or set(sums) != {OBJECTS, *map(dump_name, DATABASES)}:
        said = ", ".join(wrong) or "its list of files"
        raise InputError(f"{backup} is damaged ({said}): restore another back-up.")
    for name in ("mlflow", "prefect"):
        here = importlib.metadata.version(name)
        if Version(here) < Version(versions[name]):
            raise InputError(
                f"{backup} was made by {name} {versions[name]}, and here is {here}: "
                "restore it with the image that made it, or a newer one."
            )
    return manifest


def _put_objects(bucket: Bucket, path: Path) -> list[str]:
    keys = []
    with tarfile.open(path) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            if content is None:
                raise LfwError(f"{path} holds {entry.name}, which is no file.")
            bucket.put(entry.name, cast("BinaryIO", content))
            keys.append(entry.name)
    return keys


def main(arguments: list[str]) -> None:
    """Restore a back-up, and say what it was."""
    folders = [argument for argument in arguments if argument != "--replace"]
    if len(folders) != 1 or folders[0].startswith("-"):
        raise SystemExit("Usage: python -m infra.stack.restore BACKUP [--replace]")
    try:
        manifest = restore(Path(folders[0]), replace="--replace" in arguments)
    except LfwError as error:
        raise SystemExit(f"restore: {error}") from None
    print(f"restore: both databases and {manifest['objects']} objects of {manifest['made']}.")


if __name__ == "__main__":
    main(sys.argv[1:])
