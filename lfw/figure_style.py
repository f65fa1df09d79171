"""One style for all figures, and what they share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:  # half a second, which a run that draws nothing need not wait
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

BLUE, ORANGE, GREY, LIGHT, INK = "#2563a8", "#d9722e", "#8a8f98", "#dfe3e8", "#22262b"

STYLE: Any = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "figure.dpi": 110,
    "font.size": 10,
    "grid.color": LIGHT,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


_Asked = ParamSpec("_Asked")
_Drawn = TypeVar("_Drawn")


def in_style(draw: Callable[_Asked, _Drawn]) -> Callable[_Asked, _Drawn]:
    """Let a function draw in the style of all figures."""

    @wraps(draw)
    def styled(*args: _Asked.args, **kwargs: _Asked.kwargs) -> _Drawn:
        import matplotlib as mpl

        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


def empty_figure(width: float, height: float) -> "Figure":
    """Give a figure of a size in inches, to draw in."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def percent() -> "PercentFormatter":
    """Let an axis show shares as percentages."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1)


def whole_numbers() -> "MaxNLocator":
    """Let an axis show whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, min_n_ticks=1)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG: the same figure gives the same bytes."""
    figure.savefig(path, format="png", metadata={"Software": None})


def shown_name(name: str) -> str:
    """Give a person's name as it is read: without underscores."""
    return name.replace("_", " ")
