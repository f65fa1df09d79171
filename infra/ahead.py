"""Before a command's flow: what can be done while its server starts. After it: last words."""

import contextlib
import gc
import importlib
import os
import sys
import threading
from pathlib import Path

from infra.processes import answers
from lfw.digest import value_digest
from lfw.parameters import Checked, PretrainParameters, ScoreParameters, TrainParameters

# The slow ones among those that every run needs; what only some stages need waits for them.
_LIBRARIES = ("pandas", "cv2", "mlflow", "mlflow.store.tracking.sqlalchemy_store")

_GARBAGE = 10_000
"""New objects after which Python looks for garbage; of 700, its default, TensorFlow makes many."""


_SECONDS_TO_SEND = 60.0  # Python's end would wait for it, too, but without a server
_WITHOUT_NETWORK = {"hog", "dlib"}


def libraries_of(wanted: Checked, asked_before: bool = False) -> tuple[str, ...]:
    """Name the slow libraries that a run is likely to need beside those that every run needs.

    TensorFlow takes longer than all others together, and about as long as a server takes to start.

    Parameters
    ----------
    wanted
        What the run is asked to do.
    asked_before
        Whether it was asked for before: stages of a training may all be answered by earlier ones,
        and if they are not, what they need is imported then. Images are scored each time.
    """
    if isinstance(wanted, ScoreParameters):
        return ("keras",)
    if asked_before or not isinstance(wanted, TrainParameters | PretrainParameters):
        return ()
    learns = isinstance(wanted, PretrainParameters) or wanted.model not in _WITHOUT_NETWORK
    return ("keras",) if learns else ()


def asked_before(folder: Path, flow: str, wanted: Checked) -> bool:
    """Say whether a run came to its end in a data folder before.

    Parameters
    ----------
    folder
        The data folder.
    flow, wanted
        What is asked for.
    """
    try:
        return _note_of(folder, flow, wanted).exists()
    except OSError:
        return False


def remember(folder: Path, flow: str, wanted: Checked) -> None:
    """Note that a run came to its end, for :func:`asked_before`; a run does not fail by it."""
    note = _note_of(folder, flow, wanted)
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()


def _note_of(folder: Path, flow: str, wanted: Checked) -> Path:
    return folder / "home" / "asked" / value_digest([flow, wanted.model_dump(mode="json")])


def import_ahead(
    module: str, more: tuple[str, ...] = (), *, digested: bool = False
) -> threading.Thread:
    """Begin to import a module in a thread. Join it before anything else is imported.

    Two threads that import modules which import each other may be given half of one.

    Parameters
    ----------
    module
        Where the flow is; its libraries come first.
    more
        What comes after it.
    digested
        Whether the code that its stages rest on is digested then, too: for where there is time.
    """
    import httpx  # noqa: F401 (who waits for the server asks it by this)

    thread = threading.Thread(
        target=_import_all,
        args=((*_LIBRARIES, module, *more), digested),
        name="import-ahead",
        daemon=True,
    )
    thread.start()
    return thread


def _import_all(names: tuple[str, ...], digested: bool) -> None:
    # Imports make a million objects that stay: to look for garbage among them again and again, now
    # and later, takes a sixth of their time.
    gc.disable()
    try:
        for name in names:
            with contextlib.suppress(ImportError):  # the flow's own import tells of it
                importlib.import_module(name)
        if digested:
            # What is wrong with a stage's code, the stage tells when it is run.
            with contextlib.suppress(Exception):
                digest_stages()
    finally:
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        gc.enable()


def digest_stages() -> list[str]:
    """Digest the code of all stages that were imported, and name them: each run asks for these.

    Parsed sources and the list of what is installed are kept for the rest of the process.
    """
    from lfw.code import function_digests
    from tasks.stages import Stage

    loaded = list(sys.modules.items())  # another thread may import meanwhile
    modules = [module for name, module in loaded if name.startswith("tasks.")]
    stages = {one for module in modules for one in vars(module).values() if isinstance(one, Stage)}
    for one in stages:
        function_digests(one.function)
    return [one.name for one in stages]


def send_what_is_left(api_url: str) -> None:
    """Send the log lines and events that Prefect's client still holds, if its server is there.

    It sends lines every two seconds, from the background, and at the end of Python. By then a
    server that ends with its last client is gone: the last lines would be lost, and to try again
    takes a minute.

    Parameters
    ----------
    api_url
        The server's address.
    """
    from prefect.logging.handlers import APILogWorker

    if answers(f"{api_url.rstrip('/')}/health"):
        # All such services of Prefect are drained by any of them, the events' one, too.
        APILogWorker.drain_all(timeout=_SECONDS_TO_SEND)


def tell_prefect(api_url: str) -> None:
    """Let Prefect know the server's address: it has read its settings when it was imported."""
    from prefect.context import refresh_global_settings_context

    os.environ["PREFECT_API_URL"] = api_url
    refresh_global_settings_context()
