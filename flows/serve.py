"""The deployments that the Prefect UI starts runs of: `python -m flows.serve` serves them."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect import Flow, serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    State,
    StateType,
)
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from flows.audit_dataset import audit_dataset
from flows.compare_models import compare_models
from flows.forget_people import forget
from flows.pretrain_embedding import pretrain
from flows.promote_model import promote, roll_back
from flows.report_bias import bias_report
from flows.score_faces import score_faces
from flows.train_faces import train_faces
from flows.verify_faces import verify
from infra.prefect_server import local_server
from infra.running import live_runs
from lfw.settings import data_folder

NAME = "on-demand"

_OPEN = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)

_RUNS_AT_ONCE = 2  # a report need not wait for a training
_ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
)


def deployments() -> list[RunnerDeployment]:
    """Return the deployments; of each training's only one run is at work at a time."""
    return [
        _deployment(train_faces, ["lfw", "training"], _ONE_AT_A_TIME),
        _scheduled(train_faces, "nightly", "30 2 * * *", ["lfw", "training"], _ONE_AT_A_TIME),
        _deployment(pretrain, ["lfw", "training"], _ONE_AT_A_TIME),
        _scheduled(pretrain, "weekly", "30 3 * * 6", ["lfw", "training"], _ONE_AT_A_TIME),
        _deployment(verify, ["lfw", "training"], _ONE_AT_A_TIME),
        _deployment(compare_models, ["lfw", "training"], _ONE_AT_A_TIME),
        _deployment(audit_dataset, ["lfw", "audit"]),
        _scheduled(audit_dataset, "weekly", "0 2 * * 1", ["lfw", "audit"]),
        _deployment(bias_report, ["lfw", "bias"]),
        _deployment(promote, ["lfw", "registry"]),
        _deployment(roll_back, ["lfw", "registry"]),
        _deployment(score_faces, ["lfw", "scoring"]),
        _deployment(forget, ["lfw", "data"]),
    ]


def _scheduled(
    flow: Flow[..., Any],
    name: str,
    cron: str,
    tags: list[str],
    limit: ConcurrencyLimitConfig | None = None,
) -> RunnerDeployment:
    """Make a deployment with a schedule that is turned on in the Prefect UI."""
    schedule = Cron(cron, timezone="UTC", active=False, slug=name)
    more: dict[str, Any] = {"schedules": [schedule], "parameters": {"audit_gate": "fail"}}
    return _deployment(flow, [*tags, "scheduled"], limit, name, **more)


def _deployment(
    flow: Flow[..., Any],
    tags: list[str],
    limit: ConcurrencyLimitConfig | None = None,
    name: str = NAME,
    **more: Any,
) -> RunnerDeployment:
    deployment = flow.to_deployment(
        name,
        description=flow.description,
        tags=tags,
        concurrency_limit=limit,
        **more,
        # Found by import, so from whatever directory it is served.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    if not isinstance(deployment, RunnerDeployment):
        raise TypeError("to_deployment gives a coroutine in an event loop: call this outside.")
    return deployment


def leave_schedules(served: list[RunnerDeployment]) -> None:
    """Have schedules stay on or off as they are on the server, where people turn them on.

    To serve a deployment anew would turn its schedule off again, as it is shipped.

    Parameters
    ----------
    served
        The deployments; their schedules are changed.
    """
    with get_client(sync_client=True) as prefect:
        for deployment in served:
            if not deployment.schedules:
                continue
            with contextlib.suppress(ObjectNotFound):  # served for the first time
                known = prefect.read_deployment_by_name(deployment.full_name).schedules
                active = {schedule.slug: schedule.active for schedule in known}
                for schedule in deployment.schedules:
                    schedule.active = active.get(schedule.slug, schedule.active)


def close_left_behind(folder: Path) -> list[str]:
    """Close runs that were at work when the deployments were last served: they are still open.

    The server would count them as running for ever, and start no other training beside them.
    Call it only while no other process serves the deployments of this data folder.

    Parameters
    ----------
    folder
        The project's data folder.

    Returns
    -------
    list of str
        Names of the flow runs that were closed as crashed.
    """
    at_work = set(live_runs(folder))
    names = sorted({deployment.name for deployment in deployments()})
    closed = []
    with get_client(sync_client=True) as prefect:
        for run in prefect.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_OPEN)))
            ),
        ):
            taken_by_worker = run.work_queue_id is not None
            if taken_by_worker or str(run.id) in at_work:
                continue
            state: State[None] = Crashed(message="its process was killed")
            prefect.set_flow_run_state(run.id, state, force=True)
            closed.append(run.name)
    return closed


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[bool]:
    """Say whether this process alone serves the deployments on the folder's own server."""
    server = local_server(folder)
    if server is None or server.url != os.environ.get("PREFECT_API_URL"):
        yield False
        return
    with (folder / "prefect" / "serving.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> None:
    """Serve the deployments until SIGINT or SIGTERM."""
    folder = data_folder(os.environ)
    with _only_one(folder) as alone:
        if alone:
            close_left_behind(folder)
        _serve()


def _serve() -> None:
    served = deployments()
    leave_schedules(served)
    # What is due while nobody serves it waits for the next start; nothing is left paused.
    serve(*served, limit=_RUNS_AT_ONCE, pause_on_shutdown=False)


if __name__ == "__main__":
    main()
