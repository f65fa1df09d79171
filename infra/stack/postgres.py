"""PostgreSQL's own programs, called with the login of one of the stack's two databases."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lfw.errors import InputError, LfwError

DATABASES = {"prefect": "PREFECT_DATABASE_PASSWORD", "mlflow": "PGPASSWORD"}
"""Each database, which is also its owner's name, and the variable of that login's password."""

_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
_EMPTY = ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


def dump(database: str, path: Path) -> None:
    """Write a database to a file, in PostgreSQL's own compressed format."""
    _call(database, ["pg_dump", "--format=custom", "--no-owner", f"--file={path}"])


def load(database: str, path: Path, script: Path) -> None:
    """Put a dump in the place of all that a database holds: the whole of it, or nothing.

    Parameters
    ----------
    database
        Its name.
    path
        What ``dump`` wrote.
    script
        A file that may be written to meanwhile; the dump as SQL.
    """
    _call(None, ["pg_restore", "--no-owner", f"--file={script}", str(path)])
    emptying = [f"--command={statement}" for statement in _EMPTY]
    _psql(database, ["--single-transaction", *emptying, f"--file={script}"])


def has_tables(database: str) -> bool:
    """Say whether there is anything in a database."""
    return int(_psql(database, [f"--command={_TABLES}"])) > 0


def check_alone(database: str) -> None:
    """See that nobody else is at work in a database.

    Raises
    ------
    InputError
        If somebody is.
    """
    others = int(_psql(database, [f"--command={_OTHERS}"]))
    if others:
        raise InputError(
            f"{others} connections to the database {database!r} are open: first stop what uses it, "
            "with `docker compose -f infra/compose.yaml stop prefect mlflow worker`."
        )


def _psql(database: str, arguments: Sequence[str]) -> str:
    quiet = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
    return _call(database, ["psql", *quiet, *arguments])


def _call(database: str | None, command: Sequence[str]) -> str:
    environ = {**os.environ, **_login(database)} if database else dict(os.environ)
    try:
        done = subprocess.run(  # noqa: S603
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise LfwError(f"{command[0]} is not there: install PostgreSQL's client.") from None
    if done.returncode:
        raise LfwError(f"{command[0]} failed on {database or 'a dump'}: {done.stderr.strip()}")
    return done.stdout.strip()


def _login(database: str) -> Mapping[str, str]:
    variable = DATABASES[database]
    password = os.environ.get(variable, "")
    if not password:
        raise InputError(f"{variable} is not set: it is the password of the database {database!r}.")
    return {"PGDATABASE": database, "PGUSER": database, "PGPASSWORD": password}
