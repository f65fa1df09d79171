"""What is wrong with parameters, in a sentence."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lfw.errors import printable


def explain(error: ValidationError) -> str:
    """Say in a sentence what is wrong with parameters.

    Parameters
    ----------
    error
        What building them raised.

    Returns
    -------
    str
        Each parameter with the value that it was given, and what is asked for.
    """
    problems = error.errors()
    # A list whose values are all wrong is then said to be too short, too.
    told = {problem["loc"][0] for problem in problems if len(problem["loc"]) > 1}
    parts = [
        _part(problem)
        for problem in problems
        if not (problem["type"] == "too_short" and problem["loc"][0] in told)
    ]
    return "; ".join(dict.fromkeys(parts)) + "."


def _part(problem: ErrorDetails) -> str:
    given, place = problem["input"], problem["loc"]
    text = printable(problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "too_short":
        text = f"at least {problem['ctx']['min_length']} is needed"
    elif len(place) > 1 and isinstance(given, str) and "," in given:
        text += " (several are values of their own, with a blank and no comma between them)"
    return f"{place[0]} = {given!r}: {text}" if place else text
