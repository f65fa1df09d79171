"""The people of a selection as a classifier's classes."""

import pandas as pd

from lfw.errors import InputError
from lfw.parameters import SelectionParameters
from lfw.split import select_people

_COLUMNS = frozenset({"name", "probability", "image_path", "truth", "answer"})
"""What stands beside the classes in a model's answers, and in the tables made of them."""
_STRANGER = "unknown"


def select_classes(people: pd.DataFrame, wanted: SelectionParameters) -> list[str]:
    """Name the people of a selection that a classifier can be trained on.

    A name becomes a column beside others in what a model answers, and a stranger is answered
    `unknown`. A person of such a name is refused rather than given another column: whoever reads a
    model's answers takes its classes as they are spelt.

    Raises
    ------
    InputError
        As :func:`lfw.split.select_people` does, and if a name means something else in answers.
    """
    chosen = select_people(people, wanted)
    taken = sorted(name for name in chosen if name in _COLUMNS or name.casefold() == _STRANGER)
    if taken:
        raise InputError(
            f"people: nobody called {' or '.join(taken)} can be told apart, for the word means "
            "something else in a model's answers: rename the folder, its files and their rows in "
            "the lists, or choose others with people."
        )
    return chosen
