"""Where things are kept."""

from pathlib import Path

import platformdirs
import pytest

from lfw import settings
from lfw.settings import data_folder


def test_variable_names_the_folder(tmp_path: Path) -> None:
    assert data_folder({"LFW_DATA": str(tmp_path)}) == tmp_path


def test_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert data_folder({"LFW_DATA": "here"}) == tmp_path / "here"
    assert data_folder({"LFW_DATA": "~/there"}) == tmp_path / "home" / "there"


@pytest.mark.parametrize("environ", [{}, {"LFW_DATA": ""}])
def test_checkout_keeps_its_own_data(environ: dict[str, str]) -> None:
    assert data_folder(environ) == Path(__file__).parents[2] / "data"


def test_installed_package_uses_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "lfw" / "settings.py"))

    assert data_folder({}) == Path(platformdirs.user_data_dir("lfw-flow"))
