"""Make the stack ready for workers: `python -m infra.stack.deploy`. It may run again at any time.

It makes the bucket, the workers' login to MLflow, the work pool and the deployments of
``prefect.yaml``.
"""

import os
import subprocess
import sys

from infra.processes import import_folder
from infra.stack.bucket import Bucket
from lfw.errors import LfwError

POOL = "lfw"
WORKER = "worker"


def ensure_worker_login(password: str) -> str:
    """Make the workers' user on the MLflow server, or set its password.

    The server is that of ``MLFLOW_TRACKING_URI``; it is asked as an admin.

    Parameters
    ----------
    password
        The password, of at least 12 characters.

    Returns
    -------
    str
        What was done.
    """
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth.client import AuthServiceClient

    client = AuthServiceClient(mlflow.get_tracking_uri())
    try:
        client.create_user(WORKER, password)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        client.update_user_password(WORKER, password)
        return f"set the password of MLflow's user {WORKER!r}"
    return f"made MLflow's user {WORKER!r}"


def ensure_work_pool() -> str:
    """Make the work pool of processes, unless it is there."""
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
        try:
            prefect.create_work_pool(wanted)
        except ObjectAlreadyExists:
            return f"the work pool {POOL!r} was there"
    return f"made the work pool {POOL!r}"


def deploy() -> None:
    """Register every deployment of ``prefect.yaml`` with the Prefect server.

    Raises
    ------
    LfwError
        If Prefect refuses one.
    """
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
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
