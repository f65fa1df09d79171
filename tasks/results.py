"""What a run gives back: one plain dictionary, the same for people, programs and the tracker."""

from typing import Any

from tasks.stages import StageOutput


def training_result(
    lists: StageOutput,
    split: StageOutput,
    baselines: StageOutput,
    evaluation: StageOutput,
    version: StageOutput,
) -> dict[str, Any]:
    """Put together what a training run found."""
    sizes = split.facts["sizes"]
    return {
        "model_name": version.facts["name"],
        "model_version": version.facts["version"],
        "model_alias": version.facts["alias"],
        "people": lists.facts["people"],
        "images": lists.facts["images"],
        "classes": split.facts["classes"],
        "selected_images": sum(sizes.values()),
        "split_sizes": sizes,
        "split_digest": split.facts["digest"],
        "test": {
            **evaluation.facts["scores"],
            "per_class": evaluation.facts["per_class"],
            "calibration": evaluation.facts["calibration"],
            "mistakes": evaluation.facts["mistakes"],
        },
        "baselines": baselines.facts["scores"],
    }


def audit_result(lists: StageOutput, audit: StageOutput) -> dict[str, Any]:
    """Put together what an audit found."""
    return {"people": lists.facts["people"], "images": lists.facts["images"], "audit": audit.facts}


def bias_result(lists: StageOutput, bias: StageOutput) -> dict[str, Any]:
    """Put together what a bias report found."""
    return {
        "people": lists.facts["people"],
        "images": lists.facts["images"],
        "bias": {**bias.summary.metrics, "selected": bias.facts["selected"]},
        "report": bias.summary.markdown,
    }
