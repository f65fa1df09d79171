"""Imports that every flow needs, made while its Prefect server starts on another core."""

import contextlib
import importlib
import threading

# None of them reads a variable that is set only once the server's address is known; together they
# take about as long as the server.
_LIBRARIES = ("pandas", "cv2", "scipy.stats", "sklearn.metrics", "mlflow", "matplotlib.figure")


def import_ahead() -> threading.Thread:
    """Begin to import slow libraries in a thread. Join it before anything else is imported.

    Two threads that import modules which import each other may be given half of one.
    """
    thread = threading.Thread(target=_import_all, name="import-ahead", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):  # the flow's own import tells of it
            importlib.import_module(name)
