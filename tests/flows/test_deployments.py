import contextlib
import fcntl
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from flows import serve
from flows.audit_dataset import audit_dataset
from flows.compare_models import compare_models
from flows.forget_people import forget
from flows.place import HOUR, enter_code_folder
from flows.pretrain_embedding import pretrain
from flows.promote_model import promote, roll_back
from flows.report_bias import bias_report
from flows.score_faces import score_faces
from flows.serve import deployments
from flows.train_faces import train_faces
from flows.verify_faces import verify
from infra import cli
from lfw.parameters import (
    AuditParameters,
    BiasParameters,
    Checked,
    CompareParameters,
    ForgetParameters,
    PretrainParameters,
    PromoteParameters,
    RollBackParameters,
    ScoreParameters,
    TrainParameters,
    VerifyParameters,
)
from tasks import runs

ROOT = Path(__file__).parents[2]
FLOWS: list[tuple[Flow[..., Any], type[Checked], str]] = [
    (train_faces, TrainParameters, "train"),
    (pretrain, PretrainParameters, "pretrain"),
    (verify, VerifyParameters, "verify"),
    (audit_dataset, AuditParameters, "audit"),
    (bias_report, BiasParameters, "bias"),
    (compare_models, CompareParameters, "compare"),
    (promote, PromoteParameters, "promote"),
    (roll_back, RollBackParameters, "rollback"),
    (score_faces, ScoreParameters, "score"),
    (forget, ForgetParameters, "forget"),
]
NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "train": ({"top": 4, "seed": 3}, "embedding · top 4 x balanced · seed 3"),
    "pretrain": ({"exclude_top": 3}, "embedding without the top 3 · seed 0"),
    "verify": ({"view": "2"}, "view 2 · embedding · seed 0"),
    "audit": ({}, "audit"),
    "bias": ({}, "bias · top 6 x balanced"),
    "compare": ({"seeds": [1]}, "embedding, hog · 6x75 · seed 1"),
    "promote": ({"model_version": "7"}, "promote 7"),
    "rollback": ({}, "roll back"),
    "score": ({"paths": [str(Path(__file__).parent)]}, "champion on flows"),
    "forget": ({"people": ["A_Name"]}, "forget A_Name"),
}
COMMANDS = [command for _, _, command in FLOWS]
MODELS = ["embedding", "compact", "hog", "notebook", "dlib", "imagenet"]
BOUNDS: dict[str, dict[str, Any]] = {
    "source": {"minLength": 1, "enum": ["auto", "sample", "kaggle"]},
    "people": {"items": {"type": "string"}},
    "top": {"minimum": 2, "maximum": 10_000},
    "min_images": {"minimum": 3, "maximum": 100_000},
    "images_per_person": {"minimum": 3, "maximum": 100_000, "enum": ["all", "balanced"]},
    "model": {"enum": MODELS},
    "embedding": {"pattern": "^([1-9][0-9]*|champion|challenger)$"},
    "exclude_people": {"minItems": 1, "items": {"type": "string"}},
    "exclude_top": {"minimum": 1, "maximum": 10_000},
    "exclude_min_images": {"minimum": 2, "maximum": 100_000},
    "least_images": {"minimum": 1, "maximum": 1000},
    "view": {"enum": ["1", "2"]},
    "judge": {"enum": ["embedding", "hog", "eigenfaces"]},
    "fold_groups": {"minimum": 2, "maximum": 5},
    "epochs": {"minimum": 1, "maximum": 10_000},
    "because": {"minLength": 3, "maxLength": 1000},
    "models": {"minItems": 1, "items": {"type": "string", "enum": MODELS}},
    "selections": {"minItems": 1, "items": {"type": "string"}},
    "seeds": {"minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}},
    "strategy": {"enum": ["none", "mirrored", "multi-worker-mirrored"]},
    "runner": {"enum": ["threads", "processes", "dask"]},
    "dask_address": {"minLength": 1},
    "seed": {"minimum": 0, "maximum": 2**32 - 1},
    "test_share": {"minimum": 0.05, "maximum": 0.5},
    "validation_share": {"minimum": 0.05, "maximum": 0.5},
    "audit_gate": {"enum": ["warn", "fail"]},
    "errata": {"format": "path"},
    "annotations": {"format": "path"},
    "paths": {"items": {"type": "string", "format": "path"}},
    "model_version": {"pattern": "^([1-9][0-9]*|champion|challenger)$"},
    "output": {"format": "path"},
    "experiment": {"minLength": 1, "maxLength": 200},
}


def written() -> list[dict[str, Any]]:
    """The deployments of prefect.yaml."""
    text = (ROOT / "prefect.yaml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["deployments"]
    return found


@pytest.mark.parametrize("deployment", written(), ids=lambda found: found["entrypoint"])
def test_each_written_deployment_names_a_flow_and_parameters_that_it_takes(
    deployment: dict[str, Any],
) -> None:
    path, _, name = deployment["entrypoint"].partition(":")
    flow: Flow[..., Any] = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
    assert deployment["description"] == flow.description
    model = {known.name: model for known, model, _ in FLOWS}[flow.name]
    given = [deployment, *deployment.get("schedules", [])]
    for parameters in [one.get("parameters", {}) for one in given]:
        flow.validate_parameters(parameters)
        model.checked(**parameters)
    assert all(schedule["active"] is False for schedule in deployment.get("schedules", []))


def test_the_served_deployments_are_the_written_ones() -> None:
    served = {(one.flow_name, one.name): one for one in deployments()}
    assert len(served) == len(deployments()) == len(written())
    for one in written():
        path, _, name = one["entrypoint"].partition(":")
        flow: Flow[..., Any] = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
        deployment = served[(flow.name, one["name"])]
        assert deployment.description == one["description"]
        assert deployment.tags == one["tags"]
        assert deployment.parameters == one["parameters"]
        schedules = []
        for made in deployment.schedules or []:
            assert isinstance(made.schedule, CronSchedule)
            when = {"cron": made.schedule.cron, "timezone": made.schedule.timezone}
            schedules.append({"slug": made.slug, **when, "active": made.active})
        assert schedules == one.get("schedules", [])
        limit = one.get("concurrency_limit")
        assert deployment.concurrency_limit == (limit and limit["limit"])
        assert limit in (None, {"limit": 1, "collision_strategy": "ENQUEUE"})


def test_all_that_trains_shares_a_queue_and_is_done_one_by_one() -> None:
    for one in written():
        trains = "training" in one["tags"]
        assert ("concurrency_limit" in one) is trains
        assert one["work_pool"].get("work_queue_name") == ("training" if trains else None)
        scheduled = "scheduled" in one["tags"]
        assert ("schedules" in one) is ("job_variables" in one["work_pool"]) is scheduled


@pytest.mark.parametrize(("flow", "model", "command"), FLOWS, ids=COMMANDS)
def test_every_flow_ends_some_time(
    flow: Flow[..., Any], model: type[Checked], command: str
) -> None:
    assert flow.timeout_seconds
    assert flow.timeout_seconds >= HOUR


@pytest.mark.parametrize(("flow", "model", "command"), FLOWS, ids=COMMANDS)
def test_a_run_is_called_by_what_it_is_asked_to_do(
    flow: Flow[..., Any], model: type[Checked], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, name = NAMES[command]
    claimed: list[str] = []
    monkeypatch.setattr(runs, "claim", lambda _, flow_run_id: claimed.append(flow_run_id))
    for given, expected in ((asked, name), ({"seed": -1}, "its own name")):
        state = SimpleNamespace(
            get_parameters=lambda g=given: g,
            get_name=lambda: "its own name",
            get_id=lambda e=expected: e,
        )
        monkeypatch.setattr(runs, "flow_run", state)
        if callable(flow.flow_run_name):
            assert flow.flow_run_name() == expected
        else:
            assert flow.flow_run_name == name
    assert claimed == [name] * callable(flow.flow_run_name), "before it is RUNNING"


def test_the_pull_step_enters_the_folder_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert enter_code_folder() == {"directory": str(ROOT)}
    assert Path.cwd() == ROOT
    assert all(Path(one["entrypoint"].partition(":")[0]).is_file() for one in written())


@pytest.mark.parametrize(("flow", "model", "command"), FLOWS, ids=COMMANDS)
def test_the_form_shows_what_each_parameter_is_and_may_be(
    flow: Flow[..., Any], model: type[Checked], command: str
) -> None:
    schema = parameter_schema(flow)
    assert not schema.required
    for name, shown in schema.properties.items():
        field = model.model_fields[name]
        assert shown["title"] == field.title
        assert shown["description"] == field.description
        assert shown["default"] == json.loads(json.dumps(field.default))  # as the form has it
        parts: dict[str, Any] = {}
        for part in shown.get("anyOf", [shown]):
            parts |= part
        assert BOUNDS[name].items() <= parts.items()


@pytest.mark.parametrize(("flow", "model", "command"), FLOWS, ids=COMMANDS)
def test_flow_model_and_command_take_the_same_parameters_with_the_same_defaults(
    flow: Flow[..., Any], model: type[Checked], command: str
) -> None:
    fields = {name: field.default for name, field in model.model_fields.items()}
    signature = inspect.signature(flow.fn).parameters.values()
    assert {one.name: one.default for one in signature} == fields
    for one in signature:
        assert one.annotation.__metadata__[0].title == model.model_fields[one.name].title

    flags = {one.name for one in cli.app[command].assemble_argument_collection()}
    assert flags - {"*"} == {f"--{name.replace('_', '-')}" for name in fields} | {"--json"}
    function, bound, _ = cli.app.parse_args([command], exit_on_error=False, print_error=False)
    given = {**bound.arguments}.get(
        "wanted", inspect.signature(function).parameters["wanted"].default
    )
    assert given == model()
    assert model().model_dump() == fields


def test_runs_left_open_by_a_killed_server_of_deployments_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str, queue: str | None = None, **labels: str) -> SimpleNamespace:
        return SimpleNamespace(id=name, name=name, work_queue_id=queue, labels=labels)

    runs = [
        run("killed"),
        run("alive"),
        run("of a worker", queue="default"),
        run("not tracked yet"),
    ]
    closed: dict[str, str] = {}

    @contextlib.contextmanager
    def client(**_: object) -> Iterator[SimpleNamespace]:
        def close(run: str, state: State[None], force: bool) -> None:
            closed[run] = state.name or ""

        yield SimpleNamespace(read_flow_runs=lambda **_: runs, set_flow_run_state=close)

    monkeypatch.setattr(serve, "get_client", client)
    lock = tmp_path / "mlflow" / "running" / "alive"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert serve.close_left_behind(tmp_path) == ["killed", "not tracked yet"]
    assert closed == {"killed": "Crashed", "not tracked yet": "Crashed"}
