"""Verification by the data set's own protocol, tracked from end to end."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.checks import apply_gate, audit_resolution
from tasks.data import list_images, read_lists
from tasks.judges import find_judges
from tasks.results import verification_result
from tasks.runs import named, tracked_run
from tasks.verifying import choose_pairs, verify_pairs

_DEFAULT = p.VerifyParameters()


@flow(
    name="verify-faces",
    flow_run_name=named(p.VerifyParameters, lambda wanted: wanted.label),
    validate_parameters=True,
    timeout_seconds=24 * HOUR,
)
def verify(
    source: f.Source = _DEFAULT.source,
    view: f.View = _DEFAULT.view,
    judge: f.Judge = _DEFAULT.judge,
    embedding: f.EmbeddingVersion = _DEFAULT.embedding,
    fold_groups: f.FoldGroups = _DEFAULT.fold_groups,
    epochs: f.EmbeddingEpochs = _DEFAULT.epochs,
    seed: f.EmbeddingSeed = _DEFAULT.seed,
    audit_gate: f.Gate = _DEFAULT.audit_gate,
    errata: f.Errata = _DEFAULT.errata,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Decide whether two images show the same person, by the data set's own protocol."""
    wanted = p.VerifyParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        images = run.stage(list_images, lists, wanted.seed)
        audit = run.stage(audit_resolution, dataset, run.manifest, wanted.errata)
        apply_gate(wanted.audit_gate, lists, audit)
        pairs = run.stage(choose_pairs, run.manifest, lists, images, audit, wanted)
        judges = find_judges(run, dataset, lists, images, audit, pairs, wanted)
        verified = run.stage(verify_pairs, dataset, pairs, judges, wanted)
        return run.finish(verification_result(lists, verified, wanted))
