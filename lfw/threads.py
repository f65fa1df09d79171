"""Work on many images in threads: decoders and OpenCV let go of Python's lock."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_CHUNK = 64
_THREADS = 2

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextlib.contextmanager
def one_thread_an_image() -> Iterator[None]:
    """Keep OpenCV from dividing one small image among threads of its own.

    At 250 x 250 pixels handing the parts round costs more than the work, above all where the images
    are shared out among threads already. OpenCV has one setting for the whole process, which
    is put back at the end; results do not depend on it.
    """
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None = None
) -> Iterable[Result]:
    """Apply a function that releases the GIL to many items, in order, in chunks.

    Parameters
    ----------
    function, items
        What to do, and to what.
    progress
        Told how many of how many are done.
    """

    def chunk(start: int) -> list[Result]:
        return [function(item) for item in items[start : start + _CHUNK]]

    done = 0
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for results in pool.map(chunk, range(0, len(items), _CHUNK)):
            yield from results
            done += len(results)
            if progress is not None:
                progress(done, len(items))
