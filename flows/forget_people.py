"""Removal on request: people's images, wherever the project keeps them."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.forgetting import check_known, mark_learned, remove_images, report_forgotten
from tasks.runs import linked_run, named

_DEFAULT = p.ForgetParameters()


@flow(
    name="forget-people",
    flow_run_name=named(p.ForgetParameters, lambda wanted: f"forget {wanted.label}"),
    validate_parameters=True,
    timeout_seconds=2 * HOUR,
)
def forget(
    people: f.Forgotten = _DEFAULT.people,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Remove people's images from every copy and cache, and mark the versions trained on them."""
    wanted = p.ForgetParameters.checked(**locals())
    check_known(wanted)
    with linked_run(wanted) as run:
        removed = remove_images(run, wanted)
        marked = mark_learned(wanted)
        return report_forgotten(run, wanted, removed, marked)
