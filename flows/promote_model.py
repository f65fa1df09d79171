"""Which version of the model is champion: changed, and taken back."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.promotion import promote_version, roll_back_champion
from tasks.results import promotion_result
from tasks.runs import connect, named, tracked_run

_DEFAULT, _BACK = p.PromoteParameters(), p.RollBackParameters()


@flow(
    name="promote-model",
    flow_run_name=named(p.PromoteParameters, lambda wanted: f"promote {wanted.model_version}"),
    validate_parameters=True,
    timeout_seconds=2 * HOUR,
)
def promote(
    source: f.Source = _DEFAULT.source,
    model_version: f.PromotedVersion = _DEFAULT.model_version,
    because: f.Because = _DEFAULT.because,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Make a version champion if it beats the current one significantly on the same task."""
    wanted = p.PromoteParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        dataset = run.fetch(origin)
        promoted = promote_version(dataset, wanted.model_version, wanted.because)
        return run.finish(promotion_result(promoted))


@flow(
    name="roll-back-model",
    flow_run_name="roll back",
    validate_parameters=True,
    timeout_seconds=2 * HOUR,
)
def roll_back(because: f.TakenBackBecause = _BACK.because) -> dict[str, Any]:
    """Make the previous champion the champion again."""
    wanted = p.RollBackParameters.checked(**locals())
    connect()
    return promotion_result(roll_back_champion(wanted.because))
