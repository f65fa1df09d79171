"""Stages: Prefect tasks whose results are files, reused only while they are what they were.

A stage's key is made of the digests of its inputs, of its parameters, of the code in ``lfw`` that
it rests on, and of the libraries below it. Its files lie under
``<data>/stages/<stage>/<key>``; on a hit their checksums are compared, and a missing or changed
file makes the stage run again.
"""

import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec

import filelock
from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State

from lfw.code import function_digests, part_name
from lfw.digest import file_digest, text_digest, value_digest
from lfw.files import new_folder_beside, sweep_partial, write_text
from lfw.threads import Progress

P = ParamSpec("P")

_RECORD = "stage.json"
_SHOWN_CHANGES = 6
_SHOWN = {".png", ".md"}  # for eyes only: what they look like is no input of later stages


@dataclass(frozen=True)
class Summary:
    """What a stage says of itself.

    Attributes
    ----------
    markdown
        Its artifact: what a person wants to see.
    facts
        Small values for later stages and for the run's result, as JSON has them.
    metrics
        Figures for the tracker.
    warnings
        What the user should know, a sentence each.
    """

    markdown: str
    facts: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """What a running stage is given.

    Attributes
    ----------
    folder
        Where it writes its files.
    report
        Shows the progress of long work, given its title.
    run_id
        The MLflow run that the flow run is tracked in.
    """

    folder: Path
    report: Callable[[str], Progress | None]
    run_id: str


@dataclass(frozen=True)
class StageOutput:
    """What a stage left: its files, and what it said.

    Attributes
    ----------
    stage, key
        Its name, and the digest of all that it depends on.
    folder
        Where its files are.
    files
        SHA-256 by file name.
    run_id
        The MLflow run of the flow run in which it ran.
    summary
        What it said.
    rests_on
        The inputs that its key is made of: digest or value by name.
    """

    stage: str
    key: str
    folder: Path
    files: dict[str, str]
    run_id: str
    summary: Summary
    rests_on: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of its files, figures and prose apart."""
        kept = sorted(name for name in self.files if Path(name).suffix not in _SHOWN)
        return text_digest(f"{name}\t{self.files[name]}" for name in kept)

    @property
    def facts(self) -> dict[str, Any]:
        """Its summary's facts."""
        return self.summary.facts

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def intact(self) -> bool:
        """Tell whether every file is there, unchanged."""
        try:
            return all(file_digest(self / name) == sha for name, sha in self.files.items())
        except OSError:
            return False


def read_output(folder: Path) -> StageOutput | None:
    """Read what a stage left, if its files are what they were; else None."""
    try:
        saved = dict(json.loads((folder / _RECORD).read_text(encoding="utf-8")))
        summary = Summary(**saved.pop("summary"))
        output = StageOutput(folder=folder, summary=summary, **saved)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return output if output.intact() else None


class Stage(Generic[P]):
    """A stage of a flow.

    Parameters
    ----------
    function
        Does the work: takes :class:`Work`, then the stage's inputs.
    name
        As users see it.
    key
        Takes the same inputs by position, and names the digest or value of each that matters.
    still_holds
        Tells of an earlier output whether what it speaks of outside its files is still so.
    """

    def __init__(
        self,
        function: Callable[Concatenate[Work, P], Summary],
        name: str,
        key: Callable[..., Mapping[str, object]],
        still_holds: Callable[[StageOutput], bool],
    ) -> None:
        self.function = function
        self.name = name
        self.key = key
        self.still_holds = still_holds
        self.task = Task(
            self._execute,
            name=name,
            task_run_name=name,
            description=inspect.getdoc(function),
            persist_result=True,
            result_serializer="json",
            cache_policy=CachePolicy.from_cache_key_fn(
                lambda _context, parameters: f"{name}-{parameters['key']}"
            ),
        )

    def parts(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, str]:
        """Give all that the result depends on, by name."""
        code = {part_name(name): value for name, value in function_digests(self.function).items()}
        return self._inputs(*args, **kwargs) | code

    def _inputs(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, str]:
        return {name: _text(value) for name, value in self.key(*args, **kwargs).items()}

    def _execute(
        self, key: str, work: Work, args: tuple[Any, ...], kwargs: dict[str, Any], again: bool
    ) -> str:
        """Run the stage in a new folder, and put the folder in its place."""
        home, name = work.folder.parent, work.folder.name
        with filelock.FileLock(home / f"{name}.lock"):
            sweep_partial(home, name)
            if not again and read_output(work.folder) is not None:
                return key  # another run made it meanwhile
            with new_folder_beside(work.folder) as partial:
                self._write(partial, work, key, args, kwargs)
        return key

    def _write(
        self,
        partial: Path,
        work: Work,
        key: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        made = partial / work.folder.name
        made.mkdir()
        summary = self.function(replace(work, folder=made), *args, **kwargs)
        (made / "summary.md").write_text(summary.markdown, encoding="utf-8")
        inputs = self._inputs(*args, **kwargs)
        write_record(made, self.name, key, work.run_id, summary, inputs)
        if work.folder.exists():
            work.folder.replace(partial / "spoilt")
        made.replace(work.folder)


def stage(
    name: str,
    *,
    key: Callable[..., Mapping[str, object]],
    still_holds: Callable[[StageOutput], bool] = lambda _: True,
) -> Callable[[Callable[Concatenate[Work, P], Summary]], Stage[P]]:
    """Make a stage of a function (see :class:`Stage`)."""

    def wrap(function: Callable[Concatenate[Work, P], Summary]) -> Stage[P]:
        return Stage(function, name, key, still_holds)

    return wrap


def write_record(
    folder: Path,
    name: str,
    key: str,
    run_id: str,
    summary: Summary,
    rests_on: Mapping[str, str] | None = None,
) -> None:
    """Seal a stage's folder: from then on its files count as its result."""
    found = folder.rglob("*")
    files = sorted(path for path in found if path.is_file() and path.name != _RECORD)
    record = {
        "stage": name,
        "key": key,
        "files": {path.relative_to(folder).as_posix(): file_digest(path) for path in files},
        "run_id": run_id,
        "summary": vars(summary),
        "rests_on": dict(rests_on or {}),
    }
    write_text(folder / _RECORD, json.dumps(record, indent=1))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True)
