"""Back up the team's stack: `python -m infra.stack.backup FOLDER`, while it runs.

A back-up is a folder named by the time, with both databases, every object of the bucket and a
manifest of SHA-256 sums. Databases come first: artifacts are written before the rows that name
them, and never changed, so all that a dump names is in the bucket that is read after it.
"""

import importlib.metadata
import json
import shutil
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from infra.stack.bucket import Bucket
from infra.stack.postgres import DATABASES, dump
from lfw.digest import file_digest
from lfw.errors import LfwError

OBJECTS = "bucket.tar"
MANIFEST = "manifest.json"
PROGRAMS = ("lfw-flow", "mlflow", "prefect")


def back_up(folder: Path) -> Path:
    """Write a back-up, whole or not at all.

    Parameters
    ----------
    folder
        Where back-ups are kept, one folder each.

    Returns
    -------
    Path
        The back-up's folder, named by the time in UTC.

    Raises
    ------
    LfwError
        If a database, the bucket or the folder cannot be used.
    """
    made = datetime.now(UTC)
    target = folder / made.strftime("%Y-%m-%dT%H-%M-%SZ")
    partial = folder / f".partial-{target.name}"
    try:
        partial.mkdir(mode=0o700, parents=True)
        for database in DATABASES:
            dump(database, partial / dump_name(database))
        objects, size = _save_objects(partial / OBJECTS)
        manifest = {
            "made": made.isoformat(),
            "versions": {name: importlib.metadata.version(name) for name in PROGRAMS},
            "objects": objects,
            "bytes": size,
            "sha256": {path.name: file_digest(path) for path in sorted(partial.iterdir())},
        }
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        partial.rename(target)
    except OSError as error:
        raise LfwError(f"{folder} cannot be written to: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def dump_name(database: str) -> str:
    """Name the file of a database's dump."""
    return f"{database}.dump"


def _save_objects(path: Path) -> tuple[int, int]:
    bucket, count, total = Bucket(), 0, 0
    with tarfile.open(path, "w") as archive:
        for key, size in bucket.objects():
            entry = tarfile.TarInfo(key)
            entry.size = size
            archive.addfile(entry, bucket.open(key))
            count, total = count + 1, total + size
    return count, total


def main(arguments: list[str]) -> None:
    """Write a back-up, and say where."""
    if len(arguments) != 1:
        raise SystemExit("Usage: python -m infra.stack.backup FOLDER")
    try:
        print(f"backup: {back_up(Path(arguments[0]))}")
    except LfwError as error:
        raise SystemExit(f"backup: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
