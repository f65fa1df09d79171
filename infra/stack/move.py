"""Move MLflow from a laptop to the team's stack: `python -m infra.stack.move DATA_FOLDER`.

MLflow has no command for it. Both ends are databases with the same tables at the same revision of
MLflow's schema, so rows are copied with their ids, and the files of runs and models are written
into the bucket. Addresses of files, which are folders of the laptop, become those of the server's
artifacts. The laptop's folder is only read.
"""

import contextlib
import logging
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.stack.bucket import Bucket
from lfw.errors import InputError, LfwError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table

TARGET = "postgresql:///mlflow"
"""As in ``--backend-store-uri``: host and login come from PGHOST, PGPORT, PGUSER, PGPASSWORD."""

_ROWS = 2000
_ROOT = ("mlflow", "artifacts")  # where infra.mlflow_store keeps artifacts in the data folder


class Moved(NamedTuple):
    """What was moved."""

    experiments: int
    runs: int
    versions: int
    files: int


def move(data_folder: Path) -> Moved:
    """Copy experiments, runs, models, versions and aliases, and every file of theirs.

    The rows come in one transaction, after the files: a move that fails can be done again.

    Parameters
    ----------
    data_folder
        The laptop's data folder, with ``mlflow/mlflow.db``; nothing may be writing to it.

    Raises
    ------
    InputError
        If there is no such database, if the team's has runs or models already, or if artifacts are
        kept elsewhere than in the data folder.
    LfwError
        If the schemas differ, or a table would be lost.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError

    tables = _tables()
    with contextlib.ExitStack() as opened:
        try:
            target = opened.enter_context(create_engine(TARGET).begin())
        except OperationalError as error:
            raise LfwError(f"The team's database cannot be reached: {error.orig}") from error
        _check_is_new(target)
        copy = opened.enter_context(_up_to_date_copy(data_folder))
        source = opened.enter_context(create_engine(copy).connect())
        _check_schemas(source, target, tables)
        places = _places(source)
        files = _copy_files(data_folder, places)
        for table in reversed(tables.sorted_tables):
            target.execute(table.delete())  # the default experiment, which both have
        for table in tables.sorted_tables:
            _copy_rows(source, target, table, places)
        _set_counters(target, tables)
        counted = [
            int(target.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())  # noqa: S608
            for name in ("experiments", "runs", "model_versions")
        ]
    return Moved(counted[0], counted[1], counted[2], files)


def _tables() -> "MetaData":
    import mlflow.store.model_registry.dbmodels.models
    import mlflow.store.tracking.dbmodels.models  # noqa: F401
    from mlflow.store.db.base_sql_model import Base

    found: MetaData = Base.metadata
    return found


@contextlib.contextmanager
def _up_to_date_copy(data_folder: Path) -> Iterator[str]:
    """Copy the laptop's database, and bring the copy to the schema of this MLflow."""
    database = data_folder / "mlflow" / "mlflow.db"
    if not database.is_file():
        raise InputError(f"There is no {database}: name the laptop's data folder.")
    import mlflow.db

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / database.name
        for suffix in ("", "-wal"):  # the folder may be read-only, where SQLite opens no WAL
            part = database.with_name(database.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(part.name))
        try:
            with contextlib.closing(sqlite3.connect(copy)) as opened:
                opened.execute("PRAGMA journal_mode=DELETE")
            mlflow.db.commands.main(["upgrade", f"sqlite:///{copy}"], standalone_mode=False)
        except Exception as error:
            raise LfwError(f"{database} cannot be brought up to date: {error}") from error
        yield f"sqlite:///{copy}"


def _check_schemas(source: "Connection", target: "Connection", tables: "MetaData") -> None:
    from sqlalchemy import inspect, text

    revision = text("SELECT version_num FROM alembic_version")
    ends = [str(end.execute(revision).scalar_one()) for end in (source, target)]
    if ends[0] != ends[1]:
        raise LfwError(
            f"The team's database is at revision {ends[1]}, this MLflow at {ends[0]}: run the "
            "stack's service mlflow-schema."
        )
    names = set(inspect(source).get_table_names()) - {"alembic_version", *tables.tables}
    lost = [
        name
        for name in sorted(names)
        if source.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first()  # noqa: S608
    ]
    if lost:
        raise LfwError(f"The laptop's tables {', '.join(lost)} are unknown here: nothing is moved.")


