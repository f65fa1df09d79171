"""Automations: what the Prefect server does by itself when a run fails or a champion changes.

Two examples that are of use as they are, and a pattern for others: a mail, a message or a webhook
takes a block in the action's place (https://docs.prefect.io/v3/concepts/automations).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import EventTrigger, ResourceSpecification
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from lfw.errors import InputError

ON_FAILURE = "lfw: a training failed, so audit the data"
ON_PROMOTION = "lfw: the champion changed, so score again"

AUDIT, SCORE = "audit-dataset/on-demand", "score-faces/on-demand"
_TRAININGS = ["train-faces", "pretrain-embedding", "compare-models"]


def automate(watched: Sequence[Path] = ()) -> list[str]:
    """Make the automations, or bring them up to date.

    Parameters
    ----------
    watched
        Images, folders or zip files that are scored again whenever the champion changes; without
        any there is no such automation.

    Returns
    -------
    list of str
        Their names.

    Raises
    ------
    InputError
        If a path does not exist, or the deployments are not on the server.
    """
    missing = [str(path) for path in watched if not path.exists()]
    if missing:
        raise InputError(f"watched: there is no {', '.join(missing)}.")
    with get_client(sync_client=True) as prefect:
        wanted = [_on_failure(prefect)]
        if watched:
            wanted.append(_on_promotion(prefect, [str(path.resolve()) for path in watched]))
        for automation in wanted:
            for former in prefect.read_automations_by_name(automation.name):
                prefect.delete_automation(former.id)
            prefect.create_automation(automation)
    return [automation.name for automation in wanted]


def _on_failure(prefect: SyncPrefectClient) -> AutomationCore:
    trained = {"prefect.resource.role": "flow", "prefect.resource.name": _TRAININGS}
    trigger = EventTrigger(
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(trained),
        threshold=1,
    )
    said = "Damaged data is a usual reason. The audit is over in seconds if nothing has changed."
    return _automation(ON_FAILURE, said, trigger, _run(prefect, AUDIT, {}))


def _on_promotion(prefect: SyncPrefectClient, watched: list[str]) -> AutomationCore:
    trigger = EventTrigger(
        expect={"lfw.model.promoted", "lfw.model.rolled-back"},
        match=ResourceSpecification({"prefect.resource.id": "lfw.model-version.lfw-faces.*"}),
        threshold=1,
    )
    said = "What the former champion answered may no longer hold."
    return _automation(ON_PROMOTION, said, trigger, _run(prefect, SCORE, {"paths": watched}))


def _automation(
    name: str, description: str, trigger: EventTrigger, action: RunDeployment
) -> AutomationCore:
    return AutomationCore(name=name, description=description, trigger=trigger, actions=[action])


def _run(prefect: SyncPrefectClient, deployment: str, parameters: dict[str, Any]) -> RunDeployment:
    try:
        found = prefect.read_deployment_by_name(deployment)
    except ObjectNotFound as error:
        raise InputError(
            f"the server has no deployment {deployment}: make ui serves it, or prefect deploy "
            "--all puts it there."
        ) from error
    return RunDeployment(source="selected", deployment_id=found.id, parameters=parameters)
