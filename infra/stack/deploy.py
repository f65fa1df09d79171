"""Make the stack ready for workers: `python -m infra.stack.deploy`. It may run again at any time.

It makes the bucket, the workers' login to MLflow, the work pool and the deployments of
``prefect.yaml``.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from infra.processes import import_folder
from infra.stack.bucket import Bucket
from lfw.errors import LfwError

POOL, QUEUE = "lfw", "training"
"""As in ``prefect.yaml``: of the queue one run is taken at a time, by whatever worker."""

WORKER = "worker"


def ensure_worker_login(password: str) -> str:
    """Make the workers' user on the MLflow server, or set its password.

    The server is that of ``MLFLOW_TRACKING_URI``; it is asked as the user of
    ``MLFLOW_TRACKING_USERNAME``, who is an admin. MLflow's own client of these calls loads the
    whole server first, so they are made directly.

    Parameters
    ----------
    password
        The password, of at least 12 characters.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    LfwError
        If the server refuses.
    """
    import httpx

    login = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    users = f"{os.environ['MLFLOW_TRACKING_URI'].rstrip('/')}/api/2.0/mlflow/users"
    wanted = {"username": WORKER, "password": password}
    with httpx.Client(auth=login, timeout=60) as mlflow:
        answer = mlflow.post(f"{users}/create", json=wanted)
        said = f"made MLflow's user {WORKER!r}"
        if "RESOURCE_ALREADY_EXISTS" in answer.text:
            answer = mlflow.patch(f"{users}/update-password", json=wanted)
            said = f"set the password of MLflow's user {WORKER!r}"
    if answer.status_code != httpx.codes.OK:
        raise LfwError(f"MLflow does not make the user {WORKER!r}: {answer.text.strip()}")
    return said


def ensure_work_pool() -> str:
    """Make the work pool of processes, and its queue for trainings, unless they are there.

    What was changed of them in the Prefect UI stays as it is.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    wanted = WorkPoolCreate(
        name=POOL,
        type="process",
        base_job_template=ProcessWorker.get_default_base_job_template(),
    )
    with get_client(sync_client=True) as prefect:
        said = f"made the work pool {POOL!r}"
        try:
            prefect.create_work_pool(wanted)
        except ObjectAlreadyExists:
            said = f"the work pool {POOL!r} was there"
        with contextlib.suppress(ObjectAlreadyExists):
            prefect.create_work_queue(QUEUE, work_pool_name=POOL, concurrency_limit=1)
    return said


@contextlib.contextmanager
def schedules_left() -> Iterator[None]:
    """Have schedules be on or off afterwards as they were before, where they were there.

    People turn them on in the Prefect UI; to deploy anew turns them off, as they are shipped.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as prefect:
        before = {
            (deployment.id, schedule.slug): schedule.active
            for deployment in prefect.read_deployments()
            for schedule in deployment.schedules
        }
        yield
        for deployment in prefect.read_deployments():
            for schedule in deployment.schedules:
                active = before.get((deployment.id, schedule.slug), schedule.active)
                if active is not schedule.active:
                    prefect.update_deployment_schedule(deployment.id, schedule.id, active=active)


def deploy() -> None:
    """Register every deployment of ``prefect.yaml`` with the Prefect server.

    Schedules that were turned on in the Prefect UI stay on.

    Raises
    ------
    LfwError
        If Prefect refuses one.
    """
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    with schedules_left():
        done = subprocess.run(command, cwd=import_folder(), stdin=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode:
        raise LfwError("Prefect did not take the deployments: see above.")


def main() -> None:
    """Do all of it, and say what was done."""
    password = os.environ.get("MLFLOW_WORKER_PASSWORD", "")
    if not password:
        raise SystemExit("deploy: MLFLOW_WORKER_PASSWORD is not set.")
    try:
        Bucket().ensure()
        for said in (ensure_worker_login(password), ensure_work_pool()):
            print(f"deploy: {said}.", flush=True)
        deploy()
    except LfwError as error:
        raise SystemExit(f"deploy: {error}") from None


if __name__ == "__main__":
    main()