def _check_is_new(target: "Connection") -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import ProgrammingError

    for name in ("runs", "registered_models", "logged_models"):
        try:
            known = target.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first()  # noqa: S608
        except ProgrammingError:
            raise InputError("The team's MLflow has no tables yet: start the stack.") from None
        if known:
            raise InputError(
                f"The team's MLflow has {name.replace('_', ' ')} already, whose ids could be the "
                "laptop's: a laptop is moved into a new stack."
            )


def _places(source: "Connection") -> dict[str, str]:
    """Map where each experiment keeps its files to where it will."""
    from sqlalchemy import text

    rows = source.execute(text("SELECT experiment_id, artifact_location FROM experiments"))
    return {str(location): f"mlflow-artifacts:/{number}" for number, location in rows}


def _copy_files(data_folder: Path, places: Mapping[str, str]) -> int:
    bucket, count = Bucket(), 0
    bucket.ensure()
    for location, address in places.items():
        folder = _local_folder(data_folder, location)
        for path in sorted(folder.rglob("*")) if folder else []:
            if path.is_file():
                key = f"{address.partition(':/')[2]}/{path.relative_to(folder).as_posix()}"
                bucket.put_file(key, path)
                count += 1
    return count


def _local_folder(data_folder: Path, location: str) -> Path:
    """Find an experiment's folder, which was another path on the laptop itself."""
    parts = PurePosixPath(location.removeprefix("file://")).parts
    for at in range(len(parts) - 1):
        if parts[at : at + 2] == _ROOT and "://" not in location.removeprefix("file://"):
            return data_folder.joinpath(*parts[at:])
    raise InputError(
        f"The laptop keeps artifacts in {location}, which is not in its data folder: move those "
        "there, or leave that experiment behind (delete it and run `mlflow gc`)."
    )


def _copy_rows(
    source: "Connection", target: "Connection", table: "Table", places: Mapping[str, str]
) -> None:
    result = source.execute(table.select())
    while rows := result.mappings().fetchmany(_ROWS):
        target.execute(
            table.insert(),
            [{name: _moved(value, places) for name, value in row.items()} for row in rows],
        )


def _moved(value: Any, places: Mapping[str, str]) -> Any:
    """Put a new address in the place of an old one; everything else stays as it is."""
    if not isinstance(value, str):
        return value
    for location, address in places.items():
        if value == location or value.startswith(f"{location}/"):
            return address + value[len(location) :]
    return value


def _set_counters(target: "Connection", tables: "MetaData") -> None:
    """Let PostgreSQL number on from the highest id that was copied."""
    from sqlalchemy import text

    find = text("SELECT pg_get_serial_sequence(:table, :column)")
    for table in tables.sorted_tables:
        for column in table.primary_key.columns:
            if table.c[column.name].type.python_type is not int:
                continue
            names = {"table": table.name, "column": column.name}
            counter = target.execute(find, names).scalar()
            if counter:
                highest = f"SELECT coalesce(max({column.name}), 0) + 1 FROM {table.name}"  # noqa: S608
                target.execute(
                    text(f"SELECT setval(:counter, ({highest}), false)"),
                    {"counter": counter},
                )


def main(arguments: list[str]) -> None:
    """Move, and say what."""
    if len(arguments) != 1:
        raise SystemExit("Usage: python -m infra.stack.move DATA_FOLDER")
    try:
        moved = move(Path(arguments[0]))
    except LfwError as error:
        raise SystemExit(f"move: {error}") from None
    print(
        f"move: {moved.experiments} experiments, {moved.runs} runs, {moved.versions} model "
        f"versions, {moved.files} files."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
