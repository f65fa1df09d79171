"""What images could be kept in between runs: files, members of the archive, one pack, an array.

    python -m benchmarks.caches --source ~/Downloads/archive.zip

Each is made from the archive, checked again byte by byte, and asked for the selected images as
pixels. Each takes the SHA-256 of what it holds; the project's two, files and the pack, record and
compare it, too. Nothing is forced to the disk within the measured time. Files in folders are what a
notebook has; the pack is what the project does (`lfw/pack.py`).
"""

import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from benchmarks.contest import Claim, Contender, Result, compare, contest, finish, options
from benchmarks.data import Data, bring, zip_of
from benchmarks.ready import anew, inflated, wanted_of
from lfw.digest import file_digest
from lfw.fetch import fetch
from lfw.images import decode_rgb, read_many
from lfw.pack import PACK
from lfw.sources import Source
from lfw.threads import in_threads

_ARRAY = "pixels.npy"
_SHAPE = (250, 250, 3)
_PEER = "files in folders"
_IN_PLACE = "members read in place from the zip"

Work = Callable[[Path], object]
"""Does something with a cache's folder; reading gives pixels of shape (n, 250, 250, 3)."""


@dataclass(frozen=True)
class Cache:
    """One way to keep images: how it is made, checked again, and read, given its folder."""

    make: Work
    check: Work
    read: Work


def run(data: Data, archive: Path, rounds: int, scratch: Path | None = None) -> Result:
    """Measure.

    Parameters
    ----------
    data
        The data set of that archive, at hand.
    archive
        A zip.
    rounds
        That count.
    scratch
        A folder on the disk to be measured; the system's for temporary files if None.
    """
    wanted = [path for part in wanted_of(data).values() for path in part]
    caches = caches_of(data, archive, wanted)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        kept = {name: Path(folder) / str(place) for place, name in enumerate(caches)}
        for name, cache in caches.items():
            kept[name].mkdir()
            cache.make(kept[name])
        os.sync()
        works: dict[str, Contender] = {}
        for name, cache in caches.items():
            works[f"{name}: made"] = anew(cache.make, scratch)
            works[f"{name}: checked"] = partial(_asked, cache.check, kept[name])
            works[f"{name}: read"] = partial(_asked, cache.read, kept[name])
        taken = contest(works, rounds)
        sizes = {name: _megabytes(kept[name]) for name in caches}
    sizes[_IN_PLACE] = archive.stat().st_size / 1e6
    words = {
        "made": "made from the archive",
        "checked": "checked again, every byte",
        "read": f"{len(wanted)} images as pixels",
    }
    claims = [
        compare(taken, (f"{name}: {what}", f"{_PEER}: {what}"), (f"{said}: {name}", _PEER), None)
        for what, said in words.items()
        for name in caches
        if name != _PEER
    ]
    claims += [Claim(f"on the disk: {name}", "", None, "most", "MB", [sizes[name]])
               for name in caches]  # fmt: skip
    setting: dict[str, object] = {"images": len(data.paths), "wanted": len(wanted)}
    return Result("caches", "python -m benchmarks.caches", claims, taken, setting)


def caches_of(data: Data, archive: Path, wanted: list[str]) -> dict[str, Cache]:
    """Give all ways to keep a data set's images, and to read those wanted."""
    return {
        _PEER: _files(data, archive, wanted),
        _IN_PLACE: _in_place(data, archive, wanted),
        "one packed file, uncompressed": _packed(data, archive, wanted),
        "decoded array, memory map": _array(data, archive, wanted),
    }


def _asked(work: Work, folder: Path, _: int) -> None:
    work(folder)


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _files(data: Data, archive: Path, wanted: list[str]) -> Cache:
    """Unpack all; the project's own fetch of a folder records, and compares, every file."""

    def check(folder: Path) -> object:
        return fetch(Source("folder", str(folder / "files")), folder / "data")

    def make(folder: Path) -> None:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder / "files")
        check(folder)

    return Cache(make, check, lambda folder: read_many(folder / "files" / data.inside, wanted))


def _in_place(data: Data, archive: Path, wanted: list[str]) -> Cache:
    """Make nothing: look through every member once, and at the archive's SHA-256 again."""
    members = [f"{data.inside}/{path}" for path in wanted]
    opened = zipfile.ZipFile(archive)  # kept open between reads, as a pack is

    def read(_: Path) -> object:
        return np.stack(list(in_threads(lambda name: decode_rgb(opened.read(name)), members)))

    return Cache(lambda _: inflated(archive), lambda _: file_digest(archive), read)


def _packed(data: Data, archive: Path, wanted: list[str]) -> Cache:
    """Do as the project does."""

    def fetched(folder: Path) -> object:
        return fetch(Source("archive", str(archive)), folder)

    def read(folder: Path) -> object:
        (pack,) = folder.glob(f"datasets/*/{PACK}")
        return read_many(pack / data.inside, wanted)

    return Cache(fetched, fetched, read)


def _array(data: Data, archive: Path, wanted: list[str]) -> Cache:
    """Decode every image into one array of pixels on the disk."""
    places = [data.paths.index(path) for path in wanted]

    def make(folder: Path) -> None:
        contents = inflated(archive, [f"{data.inside}/{path}" for path in data.paths])
        pixels = open_memmap(folder / _ARRAY, "w+", np.uint8, (len(contents), *_SHAPE))
        for place, image in enumerate(in_threads(decode_rgb, contents)):
            pixels[place] = image
        file_digest(folder / _ARRAY)

    def read(folder: Path) -> object:
        return np.load(folder / _ARRAY, mmap_mode="r")[places]

    return Cache(make, lambda folder: file_digest(folder / _ARRAY), read)


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
