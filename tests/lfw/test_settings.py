"""Where things are kept."""

from pathlib import Path

import platformdirs
import pytest

from lfw import settings
from lfw.errors import InputError
from lfw.settings import data_folder, make_data_folder


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


def test_home_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="LFW_DATA"):
        data_folder({"LFW_DATA": "~nobody_of_this_name/data"})


def test_data_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    make_data_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_place_of_the_data_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        make_data_folder(tmp_path / "taken")
