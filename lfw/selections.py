"""Selections of people in a few characters, as they are typed in a form or on a command line."""

import re
from typing import Any

HOW = (
    "write 6x75 (the 6 most photographed, 75 images of each), 62 all (all their images), "
    "min 20 x all (everybody with 20 images or more) or A_Name,Another_Name x balanced"
)
_COUNTED = re.compile(r"(?:(top|min)\s+)?(\d+)(?:(?:\s*[x\xd7]\s*|\s+)(\S+))?", re.IGNORECASE)
_NAMED = re.compile(r"([^\s,]+(?:\s*,\s*[^\s,]+)+)(?:(?:\s+[x\xd7]\s+|\s+)(\S+))?", re.IGNORECASE)


def read_selection(text: str) -> dict[str, Any]:
    """Turn a selection's short form into the parameters that a training run has for it.

    Parameters
    ----------
    text
        ``6x75``, ``top 6 x 75`` (or with the sign for times), ``62 all``, ``min 20 x all``, or
        names with commas between them. Images per person may be left out: then everybody has as
        many (``balanced``).

    Returns
    -------
    dict
        ``top``, ``min_images`` or ``people``, and ``images_per_person``.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> read_selection("6x75")
    {'top': 6, 'images_per_person': 75}
    """
    stripped = text.strip()
    counted, named = _COUNTED.fullmatch(stripped), _NAMED.fullmatch(stripped)
    if counted is not None:
        way = "min_images" if (counted[1] or "").lower() == "min" else "top"
        return {way: int(counted[2]), "images_per_person": _images(counted[3], text)}
    if named is not None:
        people = tuple(name.strip() for name in named[1].split(","))
        return {"people": people, "images_per_person": _images(named[2], text)}
    raise ValueError(f"{text!r} is no selection: {HOW}")


def _images(said: str | None, text: str) -> int | str:
    """Read how many images each person has."""
    word = (said or "balanced").lower()
    if word.isdecimal():
        return int(word)
    if word not in {"all", "balanced"}:
        raise ValueError(
            f"{text!r} is no selection: {said} images of each person cannot be had; {HOW}"
        )
    return word


def check_names(people: tuple[str, ...]) -> None:
    """See that people to be told apart are several, each named once.

    Raises
    ------
    ValueError
        If they are not.
    """
    doubled = sorted({name for name in people if people.count(name) > 1})
    if doubled:
        raise ValueError(f"people names {', '.join(doubled)} more than once: name each once")
    if len(people) < 2:
        raise ValueError(
            f"people names {len(people)}, and telling faces apart takes at least 2: add names"
        )
