"""The MLflow side of a flow run: its run, what is logged to it, and runs left behind."""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit
from uuid import UUID

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset as TrackedDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from infra.mlflow_store import artifact_root, tracking_uri, without_password
from infra.running import changing_locks, live_runs, lock_path, orphaned_runs
from infra.trouble import prefect_is_gone
from lfw.digest import value_digest
from lfw.fetch import Dataset
from lfw.parameters import OUTSIDE_DATA

UI_ADDRESS = "http://127.0.0.1:5000"
"""Where ``make ui`` shows a local store."""

_PARAM_LENGTH = 6000
_FLOW_RUN = "prefect.flow_run_id"
_NOTE = "mlflow.note.content"
_KILLED = "its process was killed"
_PREFECT_GONE = "its Prefect server answered no longer"
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # else its pages are of chats


@contextlib.contextmanager
def mlflow_run(
    data_folder: Path, experiment: str, name: str, tags: Mapping[str, str]
) -> Iterator[str]:
    """Open the MLflow run that a flow run is tracked in, and give its id.

    It ends as FINISHED, or as FAILED with the reason as its tag ``failure``. Before it opens this
    process takes a lock named after the flow run, so that another can tell when it is gone.

    Parameters
    ----------
    data_folder
        The project's data folder: the default store is in it.
    experiment, name
        What the run is filed under, and called.
    tags
        What else is known of it, ``prefect.flow_run_id`` among it.
    """
    opened_in = experiment_id(data_folder, experiment)
    close_orphans(data_folder)
    with (
        owned(data_folder, tags[_FLOW_RUN]),
        mlflow.start_run(experiment_id=opened_in, run_name=name, tags=dict(tags)) as run,
    ):
        run_id: str = run.info.run_id
        try:
            yield run_id
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
            MlflowClient().set_tag(run_id, "failure", reason[:5000])
            raise


@contextlib.contextmanager
def child_run(parent_id: str, name: str) -> Iterator[str]:
    """Open a run under another, for figures that would mix with its own, and give its id.

    It ends as FINISHED or FAILED; a killed one is closed with its parent.
    """
    client = MlflowClient()
    parent = client.get_run(parent_id)
    tags = {"mlflow.parentRunId": parent_id, _FLOW_RUN: parent.data.tags[_FLOW_RUN]}
    child = client.create_run(parent.info.experiment_id, run_name=name, tags=tags)
    try:
        yield child.info.run_id
    except BaseException:
        client.set_terminated(child.info.run_id, RunStatus.to_string(RunStatus.FAILED))
        raise
    client.set_terminated(child.info.run_id)


def experiment_id(data_folder: Path, name: str) -> str:
    """Give the id of an experiment; it is made, or brought back, if need be."""
    client = MlflowClient()
    local = tracking_uri(data_folder).startswith("sqlite:")
    root = f"{artifact_root(data_folder)}/{value_digest(name)[:12]}" if local else None
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            created = client.create_experiment(name, artifact_location=root, tags=_KIND)
            return str(created)
        except MlflowException:  # another run was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


@contextlib.contextmanager
def owned(data_folder: Path, flow_run_id: str) -> Iterator[None]:
    """Hold the lock that says that a flow run's process is alive; once is enough."""
    if flow_run_id in _mine:
        yield
        return
    claim(data_folder, flow_run_id)
    with _claimed.pop(flow_run_id) as lock:
        _mine.add(flow_run_id)
        left_open = False
        try:
            yield
        except Exception as error:
            left_open = prefect_is_gone(error)  # nobody can close the flow run: a later start does
            raise
        finally:
            _mine.discard(flow_run_id)
            if left_open:
                lock.write(f"{_PREFECT_GONE}\n")
            else:
                lock_path(data_folder, flow_run_id).unlink(missing_ok=True)


