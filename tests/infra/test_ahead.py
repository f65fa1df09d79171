"""Libraries are there before they are asked for, and a missing one is no matter here."""

import sys

import pytest

from infra import ahead


def test_libraries_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("colorsys", "there_is_no_such_module", "tabnanny")
    monkeypatch.setattr(ahead, "_LIBRARIES", names)
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    ahead.import_ahead().join()
    assert {"colorsys", "tabnanny"} <= set(sys.modules)
