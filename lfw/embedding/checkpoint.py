"""The last finished epoch of a fit, on disk."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lfw.digest import file_digest, value_digest
from lfw.files import write_text

if TYPE_CHECKING:
    import keras

_STATE = "state.json"


class Checkpoint:
    """The last finished epoch, on disk: its state names the weights, and is replaced in one step.

    Parameters
    ----------
    folder
        Where it is kept; None keeps nothing.
    of
        What the fit depends on: another fit does not go on from here.
    """

    def __init__(self, folder: Path | None, of: dict[str, Any]) -> None:
        self._folder = folder
        self._key = value_digest(of)

    def restore(self, net: "keras.Model") -> list[dict[str, float]]:
        """Load what was kept whole for the same fit, and give its history; else start anew."""
        if self._folder is None:
            return []
        try:
            state = json.loads((self._folder / _STATE).read_text(encoding="utf-8"))
            weights = self._folder / str(state["weights"])
            whole = state["key"] == self._key and file_digest(weights) == state["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        if not whole:
            return []
        net.optimizer.build(net.trainable_variables)
        net.load_weights(weights)
        return list(state["history"])

    def keep(self, net: "keras.Model", history: list[dict[str, float]]) -> None:
        """Put this epoch, with its optimiser, in the place of the last one."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        weights = self._folder / f"epoch-{len(history)}.weights.h5"
        net.save_weights(weights)
        state = {"key": self._key, "weights": weights.name, "sha256": file_digest(weights)}
        write_text(self._folder / _STATE, json.dumps(state | {"history": history}))
        for older in self._folder.glob("*.weights.h5"):
            if older != weights:
                older.unlink()


def forget(checkpoint: Path) -> None:
    """Remove the checkpoint of a fit that is done with."""
    shutil.rmtree(checkpoint, ignore_errors=True)
