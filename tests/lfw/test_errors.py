"""Messages hold no orders to the terminal."""

from lfw.errors import printable


def test_control_characters_are_shown_as_escapes() -> None:
    assert printable("a\x1b[2Jb\r\x00\x85c") == "a\\x1b[2Jb\\r\\x00\\x85c"
    assert printable("Zo\u00eb \u674e\nsecond line") == "Zo\u00eb \u674e\nsecond line"
    assert printable("\udcff") == "\\udcff"
