"""The main job: from the data set to a registered model, tracked from end to end."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.checks import apply_gate, audit_resolution, check_selection, report_bias
from tasks.data import list_images, read_lists
from tasks.embedding import embedding_number, find_embedding
from tasks.embedding_registry import offer_shipped
from tasks.evaluating import evaluate_model, run_baselines
from tasks.promotion import settle_alias
from tasks.registry import register_model
from tasks.reporting import write_report
from tasks.results import training_result
from tasks.runs import named, tracked_run
from tasks.splitting import split_images
from tasks.strangers import meet_strangers
from tasks.training import train_model

_DEFAULT = p.TrainParameters()


@flow(
    name="train-faces",
    flow_run_name=named(
        p.TrainParameters, lambda wanted: f"{wanted.model} · {wanted.label} · seed {wanted.seed}"
    ),
    validate_parameters=True,
    timeout_seconds=6 * HOUR,
)
def train_faces(
    source: f.Source = _DEFAULT.source,
    people: f.People = _DEFAULT.people,
    top: f.Top = _DEFAULT.top,
    min_images: f.MinImages = _DEFAULT.min_images,
    images_per_person: f.ImagesPerPerson = _DEFAULT.images_per_person,
    model: f.Model = _DEFAULT.model,
    embedding: f.EmbeddingVersion = _DEFAULT.embedding,
    epochs: f.Epochs = _DEFAULT.epochs,
    seed: f.Seed = _DEFAULT.seed,
    test_share: f.TestShare = _DEFAULT.test_share,
    validation_share: f.ValidationShare = _DEFAULT.validation_share,
    strategy: f.Strategy = _DEFAULT.strategy,
    audit_gate: f.Gate = _DEFAULT.audit_gate,
    errata: f.Errata = _DEFAULT.errata,
    annotations: f.Annotations = _DEFAULT.annotations,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Train a classifier of faces on a selection of people, and compare it with baselines."""
    wanted = p.TrainParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        check_selection(lists, wanted)
        offer_shipped(wanted.model)
        number = embedding_number(wanted.model, wanted.embedding)
        images = run.stage(list_images, lists, wanted.seed)
        audit = run.stage(audit_resolution, dataset, run.manifest, wanted.errata)
        apply_gate(wanted.audit_gate, lists, audit)
        run.stage(
            report_bias, lists, images, wanted, wanted.seed, wanted.annotations, run.manifest, audit
        )
        learned = run.stage(find_embedding, wanted.model, number)
        split = run.stage(
            split_images, dataset, run.manifest, lists, images, audit, learned, wanted
        )
        trained = run.stage(train_model, dataset, split, learned, wanted)
        baselines = run.stage(run_baselines, dataset, split, wanted.seed)
        strangers = run.stage(meet_strangers, dataset, split, learned, trained, wanted)
        evaluation = run.stage(evaluate_model, dataset, split, learned, trained, baselines, wanted)
        version = run.stage(
            register_model, dataset, split, learned, trained, strangers, evaluation, wanted
        )
        settled = settle_alias(dataset, version)
        run.replay_history(trained)
        report = write_report(run, wanted)
        return run.finish(
            training_result(
                lists, split, baselines, strangers, evaluation, version, settled, wanted
            )
            | {"run_report": report}
        )
