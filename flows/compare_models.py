"""A grid of models, selections and seeds, tracked as runs under one, and tested in pairs."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.cells import run_cells
from tasks.checks import apply_gate, audit_resolution, check_place
from tasks.comparing import compare_cells, end_for_failures, settle_embedding, show_comparison
from tasks.data import read_lists
from tasks.results import comparison_result
from tasks.runs import named, tracked_run

_DEFAULT = p.CompareParameters()


@flow(
    name="compare-models",
    flow_run_name=named(p.CompareParameters, lambda wanted: wanted.label),
    validate_parameters=True,
    timeout_seconds=24 * HOUR,
)
def compare_models(
    source: f.Source = _DEFAULT.source,
    models: f.Models = _DEFAULT.models,
    selections: f.Selections = _DEFAULT.selections,
    seeds: f.Seeds = _DEFAULT.seeds,
    embedding: f.EmbeddingVersion = _DEFAULT.embedding,
    audit_gate: f.Gate = _DEFAULT.audit_gate,
    errata: f.Errata = _DEFAULT.errata,
    runner: f.Runner = _DEFAULT.runner,
    dask_address: f.DaskAddress = _DEFAULT.dask_address,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Train and test models on the same splits, and report which differ significantly."""
    wanted = p.CompareParameters.checked(**locals())
    with tracked_run(wanted) as (run, origin):
        check_place(wanted.place)
        dataset = run.fetch(origin)
        lists = run.stage(read_lists, dataset, run.manifest)
        audit = run.stage(audit_resolution, dataset, run.manifest, wanted.errata, wanted.place)
        apply_gate(wanted.audit_gate, lists, audit)
        settled = settle_embedding(wanted)
        cells = run_cells(run, dataset, settled)
        compared = run.stage(compare_cells, cells)
        show_comparison(run.run_id, cells, compared)
        result = run.finish(comparison_result(lists, cells, compared))
        end_for_failures(run, cells)
        return result