def claim(data_folder: Path, flow_run_id: str) -> None:
    """Take a flow run's lock before Prefect calls it RUNNING; :func:`owned` goes on to hold it.

    A process that was killed between the two would leave it RUNNING, and no trace by which a later
    start could know that it is gone. Asked again it does nothing: it would wait for itself.
    """
    if flow_run_id in _claimed or flow_run_id in _mine:
        return
    path = lock_path(data_folder, flow_run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with changing_locks(data_folder):
        lock = path.open("w", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write(f"{socket.gethostname()} {os.getpid()}\n")
    lock.flush()
    _claimed[flow_run_id] = lock


_mine: set[str] = set()
_claimed: dict[str, TextIO] = {}


def close_orphans(data_folder: Path) -> list[str]:
    """Close runs whose process is gone, in whatever experiment: they would stay RUNNING for ever.

    A run is left behind if the lock that its process held is free, or (of another machine's run)
    if its Prefect flow run is over. Both its MLflow run and its flow run are closed. If its Prefect
    server had gone before, its MLflow run is closed already.

    Returns
    -------
    list of str
        Ids of the MLflow runs that were closed as KILLED.
    """
    client = MlflowClient()
    with changing_locks(data_folder):
        orphans = {run: _why_left(data_folder, run) for run in orphaned_runs(data_folder)}
        alive = set(live_runs(data_folder))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    closed = []
    for run in client.search_runs(experiments, "attributes.status = 'RUNNING'"):
        flow_run_id = run.data.tags.get(_FLOW_RUN)
        if flow_run_id is None or flow_run_id in alive:
            continue
        reason = orphans.get(flow_run_id) or _why_over(flow_run_id)
        if reason is not None:
            client.set_tag(run.info.run_id, "failure", reason)
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
            closed.append(run.info.run_id)
    for flow_run_id, reason in orphans.items():
        _close_flow_run(flow_run_id, reason)
        lock_path(data_folder, flow_run_id).unlink(missing_ok=True)
    return closed


def _why_left(data_folder: Path, flow_run_id: str) -> str:
    """Say why a run's process left it open: it may have written that below who it was."""
    try:
        said = lock_path(data_folder, flow_run_id).read_text(encoding="utf-8").splitlines()[1:]
    except FileNotFoundError:  # another start has just closed it
        return _KILLED
    return said[0] if said else _KILLED


def _why_over(flow_run_id: str) -> str | None:
    with get_client(sync_client=True) as prefect:
        try:
            state = prefect.read_flow_run(UUID(flow_run_id)).state
        except ObjectNotFound:
            return None  # it may be another server's
    return f"its flow run is {state.name}" if state is not None and state.is_final() else None


def _close_flow_run(flow_run_id: str, reason: str) -> None:
    with get_client(sync_client=True) as prefect:
        try:
            state = prefect.read_flow_run(UUID(flow_run_id)).state
        except ObjectNotFound:
            return
        if state is not None and not state.is_final():
            prefect.set_flow_run_state(UUID(flow_run_id), Crashed(message=reason), force=True)


def run_url(data_folder: Path, run_id: str) -> str:
    """Address of a run in the MLflow UI.

    ``LFW_MLFLOW_URL`` says where people find it, if that is not where this process does.
    """
    return _page(data_folder, _run_path(run_id))


def artifact_url(data_folder: Path, run_id: str, name: str) -> str:
    """Address of the page in the MLflow UI that shows one of a run's artifacts."""
    return _page(data_folder, f"{_run_path(run_id)}/artifacts/{name}")


def model_url(data_folder: Path, name: str, version: str) -> str:
    """Address of a model's version in the MLflow UI."""
    return _page(data_folder, f"models/{name}/versions/{version}")


def _run_path(run_id: str) -> str:
    filed_in = MlflowClient().get_run(run_id).info.experiment_id
    return f"experiments/{filed_in}/runs/{run_id}"


def _page(data_folder: Path, path: str) -> str:
    uri = tracking_uri(data_folder)
    known = without_password(uri) if uri.startswith("http") else UI_ADDRESS
    base = (os.environ.get("LFW_MLFLOW_URL") or known).rstrip("/")
    # Without the query a browser that is new here shows the pages of chat applications.
    return f"{base}/#/{path}?workflowType=machine_learning"


def artifact_file(run_id: str, name: str) -> Path | None:
    """Give the path of one of a run's artifacts, if they are kept on this machine."""
    root = urlsplit(MlflowClient().get_run(run_id).info.artifact_uri)
    path = Path(unquote(root.path)) / name
    return path if root.scheme in {"", "file"} and path.is_file() else None


def log_page(run_id: str, page: str, name: str) -> None:
    """Log a page as an artifact, and say so in the run's description."""
    MlflowClient().log_text(run_id, page, name)
    add_to_description(run_id, f"The run report: `{name}`, under *Artifacts*.")


def add_to_description(run_id: str, markdown: str) -> None:
    """Say more in a run's description, which its page shows above all figures."""
    client = MlflowClient()
    note = client.get_run(run_id).data.tags.get(_NOTE, "")
    client.set_tag(run_id, _NOTE, f"{note}\n\n{markdown}")


def log_parameters(run_id: str, values: Mapping[str, object]) -> None:
    """Log what a run was asked to do."""
    params = [Param(name, str(value)[:_PARAM_LENGTH]) for name, value in values.items()]
    MlflowClient().log_batch(run_id, params=params)


def log_figures(run_id: str, figures: Mapping[str, float], step: int = 0) -> None:
    """Log numbers, under their names."""
    now = int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, step) for name, value in figures.items()]
    for start in range(0, len(metrics), 1000):
        MlflowClient().log_batch(run_id, metrics=metrics[start : start + 1000])


def log_tags(run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags."""
    MlflowClient().log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def outside_tag(model: str) -> str:
    """Give the tag ``outside_data`` of whatever a model made: whether it learned from other data.

    Parameters
    ----------
    model
        One of :data:`lfw.parameters.MODELS`.
    """
    return str(model in OUTSIDE_DATA).lower()


_TRIES = 3
_DOUBLED = ("IntegrityError", "UniqueViolation")
"""What databases call an entry that is there already."""


def log_dataset(run_id: str, dataset: Dataset) -> None:
    """Log the data set as the run's input."""
    tracked = TrackedDataset(
        name="lfw" if dataset.kind == "photographs" else "lfw-sample",
        digest=dataset.data_digest[:36],
        source_type=dataset.source.kind,
        source=dataset.source.location,
    )
    tags = [InputTag("mlflow.data.context", "training")]
    for left in reversed(range(_TRIES)):
        try:
            MlflowClient().log_inputs(run_id, [DatasetInput(tracked, tags)])
        except MlflowException as error:
            # Another run is logging the same data set: on the next try MLflow finds it there.
            if not left or not any(kind in str(error) for kind in _DOUBLED):
                raise
        else:
            return
