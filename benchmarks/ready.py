"""From an archive on disk to images in memory, ready for training.

    python -m benchmarks.ready --source ~/Downloads/archive.zip

The peer unpacks everything with `extractall`, copies the selected images into a folder for each
part and person, and then reads them. The project fetches: takes the archive's SHA-256, unpacks it
with every member checked into one file, records every file's SHA-256, and reads the selected images
from there. Two floors: every member inflated and checked as the project does, its SHA-256 taken,
but nothing kept; and the selected members alone, read in place from the archive (each with its
CRC). All on the same disk, which is brought to rest before each: what one has written is not to be
carried out in another's time.
"""

import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.contest import Contender, Result, compare, contest, finish, options
from benchmarks.data import Data, bring, zip_of
from benchmarks.peers.loops import extract_and_copy
from lfw.digest import file_digest
from lfw.errors import InputError
from lfw.fetch import fetch
from lfw.images import decode_rgb, read_many
from lfw.parameters import TrainParameters
from lfw.runners import map_chunks
from lfw.sources import Source
from lfw.split import draw_split, sample_images, select_people
from lfw.threads import in_threads
from lfw.zip_member import read_plain_many


def run(data: Data, archive: Path, rounds: int, scratch: Path | None = None) -> Result:
    """Measure.

    Parameters
    ----------
    data
        The data set of that archive, at hand: says which images are wanted.
    archive
        A zip.
    rounds
        That count.
    scratch
        A folder on the disk to be measured; the system's for temporary files if None.
    """
    wanted = wanted_of(data)
    paths = [path for part in wanted.values() for path in part]
    prefix = data.inside
    members = [f"{prefix}/{path}" for path in paths]

    def unpack_and_copy(folder: Path) -> None:
        extract_and_copy(archive, folder, wanted, prefix)
        for part, inside in wanted.items():
            read_many(folder / part, inside)

    def fetched(folder: Path) -> None:
        found = fetch(Source("archive", str(archive)), folder)
        read_many(Path(found.dataset.image_folder), paths)

    contenders = {
        "unpack and copy": unpack_and_copy,
        "fetch": fetched,
        "every member": lambda _: every_member(archive, members),
        "in place": lambda _: in_place(archive, members),
    }
    taken = contest({name: anew(work, scratch) for name, work in contenders.items()}, rounds)
    peer = "`extractall`, copy into folders, read"
    claims = [
        compare(
            taken,
            ("fetch", "unpack and copy"),
            (f"archive to {len(paths)} images in memory, every file checked and recorded", peer),
            15.0,
            "least",
        ),
        compare(
            taken,
            ("every member", "unpack and copy"),
            ("floor: every member inflated and checked, those wanted read, nothing kept", peer),
            None,
            "least",
        ),
        compare(
            taken,
            ("in place", "unpack and copy"),
            ("floor: only the wanted members, in place, and the archive's SHA-256", peer),
            None,
            "least",
        ),
    ]
    setting: dict[str, object] = {"images": len(data.paths), "wanted": len(paths)}
    return Result("ready", "python -m benchmarks.ready", claims, taken, setting)


def anew(work: Callable[[Path], object], scratch: Path | None) -> Contender:
    """Time some work in a new folder, on a disk at rest.

    The folder is made before, and taken away after: to delete takes longer than to create.
    """

    def contender(_: int) -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            os.sync()
            since = time.perf_counter()
            work(Path(folder))
            return time.perf_counter() - since

    return contender


def in_place(archive: Path, wanted: Sequence[str]) -> None:
    """Read wanted members alone, in place, and take the archive's SHA-256."""
    file_digest(archive)
    with zipfile.ZipFile(archive) as opened:
        np.stack(list(in_threads(lambda name: decode_rgb(opened.read(name)), wanted)))


def every_member(archive: Path, wanted: Sequence[str]) -> None:
    """Inflate and check every member as the project does, and read those wanted alone."""
    np.stack(list(in_threads(decode_rgb, inflated(archive, wanted))))


def inflated(archive: Path, wanted: Sequence[str] = ()) -> list[bytes]:
    """Take the SHA-256 of an archive and of every member, checked; keep those wanted alone."""
    file_digest(archive)
    kept = dict.fromkeys(wanted, b"")
    with zipfile.ZipFile(archive) as opened, archive.open("rb") as file:
        members = [info for info in opened.infolist() if not info.is_dir()]
        check = partial(read_plain_many, file.fileno())
        for member, found in zip(members, map_chunks(check, members), strict=True):
            if found is None:
                raise InputError(f"{archive} has members that are not read at once.")
            if member.filename in kept:
                kept[member.filename] = found[0]
    return list(kept.values())


def wanted_of(data: Data) -> dict[str, list[str]]:
    """Choose the images of a default run: paths by part."""
    asked = TrainParameters()
    names = select_people(data.people, asked)
    split = draw_split(sample_images(data.rows, names, asked, 0), [], 0)
    return {
        part: split.part(part)["image_path"].tolist() for part in ("train", "validation", "test")
    }


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto", help="a zip archive")
    parser.add_argument("--scratch", type=Path, help="folder on the disk to be measured")
    asked = parser.parse_args()
    data = bring(asked.source)
    result = run(data, zip_of(data), asked.rounds, asked.scratch)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
