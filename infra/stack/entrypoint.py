"""What every container of our image starts with: `python -m infra.stack.entrypoint COMMAND…`.

A secret comes as a file, since variables are shown by ``docker inspect``. Few programs read files:
for each of ``SECRETS``, the file that ``NAME_FILE`` names is read into ``NAME``, and the command
takes this process's place.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lfw.errors import InputError

SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "KAGGLE_API_TOKEN",
    "MLFLOW_AUTH_ADMIN_PASSWORD",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_WORKER_PASSWORD",
    "PGPASSWORD",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_DATABASE_PASSWORD",
    "PREFECT_SERVER_API_AUTH_STRING",
)


def with_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which files of secrets are read.

    Parameters
    ----------
    environ
        An environment with some of ``NAME_FILE``, for the names in ``SECRETS``.

    Raises
    ------
    InputError
        If such a file cannot be read or is empty, or both ``NAME`` and ``NAME_FILE`` are set.
    """
    whole = dict(environ)
    for name in SECRETS:
        path = whole.pop(f"{name}_FILE", "")
        if not path:
            continue
        if whole.get(name):
            raise InputError(f"Both {name} and {name}_FILE are set: leave one out.")
        whole[name] = _read(name, Path(path))
    return whole


def _read(name: str, path: Path) -> str:
    mend = "make the secrets with `python3 -m infra.stack.make_secrets`."
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}_FILE={path} cannot be read ({error}): {mend}") from None
    if not value:
        raise InputError(f"{name}_FILE={path} is empty: {mend}")
    return value


def main(command: Sequence[str]) -> None:
    """Become the command."""
    if not command:
        raise SystemExit("entrypoint: no command is given.")
    try:
        environ = with_secrets(os.environ)
    except InputError as error:
        raise SystemExit(f"entrypoint: {error}") from None
    os.execvpe(command[0], list(command), environ)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
