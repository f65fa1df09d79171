"""Archives that tests of unpacking write."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.lfw.broken_archives import zipped


def write_zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    path.write_bytes(zipped(*members, method=zipfile.ZIP_DEFLATED))
    return path


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}
