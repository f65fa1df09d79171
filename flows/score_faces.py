"""The registered model's answers for new images, tracked from end to end."""

from typing import Any

from prefect import flow

from flows.place import HOUR
from lfw import fields as f
from lfw import parameters as p
from tasks.checks import check_place
from tasks.runs import linked_run, named
from tasks.scoring import load_scorer, report_scores, score_images

_DEFAULT = p.ScoreParameters()


@flow(
    name="score-faces",
    flow_run_name=named(
        p.ScoreParameters, lambda wanted: f"{wanted.model_version} on {wanted.label}"
    ),
    validate_parameters=True,
    timeout_seconds=24 * HOUR,
)
def score_faces(
    paths: f.ImagePaths = _DEFAULT.paths,
    model_version: f.ModelVersion = _DEFAULT.model_version,
    output: f.Output = _DEFAULT.output,
    runner: f.Runner = _DEFAULT.runner,
    dask_address: f.DaskAddress = _DEFAULT.dask_address,
    experiment: f.Experiment = _DEFAULT.experiment,
) -> dict[str, Any]:
    """Identify who is in new images: a table of answers and a contact sheet."""
    wanted = p.ScoreParameters.checked(**locals())
    with linked_run(wanted) as run:
        check_place(wanted.place)
        scorer = load_scorer(run, wanted.model_version)
        scores = score_images(run, scorer, wanted)
        return report_scores(run, scorer, scores, wanted)
