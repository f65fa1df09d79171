"""The last stage: the run report, made anew for every run, for it names this run's own ids."""

from prefect import task
from prefect.artifacts import create_link_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lfw.parameters import TrainParameters
from lfw.report.page import render
from tasks.report_content import gather
from tasks.runs import Run
from tasks.tracking import artifact_file, artifact_url, log_page

REPORT = "report.html"


@task(
    name="run-report",
    task_run_name="run-report",
    persist_result=False,
    cache_policy=NO_CACHE,
)
def write_report(run: Run, wanted: TrainParameters) -> dict[str, str | None]:
    """Write the run's report to MLflow, and link it from Prefect.

    Returns
    -------
    dict
        ``url`` of the page that shows it in MLflow, and ``file``, its path where MLflow keeps
        files on this machine, else None.
    """
    log_page(run.run_id, render(gather(run, wanted)), REPORT)
    url = artifact_url(run.data_folder, run.run_id, REPORT)
    create_link_artifact(
        link=url, link_text="The run report", key="run-report", description="One page, in MLflow"
    )
    file = artifact_file(run.run_id, REPORT)
    get_run_logger().info("The run report: %s", file or url)
    return {"url": url, "file": None if file is None else str(file)}