class StageRecord:
    """How a stage went in one flow run.

    Attributes
    ----------
    name, state
        The stage, and its Prefect state's name.
    seconds
        How long it took, waiting included.
    reused
        Whether an earlier result served.
    why
        Why it ran, or why it did not have to.
    """

    name: str
    state: str
    seconds: float
    reused: bool
    why: str


def explain_run(ledger: Path, parts: dict[str, str], known: bool) -> str:
    """Say why a stage has to run.

    Parameters
    ----------
    ledger
        The file that says what the stage's last run depended on.
    parts
        What this one depends on.
    known
        Whether a result for these very parts was recorded.
    """
    if known:
        return "its earlier files were removed or changed"
    try:
        last = dict(json.loads(ledger.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return "first run"
    names = sorted(name for name in parts | last if parts.get(name) != last.get(name))
    changes = [_change(name, last.get(name, "none"), parts.get(name, "none")) for name in names]
    if not changes:
        return "its earlier files were removed"
    more = f" and {len(changes) - _SHOWN_CHANGES} more" if len(changes) > _SHOWN_CHANGES else ""
    return f"changed since the last run: {', '.join(changes[:_SHOWN_CHANGES])}{more}"


def _change(name: str, before: str, after: str) -> str:
    short = len(before) <= 24 and len(after) <= 24
    return f"{name} ({before} → {after})" if short else name


def run_stage(
    stage: Stage[P], data_folder: Path, work: Work, *args: P.args, **kwargs: P.kwargs
) -> tuple[State[Any], StageOutput | None, StageRecord]:
    """Run a stage, or reuse its earlier result if it is intact.

    Returns
    -------
    tuple
        The Prefect state, the output (None if the stage failed) and the record.
    """
    parts = stage.parts(*args, **kwargs)
    key = value_digest(parts)
    home = data_folder / "stages" / stage.name
    home.mkdir(parents=True, exist_ok=True)
    folder, ledger = home / key[:16], home / "last.json"
    found = read_output(folder)
    why = "unchanged" if found else explain_run(ledger, parts, known=(folder / _RECORD).exists())
    gone = found is not None and not stage.still_holds(found)
    if gone:
        found, why = None, "what it had made elsewhere is gone"
    since = time.monotonic()
    configured = stage.task.with_options(refresh_cache=found is None)
    order = Work(folder, work.report, work.run_id)
    state = configured(key, order, args, kwargs, gone, return_state=True)
    seconds = time.monotonic() - since
    output = read_output(folder) if state.is_completed() else None
    # Whatever Prefect knows of it: the files say in which run they were made.
    reused = output is not None and (output.run_id != work.run_id or output == found)
    if reused and found is None:
        why = "another run made it meanwhile"
    elif reused and state.name != "Cached":
        why = "unchanged; Prefect's own record of it was gone"
    elif output is not None and found is not None and not reused:
        why = "its earlier files were removed or changed"
    record = StageRecord(stage.name, state.name or state.type.value, seconds, reused, why)
    if state.is_completed():
        write_text(ledger, json.dumps(parts))
    return state, output, record
