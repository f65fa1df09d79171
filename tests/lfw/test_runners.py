import os
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from lfw.audit import Audit, audit_images
from lfw.digest import value_digest
from lfw.errors import InputError
from lfw.pack import PACK, PackWriter
from lfw.runners import Runner, check_runner, map_chunks
from tests.cluster import dask_cluster, free_port


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = str(Path(__file__).parents[2])
    environment = dict(os.environ) | {"PYTHONPATH": root}
    with dask_cluster(tmp_path_factory.mktemp("dask"), environment) as address:
        yield address


def processes(items: Sequence[int]) -> list[tuple[int, int]]:
    return [(item * item, os.getpid()) for item in items]


def refuse(items: Sequence[int]) -> list[int]:
    raise InputError(f"no {items[0]}")


def digest(audit: Audit) -> str:
    return value_digest([audit.images.to_json(), audit.thumbnails.tobytes().hex()])


@pytest.mark.parametrize("kind", ["threads", "processes", "dask"])
def test_results_come_in_order_wherever_they_are_made(cluster: str, kind: str) -> None:
    runner = Runner(kind, cluster if kind == "dask" else None)  # type: ignore[arg-type]
    told: list[tuple[int, int]] = []
    found = list(map_chunks(processes, range(100), runner, lambda *so_far: told.append(so_far), 10))
    assert [square for square, _ in found] == [n * n for n in range(100)]
    assert told == [(10 * n, 100) for n in range(1, 11)]
    assert (os.getpid() in {process for _, process in found}) is (kind == "threads")
    of_a_column = map_chunks(processes, pd.Series(range(100)), runner, chunk=10)
    assert [square for square, _ in of_a_column] == [square for square, _ in found]
    with pytest.raises(InputError, match="no 0"):
        list(map_chunks(refuse, range(3), runner))


def test_the_audit_is_the_same_to_the_digest(
    cluster: str, sample_folder: Path, tmp_path: Path
) -> None:
    """Of files in folders and of a pack, too."""
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))[:150]
    with PackWriter(tmp_path / PACK) as pack:
        for path in paths:
            content = (root / path).read_bytes()
            pack.add(f"lfw/{path}", content, zlib.crc32(content))
    paths.append("Nobody/Nobody_0001.jpg")
    runners = [Runner(), Runner("processes"), Runner("dask", cluster)]
    audits = [audit_images(root, paths)]
    audits += [audit_images(tmp_path / PACK / "lfw", paths, runner=runner) for runner in runners]
    assert len({digest(audit) for audit in audits}) == 1
    for audit in audits[1:]:
        pd.testing.assert_frame_equal(audit.images, audits[0].images)
    assert audits[0].images["problem"].tolist()[-1] == "unreadable"


def test_an_address_where_nothing_listens_is_told_within_seconds() -> None:
    since = time.monotonic()
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp://127"):
        check_runner(Runner("dask", f"tcp://127.0.0.1:{free_port()}"))
    assert time.monotonic() - since < 15
    with pytest.raises(InputError, match="no Dask scheduler answers at nonsense"):
        check_runner(Runner("dask", "nonsense://x"))


def test_a_cluster_that_is_there_is_fine(cluster: str) -> None:
    check_runner(Runner("dask", cluster))
    check_runner(Runner())


@pytest.mark.parametrize("kind", ["threads", "dask"])
def test_only_a_few_chunks_are_ahead(cluster: str, tmp_path: Path, kind: str) -> None:
    runner = Runner(kind, cluster if kind == "dask" else None)  # type: ignore[arg-type]
    ahead = []
    for taken, _ in enumerate(map_chunks(partial(note, tmp_path), range(60), runner, chunk=1)):
        time.sleep(0.01)
        ahead.append(len(list(tmp_path.iterdir())) - taken)
    assert len(list(tmp_path.iterdir())) == 60
    threads = 2 if kind == "dask" else os.cpu_count() or 1
    assert max(ahead) <= 3 * threads + 2


def note(folder: Path, items: Sequence[int]) -> list[int]:
    for item in items:
        (folder / str(item)).touch()
    return list(items)
