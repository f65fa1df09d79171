"""What a run gives back: one plain dictionary, the same for people, programs and the tracker."""

from typing import Any

from lfw.parameters import OUTSIDE_DATA, TrainParameters, VerifyParameters
from tasks.registry import MODEL_NAME
from tasks.stages import StageOutput


def training_result(
    lists: StageOutput,
    split: StageOutput,
    baselines: StageOutput,
    strangers: StageOutput,
    evaluation: StageOutput,
    version: StageOutput,
    settled: dict[str, Any],
    wanted: TrainParameters,
) -> dict[str, Any]:
    """Put together what a training run found."""
    sizes = split.facts["sizes"]
    return {
        "model": wanted.model,
        "outside_data": wanted.model in OUTSIDE_DATA,
        "model_name": version.facts["name"],
        "model_version": version.facts["version"],
        "model_alias": settled["alias"],
        "alias_reason": settled["why"],
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
        "open_set": strangers.facts,
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


def pretraining_result(
    lists: StageOutput,
    cohort: StageOutput,
    learned: StageOutput,
    version: StageOutput,
    given: dict[str, Any],
) -> dict[str, Any]:
    """Put together what learning an embedding came to."""
    return {
        "model_name": version.facts["name"],
        "model_version": version.facts["version"],
        "model_alias": given["alias"],
        "people": lists.facts["people"],
        "images": lists.facts["images"],
        "embedding": {
            **{name: cohort.facts[name] for name in ("people", "images", "held_out", "left_out")},
            **learned.facts["card"]["validation"],
            "epochs": learned.facts["card"]["epochs"],
            "why": given["why"],
        },
    }


def verification_result(
    lists: StageOutput, verified: StageOutput, wanted: VerifyParameters
) -> dict[str, Any]:
    """Put together what a verification found."""
    return {
        "people": lists.facts["people"],
        "images": lists.facts["images"],
        "verification": {"view": wanted.view, "judge": wanted.judge, **verified.facts},
    }


def promotion_result(promoted: dict[str, Any]) -> dict[str, Any]:
    """Put together which version is champion now, and why."""
    return {
        "model_name": MODEL_NAME,
        "model_version": promoted["version"],
        "model_alias": promoted["alias"],
        "former_champion": promoted["former"],
        "alias_reason": promoted["why"],
    }


def comparison_result(
    lists: StageOutput, cells: list[dict[str, Any]], compared: StageOutput
) -> dict[str, Any]:
    """Put together what a comparison found, cell by cell and as a whole."""
    left_out = {"answers", "answers_sha256", "baselines"}
    left_out |= {"baseline_answers", "baseline_answers_sha256"}
    shown = [{name: row[name] for name in row if name not in left_out} for row in cells]
    return {
        "people": lists.facts["people"],
        "images": lists.facts["images"],
        "comparison": {**compared.facts, "cells": shown},
    }
