"""The main job: from the data set to a registered model, tracked from end to end."""

from typing import Any

from prefect import flow

from lfw import parameters as p
from tasks.checks import apply_gate, audit_resolution, check_selection, report_bias
from tasks.data import list_images, read_lists
from tasks.evaluating import evaluate_model, run_baselines
from tasks.learning import split_images, train_model
from tasks.registry import register_model
from tasks.results import training_result
from tasks.runs import tracked_run

_DEFAULT = p.TrainParameters()


@flow(name="train-faces", validate_parameters=True)
def train_faces(
    source: p.Source = _DEFAULT.source,
    people: p.People = _DEFAULT.people,
    top: p.Top = _DEFAULT.top,
    min_images: p.MinImages = _DEFAULT.min_images,
    images_per_person: p.ImagesPerPerson = _DEFAULT.images_per_person,
    model: p.Model = _DEFAULT.model,
    epochs: p.Epochs = _DEFAULT.epochs,
    seed: p.Seed = _DEFAULT.seed,
    test_share: p.TestShare = _DEFAULT.test_share,
    validation_share: p.ValidationShare = _DEFAULT.validation_share,
    audit_gate: p.Gate = _DEFAULT.audit_gate,
    errata: p.Errata = _DEFAULT.errata,
    annotations: p.Annotations = _DEFAULT.annotations,
    experiment: p.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Train a classifier of faces on a selection of people, and test it beside its baselines."""
    wanted = p.TrainParameters.checked(**locals())
    name = f"{wanted.model} · {wanted.label} · seed {wanted.seed}"
    with tracked_run(wanted, name) as (run, origin):
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        check_selection(lists, wanted)
        images = run.stage(list_images, lists, wanted.seed)
        audit = run.stage(audit_resolution, dataset, run.manifest, wanted.errata)
        apply_gate(wanted.audit_gate, lists, audit)
        run.stage(report_bias, lists, images, wanted, wanted.seed, wanted.annotations)
        split = run.stage(split_images, dataset, run.manifest, lists, images, audit, wanted)
        trained = run.stage(train_model, dataset, split, wanted)
        baselines = run.stage(run_baselines, dataset, split, wanted.seed)
        evaluation = run.stage(evaluate_model, dataset, split, trained, baselines, wanted)
        version = run.stage(register_model, dataset, split, trained, evaluation, wanted)
        run.replay_history(trained)
        return run.finish(training_result(lists, split, baselines, evaluation, version))
