"""Archives that tests of unpacking write."""

import bz2
import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

FILES = {
    "lfw_allnames.csv": b"name,images\r\nAnn,2\r\nBob,1\r\n",
    "lfw/lfw/Ann/Ann_0001.jpg": b"first" * 400,
    "lfw/lfw/Ann/Ann_0002.jpg": bytes(range(256)) * 8,
    "lfw/lfw/Bob/Bob_0001.jpg": b"third" * 300,
}
PICTURE = "lfw/lfw/Ann/Ann_0001.jpg"


def write_zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # on names that are there twice
        for name, content in members:
            file.writestr(name, content)
    return path


def tar_bytes(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return made.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}
