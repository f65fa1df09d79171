"""Data sets, drawn and real, and a web server on this machine."""

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from lfw.download import kaggle_answers
from lfw.manifest import Manifest, build_manifest
from lfw.pack import PACK
from lfw.sample import write_sample
from tests.databases import make_databases
from tests.web import Site

REAL_ARCHIVE = "LFW_SOURCE"

settings.register_profile("lfw", deadline=None)  # how long an example takes is no result here
settings.load_profile("lfw")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what uses the real archive, by whatever fixture."""
    for item in items:
        if "real_archive" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


def zip_folder(folder: Path, archive: Path) -> Path:
    """Pack a folder as Kaggle does: the lists and the image folder at the top."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder).as_posix())
    return archive


def files_in(folder: Path) -> dict[str, bytes]:
    """Give every file of a folder by its path; of a pack its members, as any reader of zips does.

    A member's path is the one that it has where the pack is unpacked in its place.
    """
    found: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        place = path.relative_to(folder)
        if path.name == PACK and path.is_file():
            with zipfile.ZipFile(path) as pack:
                assert pack.testzip() is None
                assert {info.compress_type for info in pack.infolist()} <= {zipfile.ZIP_STORED}
                found |= {str(place.parent / name): pack.read(name) for name in pack.namelist()}
        elif path.is_file():
            found[place.as_posix()] = path.read_bytes()
    return found


def spoil_image(folder: Path) -> None:
    """Change one byte of one image in a copy that the project made."""
    pack = next(folder.rglob(PACK))
    with zipfile.ZipFile(pack) as opened:
        first = opened.infolist()[0]
    whole = bytearray(pack.read_bytes())
    whole[first.header_offset + 30 + len(first.filename) + first.file_size // 2] ^= 1
    pack.write_bytes(whole)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Give a folder that the first process of a test run to ask for it makes for all."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"shared-{name}"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of drawn people. Not to be changed: copy it."""
    return made_once(tmp_path_factory, "sample", lambda folder: write_sample(folder, scale=0.15))


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of migrated databases. Not to be worked in: see :mod:`tests.databases`."""
    return made_once(tmp_path_factory, "databases", make_databases)


@pytest.fixture(scope="session")
def sample_zip(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small data set in the layout of Kaggle's archive."""
    return zip_folder(sample_folder, tmp_path_factory.mktemp("zip") / "sample.zip")


@pytest.fixture
def http_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server of an empty folder; see :mod:`tests.web`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "site"
    folder.mkdir()
    with Site(folder) as site:
        yield site


@pytest.fixture
def kaggle(http_server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server in Kaggle's place, asked without anybody's account."""
    from kagglesdk import kaggle_env

    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", "")  # so that it is put back as it was
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, http_server.url)
    kaggle_answers.cache_clear()
    yield http_server
    kaggle_answers.cache_clear()


@pytest.fixture(scope="session")
def real_archive() -> Path:
    """The real data set's archive."""
    named = os.environ.get(REAL_ARCHIVE)
    if not named:
        pytest.skip(f"{REAL_ARCHIVE} is not set: the tests on the real data set are skipped")
    path = Path(named.partition("#sha256=")[0]).expanduser().absolute()
    if not path.is_file():
        pytest.fail(f"{REAL_ARCHIVE} names {path}, which is not a file: name the archive")
    return path


@pytest.fixture(scope="session")
def real_folder(real_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real data set, unpacked. Not to be changed."""
    folder = tmp_path_factory.mktemp("real") / "lfw"
    with zipfile.ZipFile(real_archive) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def real_manifest(real_folder: Path) -> Manifest:
    """Every file of the real data set."""
    return build_manifest(real_folder)


@pytest.fixture(scope="session")
def real_images(real_folder: Path, real_manifest: Manifest) -> Path:
    """The folder of the real images, with <Name>/<Name>_0001.jpg."""
    return real_folder / real_manifest.image_folder
