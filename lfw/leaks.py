"""What is on two sides of a split at once."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lfw.errors import DataError
from lfw.image_store import image_digest
from lfw.split import Split


def find_leaks(split: Split, same_photo: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """List what is on two sides of a split at once.

    Returns
    -------
    DataFrame
        ``kind`` (``path``, ``content`` or ``same photo``), ``first``, ``second`` (image paths),
        ``parts``: empty for a clean split.
    """
    rows = split.rows
    found = []
    for kind, column in (("path", "image_path"), ("content", "sha256")):
        for _, same in rows[rows.duplicated(column, keep=False)].groupby(column):
            parts = sorted(set(same["part"]))
            if len(parts) > 1:
                paths = same["image_path"].tolist()
                found.append((kind, paths[0], paths[-1], ", ".join(parts)))
    part_of = dict(zip(rows["image_path"], rows["part"], strict=True))
    for first, second in same_photo:
        parts = sorted({part_of[path] for path in (first, second) if path in part_of})
        if len(parts) > 1:
            found.append(("same photo", first, second, ", ".join(parts)))
    return pd.DataFrame(found, columns=["kind", "first", "second", "parts"], dtype="str")


def check_leaks(
    split: Split, same_photo: Iterable[tuple[str, str]], image_folder: Path | None = None
) -> None:
    """Refuse a split with a leak, or whose files are not what the manifest says.

    Parameters
    ----------
    split
        The split.
    same_photo
        Pairs of image paths that show one photograph.
    image_folder
        If given, every file is read and its SHA-256 compared with the manifest.

    Raises
    ------
    DataError
        Naming what is on two sides, or which file changed.
    """
    leaks = find_leaks(split, same_photo)
    if not leaks.empty:
        first = leaks.iloc[0]
        raise DataError(
            f"the split leaks {len(leaks)} times: {first['first']} and {first['second']} "
            f"({first['kind']}) are in {first['parts']}."
        )
    if image_folder is None:
        return
    for path, sha256 in zip(split.rows["image_path"], split.rows["sha256"], strict=True):
        if image_digest(image_folder / path) != sha256:
            raise DataError(f"{image_folder / path} changed since the split was drawn: run again.")
