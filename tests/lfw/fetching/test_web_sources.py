"""What is fetched from a URL or from Kaggle, and which source is taken."""

import shutil
import threading
from pathlib import Path

import pytest

from lfw.digest import file_digest
from lfw.download import FetchError, kaggle_answers
from lfw.errors import DataError, InputError
from lfw.fetch import KNOWN_IMAGES, fetch
from lfw.manifest import build_manifest
from lfw.sources import KAGGLE_DATASET, Source, choose_source
from tests.lfw.fetching.support import Log, fetch_archive, names
from tests.web import Reply, Site, offer_dataset

KAGGLE = Source("kaggle", KAGGLE_DATASET)


def test_url_is_downloaded_once_with_progress(archive: Path, data: Path, http_server: Site) -> None:
    shutil.copy(archive, http_server.folder / "lfw.zip")
    source = Source("url", f"{http_server.url}/lfw.zip", file_digest(archive))
    log = Log()

    first = fetch(source, data, log)
    again = fetch(source, data)

    size = archive.stat().st_size
    assert log.told["download"][-1] == (size, size)
    assert first.why is None
    assert again.why is not None
    assert again.dataset == first.dataset
    assert first.dataset.archive_sha256 == file_digest(archive)
    assert http_server.requests == [("GET", "/lfw.zip")]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_url_that_is_refused_leaves_nothing(status: int, data: Path, http_server: Site) -> None:
    http_server.replies["/lfw.zip"] = Reply(status)
    with pytest.raises(FetchError):
        fetch(Source("url", f"{http_server.url}/lfw.zip"), data)
    assert names(data) == set()
    assert list((data / "downloads").iterdir()) == []


@pytest.mark.parametrize("demanded", [True, False])
def test_download_of_no_use_is_asked_for_again(
    demanded: bool, archive: Path, data: Path, http_server: Site
) -> None:
    sha256 = file_digest(archive) if demanded else None
    source = Source("url", f"{http_server.url}/lfw.zip", sha256)
    http_server.replies["/lfw.zip"] = Reply(body=b"<html>Log in</html>")
    with pytest.raises(DataError if demanded else InputError):
        fetch(source, data)

    http_server.replies["/lfw.zip"] = Reply(body=archive.read_bytes())

    assert fetch(source, data).why is None


def test_kaggles_data_must_be_the_known_one(kaggle: Site, sample_zip: Path, data: Path) -> None:
    offer_dataset(kaggle, sample_zip)
    with pytest.raises(DataError, match=r"fetched from Kaggle .* differ from the published ones"):
        fetch(KAGGLE, data)
    assert "fetched.json" not in names(data)


def test_kaggles_data_is_fetched_once_and_remembered(
    kaggle: Site, archive: Path, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KNOWN_IMAGES, build_manifest(folder).images_digest, "three images")
    offer_dataset(kaggle, archive)

    first = fetch(KAGGLE, data)
    asked = len(kaggle.requests)
    again = fetch(choose_source("auto", data, {}), data)

    assert first.why is None
    assert again.why is not None
    assert again.dataset.data_digest == first.dataset.data_digest
    assert again.dataset.source.kind == "kaggle"
    assert len(kaggle.requests) == asked


def test_kaggles_failure_is_no_reason_for_another_source(kaggle: Site, data: Path) -> None:
    with pytest.raises(FetchError):
        fetch(choose_source("kaggle", data, {}), data)
    assert names(data) == set()


def test_auto_goes_by_its_order(
    kaggle: Site, archive: Path, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(environ: dict[str, str]) -> str:
        return choose_source("auto", data, environ).kind

    wait = threading.Event()
    kaggle.replies["/"] = Reply(wait=wait)
    monkeypatch.setattr("lfw.sources.kaggle_answers", lambda: kaggle_answers(0.2))
    assert chosen({}) == "sample"

    wait.set()
    kaggle_answers.cache_clear()
    assert chosen({}) == "kaggle"

    fetch_archive(archive, data)
    assert chosen({}) == "archive"
    assert chosen({"LFW_SOURCE": str(folder)}) == "folder"


def test_drawn_archive_is_not_remembered(sample_zip: Path, data: Path) -> None:
    assert fetch_archive(sample_zip, data).dataset.kind == "synthetic"
    assert "fetched.json" not in names(data)
