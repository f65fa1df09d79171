"""Stage 11: the model, with its preprocessing and class names inside, as a version of lfw-faces."""

import json
import logging
import tempfile
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

from infra.mlflow_store import without_password
from lfw.digest import code_digests, file_digest, value_digest
from lfw.errors import LfwError
from lfw.fetch import Dataset
from lfw.images import SIZE
from lfw.parameters import INTENDED_USE, OUTSIDE_DATA, TrainParameters
from tasks.embedding import EMBEDDING_NAME
from tasks.marking import FACES, mark_new
from tasks.model_registry import ensure_registered_model, still_registered
from tasks.packaging import code_copy, import_path_kept, pinned
from tasks.stages import StageOutput, Summary, Work, stage
from tasks.strangers import THRESHOLD
from tasks.tracking import outside_tag
from tasks.training import model_code

MODEL_NAME = FACES
_SERVED = Path(__file__).with_name("served_model.py")
_ABOUT = (
    "Tells apart the people of one selection from Labeled Faces in the Wild. "
    f"{INTENDED_USE} Below its threshold it answers 'unknown'; a "
    "version without one names somebody for any face."
)


@stage(
    "register",
    key=lambda dataset, split, _embedding, trained, strangers, evaluation, wanted: {
        "data kind": dataset.kind,
        "the split": split.digest,
        "the fitted model": trained.files["fingerprint.json"],
        "the threshold": strangers.files[THRESHOLD],
        "the evaluation": evaluation.digest,
        "model": wanted.model,
        "registry": without_password(mlflow.get_registry_uri()),
        "what is served": value_digest(code_digests(["lfw.serving"])),
        "how it is served": file_digest(_SERVED),
    },
    still_holds=still_registered,
)
def register_model(
    work: Work,
    dataset: Dataset,
    split: StageOutput,
    embedding: StageOutput,
    trained: StageOutput,
    strangers: StageOutput,
    evaluation: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Log the model with its signature, and make it a version of lfw-faces."""
    classes = tuple(split.facts["classes"])
    # uv's environments have no pip, and what the model needs is pinned: its warning misleads.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
    uri, model_id = _log_model(wanted.model, trained, classes, strangers / THRESHOLD)
    client = MlflowClient()
    run = client.get_run(work.run_id)
    code = code_digests([*model_code(wanted.model), "lfw.training", "lfw.serving"])
    tags = {
        "prefect.flow_run_id": run.data.tags.get("prefect.flow_run_id", ""),
        "prefect.flow_run_url": run.data.tags.get("prefect.flow_run_url", ""),
        "mlflow.run_id": work.run_id,
        "data.kind": dataset.kind,
        "data_digest": dataset.data_digest,
        "split_digest": split.facts["digest"],
        "source_digest": value_digest(code),
        "model": wanted.model,
        "outside_data": outside_tag(wanted.model),
        **_rests_on(embedding),
        "classes": json.dumps(classes)[:4900],
        "below": ",".join(evaluation.facts["below"]),
        "test_accuracy": f"{evaluation.facts['scores']['accuracy']['value']:.4f}",
    }
    ensure_registered_model(MODEL_NAME, _ABOUT)
    version = client.create_model_version(
        MODEL_NAME, uri, run_id=work.run_id, tags=tags, model_id=model_id
    )
    client.update_model_version(
        MODEL_NAME,
        version.version,
        _description(dataset, wanted, evaluation, classes) + _said_of(embedding),
    )
    mark_new(MODEL_NAME, str(version.version))
    (work.folder / "registered.json").write_text(
        json.dumps({"name": MODEL_NAME, "version": version.version, "uri": uri}), encoding="utf-8"
    )
    markdown = (
        f"# Registered: {MODEL_NAME} version {version.version}\n\n"
        f"`mlflow.pyfunc.load_model('models:/{MODEL_NAME}/{version.version}')` takes raw "
        f"pixels (n, {SIZE}, {SIZE}, 3), 0 to 255, and gives names and probabilities.\n"
    )
    facts = {"name": MODEL_NAME, "version": str(version.version), "uri": uri}
    return Summary(markdown, facts)


def load_version(uri: str) -> PyFuncModel:
    """Load a registered model, unless that would mean to unpickle something.

    Raises
    ------
    LfwError
        If the model is a pickle: that may be any program. Those that :func:`register_model` logs
        are a network or plain numbers, and code that lies open beside them.
    """
    MLFLOW_ALLOW_PICKLE_DESERIALIZATION.set(False)  # type: ignore[no-untyped-call]
    try:
        with import_path_kept():
            loaded: PyFuncModel = mlflow.pyfunc.load_model(uri)
    except MlflowException as error:
        if MLFLOW_ALLOW_PICKLE_DESERIALIZATION.name not in str(error):
            raise
        raise LfwError(
            f"{uri} is a pickle, which may be any program, and is not loaded: register the model "
            "with lfw train, or name another version."
        ) from None
    return loaded


def _log_model(
    model: str, trained: StageOutput, classes: tuple[str, ...], threshold: Path
) -> tuple[str, str]:
    from lfw.serving import model_file

    with tempfile.TemporaryDirectory() as folder, import_path_kept():
        named = Path(folder) / "classes.json"
        named.write_text(json.dumps(classes), encoding="utf-8")
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(_SERVED),
            artifacts={
                "model": str(model_file(trained.folder)),
                "classes": str(named),
                "threshold": str(threshold),
            },
            code_paths=[str(code_copy(Path(folder)))],
            signature=signature(classes),
            input_example=np.full((1, SIZE, SIZE, 3), 128, dtype=np.uint8),
            pip_requirements=pinned(model),
        )
    return str(logged.model_uri), str(logged.model_id)


def signature(classes: tuple[str, ...]) -> ModelSignature:
    """Say what the model takes and gives."""
    pixels = TensorSpec(np.dtype(np.uint8), (-1, SIZE, SIZE, 3))
    columns: list[ColSpec | TensorSpec] = [ColSpec(DataType.string, "name")]
    columns += [ColSpec(DataType.double, "probability")]
    columns += [ColSpec(DataType.double, name) for name in classes]
    return ModelSignature(Schema([pixels]), Schema(columns))


def _rests_on(embedding: StageOutput) -> dict[str, str]:
    """Name the embedding below a model, for tags; a model that rests on none has no such tags."""
    if not embedding.facts:
        return {}
    return {
        "embedding_version": str(embedding.facts["version"]),
        "embedding_sha256": str(embedding.facts["network_sha256"]),
    }


def _said_of(embedding: StageOutput) -> str:
    tags = _rests_on(embedding)
    if not tags:
        return ""
    number, network = tags["embedding_version"], tags["embedding_sha256"][:12]
    return f" It rests on {EMBEDDING_NAME} version {number} (network {network})."


def _description(
    dataset: Dataset, wanted: TrainParameters, evaluation: StageOutput, classes: tuple[str, ...]
) -> str:
    found = evaluation.facts["scores"]["accuracy"]
    made = "the synthetic sample (no real person)" if dataset.kind == "synthetic" else "photographs"
    who = ", ".join(classes[:20]) + (" …" if len(classes) > 20 else "")
    outside = " (learned from outside data)" if wanted.model in OUTSIDE_DATA else ""
    return (
        f"{wanted.model}{outside} on {wanted.label}, seed {wanted.seed}, from {made}: {who}. "
        f"Test accuracy {found['value']:.3f}, 95 % interval {found['low']:.3f} to "
        f"{found['high']:.3f}."
    )
