"""The stages that check the data set, alone."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.checks import apply_gate, audit_resolution, check_place
from tasks.data import list_images, read_lists
from tasks.results import audit_result
from tasks.runs import named, tracked_run

_DEFAULT = p.AuditParameters()


@flow(
    name="audit-dataset",
    flow_run_name=named(p.AuditParameters, lambda _: "audit"),
    validate_parameters=True,
    timeout_seconds=2 * HOUR,
)
def audit_dataset(
    source: f.Source = _DEFAULT.source,
    seed: f.Seed = _DEFAULT.seed,
    audit_gate: f.Gate = _DEFAULT.audit_gate,
    errata: f.Errata = _DEFAULT.errata,
    runner: f.Runner = _DEFAULT.runner,
    dask_address: f.DaskAddress = _DEFAULT.dask_address,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Check every list and every image of the data set."""
    wanted = p.AuditParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        check_place(wanted.place)
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        run.stage(list_images, lists, wanted.seed)
        audit = run.stage(audit_resolution, dataset, run.manifest, wanted.errata, wanted.place)
        apply_gate(wanted.audit_gate, lists, audit)
        return run.finish(audit_result(lists, audit))
