"""Errors that a user can act on."""


class LfwError(Exception):
    """Something the user can mend; its message says what is wrong, where, and what to do."""


class InputError(LfwError):
    """A parameter, source or file that the user gave cannot be used."""


class DataError(LfwError):
    """The data set is damaged, incomplete or fails a gate."""


def printable(text: str) -> str:
    """Write control characters as escapes, lines apart: a name may hold orders to the terminal."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode()
        for character in text
    )
