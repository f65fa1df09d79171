"""The embedding, learned from people who are not to be recognised, tracked from end to end."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.checks import apply_gate, audit_resolution
from tasks.data import list_images, read_lists
from tasks.embedding_registry import embedding_standing, offer_shipped
from tasks.pretraining import choose_cohort, pretrain_embedding, register_embedding
from tasks.results import pretraining_result
from tasks.runs import named, tracked_run

_DEFAULT = p.PretrainParameters()


@flow(
    name="pretrain-embedding",
    flow_run_name=named(
        p.PretrainParameters, lambda wanted: f"embedding {wanted.label} · seed {wanted.seed}"
    ),
    validate_parameters=True,
    timeout_seconds=24 * HOUR,
)
def pretrain(
    source: f.Source = _DEFAULT.source,
    exclude_people: f.ExcludePeople = _DEFAULT.exclude_people,
    exclude_top: f.ExcludeTop = _DEFAULT.exclude_top,
    exclude_min_images: f.ExcludeMinImages = _DEFAULT.exclude_min_images,
    least_images: f.LeastImages = _DEFAULT.least_images,
    epochs: f.EmbeddingEpochs = _DEFAULT.epochs,
    seed: f.EmbeddingSeed = _DEFAULT.seed,
    audit_gate: f.Gate = _DEFAULT.audit_gate,
    errata: f.Errata = _DEFAULT.errata,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Train a face embedding on everybody except the people to be recognised."""
    wanted = p.PretrainParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        images = run.stage(list_images, lists, wanted.seed)
        audit = run.stage(audit_resolution, dataset, run.manifest, wanted.errata)
        apply_gate(wanted.audit_gate, lists, audit)
        cohort = run.stage(choose_cohort, run.manifest, lists, images, audit, wanted)
        learned = run.stage(pretrain_embedding, dataset, cohort, wanted.seed, wanted.epochs)
        offer_shipped()
        version = run.stage(register_embedding, dataset, cohort, learned, wanted)
        run.replay_history(learned)
        given = embedding_standing(version)
        return run.finish(pretraining_result(lists, cohort, learned, version, given))
