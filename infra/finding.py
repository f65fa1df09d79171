"""What an examination finds."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at.
    state
        ``ok``; ``warn`` if a run works but not well; ``fail`` if it cannot work.
    detail
        What was found, as a sentence.
    remedy
        What to do, as a sentence; empty if nothing.
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""
