"""`lfw doctor --repair`: what killed runs left open or half-written is closed and removed."""

import os
from collections.abc import Mapping

from infra.leftovers import remove_leftovers
from infra.mlflow_store import check_tracking_server
from infra.prefect_server import client_environment, prefect_server
from lfw.settings import data_folder, make_data_folder


def repair(environ: Mapping[str, str]) -> list[str]:
    """Close the runs of processes that are gone, and remove what they left half-written.

    A run at work is left alone, and so is all that is being written while one is.

    Parameters
    ----------
    environ
        The environment that a run would have.

    Returns
    -------
    list of str
        What was done, a line each.
    """
    folder = data_folder(environ)
    make_data_folder(folder)
    check_tracking_server(folder)
    with prefect_server(folder) as api_url:
        os.environ.update(client_environment(folder, api_url))
        from tasks.runs import connect
        from tasks.tracking import close_orphans

        connect()
        done = [f"closed as KILLED: MLflow run {run_id}" for run_id in close_orphans(folder)]
    return done + [f"removed: {path}" for path in remove_leftovers(folder)]
