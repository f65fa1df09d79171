"""A flow run and the MLflow run beside it: stages in turn, all told to both sides."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import mlflow
import pandas as pd
from mlflow import MlflowClient
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from infra.leftovers import remove_leftovers
from infra.mlflow_store import prepare_tracking_store, tracking_uri
from infra.temporary import temporary_files
from lfw.errors import InputError, LfwError
from lfw.fetch import Dataset
from lfw.outside import check_models
from lfw.parameters import (
    Checked,
    ForgetParameters,
    Parameters,
    ScoreParameters,
    TrainParameters,
)
from lfw.peek import check_people
from lfw.settings import data_folder
from lfw.sources import Source, choose_source, describe_choice
from tasks.data import dataset_from, fetch_dataset
from tasks.logs import quieten_users_mistakes
from tasks.markdown import table
from tasks.progress import Report, reporting
from tasks.stages import Stage, StageOutput, StageRecord, Work, read_output, run_stage
from tasks.tracking import (
    claim,
    log_dataset,
    log_figures,
    log_parameters,
    log_tags,
    mlflow_run,
    outside_tag,
    owned,
    run_url,
)

P = ParamSpec("P")
W = TypeVar("W", bound=Checked)

_KEPT_OUT = {"model.keras", "model.npz", "embedding.keras"}  # the registry has it


class Run:
    """One flow run, tracked.

    Attributes
    ----------
    data_folder
        The project's data folder.
    run_id
        The MLflow run.
    records
        How each stage went, in order.
    outputs
        What each stage left, by its name.
    warnings
        What the user should know.
    dataset, manifest
        What :meth:`fetch` brought.
    """

    dataset: Dataset
    manifest: StageOutput

    def __init__(self, folder: Path, run_id: str, name: str, report: Report) -> None:
        self.data_folder = folder
        self._name = name
        self.run_id = run_id
        self.records: list[StageRecord] = []
        self.outputs: dict[str, StageOutput] = {}
        self.warnings: list[str] = []
        self._report = report
        self._logger = get_run_logger()

    def fetch(self, source: Source) -> Dataset:
        """Bring the data set to hand and verify every file of it."""
        work = Work(self.data_folder / "stages" / "fetch-and-unpack", self._report, self.run_id)
        since = time.monotonic()
        state: State[Any] = fetch_dataset(source, self.data_folder, work, return_state=True)
        reused = state.name == "Cached"
        why = state.message or "" if state.is_completed() else "failed"
        seconds = time.monotonic() - since
        record = StageRecord("fetch-and-unpack", str(state.name), seconds, reused, why)
        self._note(record)
        saved = json.loads(state.result())
        self.dataset = dataset_from(saved["dataset"])
        manifest = read_output(Path(saved["folder"]))
        if manifest is None:
            raise LfwError(f"{saved['folder']} changed while the run was reading it: run again.")
        self.manifest = manifest
        self._tell(manifest, state, record)
        if self.dataset.kind == "synthetic":
            name_run(self.run_id, f"{self._name} · SYNTHETIC")
        log_dataset(self.run_id, self.dataset)
        log_tags(
            self.run_id, {"data.kind": self.dataset.kind, "data_digest": self.dataset.data_digest}
        )
        return self.dataset

    def stage(self, stage: Stage[P], *args: P.args, **kwargs: P.kwargs) -> StageOutput:
        """Run a stage or reuse its result, and tell both sides what came of it.

        Raises
        ------
        Exception
            What the stage failed with.
        """
        work = Work(Path(), self._report, self.run_id)
        state, output, record = run_stage(stage, self.data_folder, work, *args, **kwargs)
        self._note(record)
        if output is None:
            state.result(raise_on_failure=True)
            raise LfwError(f"the files of {stage.name} vanished while it was read: run again.")
        self._tell(output, state, record)
        return output

    def _note(self, record: StageRecord) -> None:
        self.records.append(record)
        done = "reused" if record.reused else record.state.lower()
        self._logger.info("%s: %s in %.1f s (%s)", record.name, done, record.seconds, record.why)

    def _tell(self, output: StageOutput, state: State[Any], record: StageRecord) -> None:
        self.outputs[output.stage] = output
        self.warnings += [text for text in output.summary.warnings if text not in self.warnings]
        log_figures(self.run_id, output.summary.metrics)
        client = MlflowClient()
        for name in output.files:
            if name not in _KEPT_OUT:
                client.log_artifact(self.run_id, str(output / name), output.stage)
        if output.run_id != self.run_id:
            log_tags(self.run_id, {f"reused_from.{output.stage}": output.run_id})
        _attach_artifact(output, state, record)

    def replay_history(self, trained: StageOutput) -> None:
        """Log the epochs of a fit that was reused, so that runs can be compared."""
        if trained.run_id == self.run_id or "history.csv" not in trained.files:
            return
        for row in pd.read_csv(trained / "history.csv").to_dict("records"):
            epoch = int(row.pop("epoch"))
            log_figures(self.run_id, {str(name): value for name, value in row.items()}, epoch)

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        """Complete a run's result with what is known of the run itself, and keep it."""
        stages = pd.DataFrame([asdict(record) for record in self.records])
        create_markdown_artifact(
            key="stages", markdown=f"# How each stage went\n\n{table(stages)}\n"
        )
        whole = {
            "flow_run_id": flow_run.get_id(),
            "mlflow_run_id": self.run_id,
            **result,
            "source": asdict(self.dataset.source) | {"kind_of_data": self.dataset.kind},
            "data_digest": self.dataset.data_digest,
            "stages": [asdict(record) for record in self.records],
            "warnings": self.warnings,
        }
        MlflowClient().log_dict(self.run_id, whole, "result.json")
        for text in self.warnings:
            self._logger.warning(text)
        if self.dataset.kind == "synthetic":
            self._logger.warning("%s", describe_choice(self.dataset.source, synthetic=True))
        return whole


