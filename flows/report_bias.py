"""The bias report, alone."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.checks import check_selection, report_bias
from tasks.data import list_images, read_lists
from tasks.results import bias_result
from tasks.runs import named, tracked_run

_DEFAULT = p.BiasParameters()


@flow(
    name="bias-report",
    flow_run_name=named(p.BiasParameters, lambda wanted: f"bias · {wanted.label}"),
    validate_parameters=True,
    timeout_seconds=2 * HOUR,
)
def bias_report(
    source: f.Source = _DEFAULT.source,
    people: f.People = _DEFAULT.people,
    top: f.Top = _DEFAULT.top,
    min_images: f.MinImages = _DEFAULT.min_images,
    images_per_person: f.ImagesPerPerson = _DEFAULT.images_per_person,
    seed: f.Seed = _DEFAULT.seed,
    annotations: f.Annotations = _DEFAULT.annotations,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Report who is in the data set, and whom a selection leaves out."""
    wanted = p.BiasParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        check_selection(lists, wanted)
        images = run.stage(list_images, lists, wanted.seed)
        bias = run.stage(
            report_bias, lists, images, wanted, wanted.seed, wanted.annotations, run.manifest
        )
        return run.finish(bias_result(lists, bias))
