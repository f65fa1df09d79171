"""Progress of long work: a bar on a terminal, a line now and then in a log."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from prefect.logging import get_run_logger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lfw.threads import Progress as Callback

_SECONDS_BETWEEN_LINES = 10.0

Report = Callable[[str], Callback | None]


@contextlib.contextmanager
def reporting() -> Iterator[Report]:
    """Give what shows the progress of some long work, by its title."""
    if not sys.stderr.isatty():
        yield log_now_and_then
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bars:
        yield lambda title: _show_bar(bars, title)


def _show_bar(bars: Progress, title: str) -> Callback:
    shown = bars.add_task(title, total=None)

    def update(done: int, total: int) -> None:
        bars.update(shown, completed=done, total=total or None, visible=done != total)

    return update


def log_now_and_then(title: str) -> Callback:
    """Give what tells of some long work in the log of the run, a line every ten seconds."""
    logger = get_run_logger()
    last = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES and done != total:
            last = now
            logger.info("%s: %s of %s", title, f"{done:,}", f"{total:,}" if total else "unknown")

    return update