def connect() -> Path:
    """Make ready to track: the data folder, the MLflow store, and logs that spare the user.

    Returns
    -------
    Path
        The data folder.
    """
    folder = data_folder(os.environ)
    folder.mkdir(parents=True, exist_ok=True)
    prepare_tracking_store(folder)
    mlflow.set_tracking_uri(tracking_uri(folder))
    quieten_users_mistakes()
    return folder


def named(parameters: type[W], name: Callable[[W], str]) -> Callable[[], str]:
    """Let a flow run be called by what it is asked to do, from its first line in the log on.

    Prefect asks for the name just before it calls the run RUNNING: its lock is taken then.

    Parameters
    ----------
    parameters
        What the flow takes.
    name
        Gives the name.

    Returns
    -------
    callable
        For the flow's ``flow_run_name``. Where parameters do not go together the run keeps the name
        that it has; its flow says what is wrong with them.
    """

    def name_of_this_run() -> str:
        try:
            called = name(parameters.checked(**flow_run.get_parameters()))
        except InputError:
            return str(flow_run.get_name())
        with contextlib.suppress(OSError, LfwError):  # told of when the run begins to write
            claim(data_folder(os.environ), str(flow_run.get_id()))
        return called

    return name_of_this_run


@contextlib.contextmanager
def tracked_run(wanted: Parameters) -> Iterator[tuple[Run, Source]]:
    """Open both runs, link them both ways, and close them together.

    Both have the name of the flow run.

    Parameters
    ----------
    wanted
        What the run is asked to do.
    """
    name = str(flow_run.get_name())
    tags = (
        {"outside_data": outside_tag(wanted.model)} if isinstance(wanted, TrainParameters) else {}
    )
    with owned(data_folder(os.environ), str(flow_run.get_id())):
        folder = connect()
        source = choose_source(wanted.source, folder, os.environ)
        get_run_logger().info("%s", describe_choice(source))
        check_people(wanted, source, folder)
        check_models(wanted)
        tags["source"] = f"{source.kind}: {source.location}"
        with linked_run(wanted, tags) as opened:
            yield Run(opened.data_folder, opened.run_id, name, opened.report), source


@dataclass(frozen=True)
class LinkedRun:
    """An open MLflow run that is linked with its flow run both ways.

    Attributes
    ----------
    data_folder
        The project's data folder.
    run_id
        The MLflow run.
    report
        Shows the progress of long work, given its title.
    """

    data_folder: Path
    run_id: str
    report: Report


@contextlib.contextmanager
def linked_run(
    wanted: Parameters | ScoreParameters | ForgetParameters,
    tags: Mapping[str, str] | None = None,
) -> Iterator[LinkedRun]:
    """Open both runs of work that needs no data set, link them both ways, close them together.

    Both have the name of the flow run.

    Parameters
    ----------
    wanted
        What the run is asked to do.
    tags
        What else is known of the run.
    """
    flow_run_id, name = str(flow_run.get_id()), str(flow_run.get_name())
    with owned(data_folder(os.environ), flow_run_id):
        folder = connect()
        remove_leftovers(folder, flow_run_id)
        shown_at = flow_run.get_flow_run_ui_url() or ""
        note = f"[The flow run in Prefect]({shown_at}): its stages and their logs."
        known = {
            "mlflow.note.content": note,
            "mlflow.source.name": str(flow_run.get_flow_name()),
            "prefect.flow_run_id": flow_run_id,
            "prefect.flow_run_url": shown_at,
            **(tags or {}),
        }
        with (
            temporary_files(folder),
            mlflow_run(folder, wanted.experiment, name, known) as run_id,
            reporting() as report,
        ):
            _link_flow_run(flow_run_id, run_id, run_url(folder, run_id))
            log_parameters(run_id, wanted.model_dump(mode="json"))
            yield LinkedRun(folder, run_id, report)


def name_run(run_id: str, name: str) -> None:
    """Call a run by one name on both sides."""
    MlflowClient().update_run(run_id, name=name)
    with get_client(sync_client=True) as prefect:
        prefect.update_flow_run(UUID(str(flow_run.get_id())), name=name)


def _link_flow_run(flow_run_id: str, run_id: str, url: str) -> None:
    with get_client(sync_client=True) as prefect:
        prefect.update_flow_run_labels(UUID(flow_run_id), {"mlflow.run_id": run_id})
    create_link_artifact(
        link=url, link_text=f"MLflow run {run_id}", key="mlflow-run", description="In MLflow"
    )


def _attach_artifact(output: StageOutput, state: State[Any], record: StageRecord) -> None:
    """Attach a stage's summary to its task run; a reused stage has no context to do so itself."""
    with get_client(sync_client=True) as prefect:
        prefect.create_artifact(
            ArtifactCreate(
                key=output.stage,
                type="markdown",
                description="Reused" if record.reused else "Made in this run",
                # Names in its sentences come from foreign files: no HTML comes of them.
                data=output.summary.markdown.replace("<", "&lt;"),
                flow_run_id=state.state_details.flow_run_id,
                task_run_id=state.state_details.task_run_id,
            )
        )
