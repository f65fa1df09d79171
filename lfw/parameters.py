"""What a run is asked to do: one vocabulary for the command line, the run form and the tracker."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from lfw import fields as f
from lfw.errors import InputError
from lfw.image_files import readable
from lfw.refusals import explain
from lfw.runners import Runner
from lfw.selections import check_names, read_selection

MODELS = ("embedding", "compact", "hog", "notebook", "dlib", "imagenet")
OUTSIDE_DATA = frozenset({"dlib", "imagenet"})
"""Models that learned from faces outside the data set: their figures are marked wherever shown."""

INTENDED_USE = (
    "For studying the workflow alone: not for identifying anybody, nor for inferring sex, age, "
    "origin or anything else about a person. The authors of the data set, photographs of public "
    "figures, warn that no result on it shows that an algorithm is fit for any commercial purpose: "
    "very few children, hardly anybody over 80, few women and many ethnicities barely or not at "
    "all are in it. `lfw forget A_Name` removes a person's images and marks the versions that were "
    "learned from them."
)
"""What models are for, with the warning of the data set's authors, and how somebody is removed:
registered models say it."""

_EPOCHLESS = OUTSIDE_DATA | {"hog"}
_FROM_SCRATCH = frozenset({"compact", "notebook"})
LEFT_OUT_IMAGES = 20
"""Images from which on a person is left out of an embedding if nothing else is asked for."""
NOTEBOOK_TOP = 6
NOTEBOOK_IMAGES_PER_PERSON = 75


class Checked(BaseModel):
    """Parameters that are strict, and explain what is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def checked(cls, **values: object) -> Self:
        """Build from untrusted values.

        Raises
        ------
        InputError
            Naming every parameter that is wrong, what it was and what is asked for.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(explain(error)) from None


class Parameters(Checked):
    """What every run on the data is asked: where the data is, and where to file the run."""

    source: f.Source = "auto"
    experiment: f.Experiment = "lfw"


class Divided(Checked):
    """Where work that can be divided is done."""

    runner: f.Runner = "threads"
    dask_address: f.DaskAddress = None

    @model_validator(mode="after")
    def _address_where_there_is_a_cluster(self) -> Self:
        if self.dask_address is not None and self.runner != "dask":
            raise ValueError(
                f"dask_address = {self.dask_address!r} is for the runner dask, not "
                f"{self.runner}: set runner to dask, or leave the address out"
            )
        if self.dask_address is None and self.runner == "dask":
            raise ValueError("the runner dask needs dask_address, such as tcp://127.0.0.1:8786")
        return self

    @property
    def place(self) -> Runner:
        """Where to run."""
        return Runner(self.runner, self.dask_address)


class RunnerParameters(Divided, Parameters):
    """A run on the data whose work can be divided."""


class AuditParameters(RunnerParameters):
    """What the stages before any selection need."""

    seed: f.Seed = 0
    audit_gate: f.Gate = "warn"
    errata: f.Errata = None
    experiment: f.Experiment = "audit-dataset"


SELECTION = frozenset({"people", "top", "min_images", "images_per_person"})
"""Fields of :class:`SelectionParameters` that decide who is chosen."""


class SelectionParameters(Parameters):
    """Who is to be recognised, and with how many images each."""

    people: f.People = None
    top: f.Top = None
    min_images: f.MinImages = None
    images_per_person: f.ImagesPerPerson = "balanced"

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        chosen = [n for n in ("people", "top", "min_images") if getattr(self, n) is not None]
        if len(chosen) > 1:
            raise ValueError(
                f"choose people in one way, not by {' and '.join(chosen)}: give only one of them"
            )
        if self.people is not None:
            check_names(self.people)
        return self

    @property
    def label(self) -> str:
        """A short name of the selection, such as ``top 6 x 75``."""
        if self.people is not None:
            who = f"{len(self.people)} people ({', '.join(self.people[:3])}"
            who += ", …)" if len(self.people) > 3 else ")"
        elif self.min_images is not None:
            who = f"min {self.min_images}"
        else:
            who = f"top {self.top or NOTEBOOK_TOP}"
        return f"{who} x {self.images_per_person}"


class BiasParameters(SelectionParameters):
    """What the bias report needs."""

    seed: f.Seed = 0
    annotations: f.Annotations = None
    experiment: f.Experiment = "bias-report"


class TrainParameters(SelectionParameters):
    """Everything that a training run is asked to do."""

    model: f.Model = "embedding"
    embedding: f.EmbeddingVersion = "champion"
    epochs: f.Epochs = None
    seed: f.Seed = 0
    test_share: f.TestShare = 0.2
    validation_share: f.ValidationShare = 0.2
    strategy: f.Strategy = "none"
    audit_gate: f.Gate = "warn"
    errata: f.Errata = None
    annotations: f.Annotations = None
    experiment: f.Experiment = "train-faces"

    @model_validator(mode="after")
    def _epochs_where_there_are_some(self) -> Self:
        if self.epochs is not None and self.model in _EPOCHLESS:
            raise _unheeded("epochs", self.epochs, f"{self.model} makes no passes over the images")
        if self.embedding != "champion" and self.model != "embedding":
            raise _unheeded("embedding", self.embedding, f"{self.model} rests on none")
        if self.strategy != "none" and self.model not in _FROM_SCRATCH:
            raise ValueError(
                f"strategy = {self.strategy}: {self.model} learns no network from scratch: leave "
                "strategy at none"
            )
        return self


class CompareParameters(RunnerParameters):
    """A grid of models, selections and seeds."""

    models: f.Models = ("embedding", "hog")
    selections: f.Selections = ("6x75",)
    seeds: f.Seeds = (0, 1, 2)
    embedding: f.EmbeddingVersion = "champion"
    audit_gate: f.Gate = "warn"
    errata: f.Errata = None
    experiment: f.Experiment = "compare-models"

    @model_validator(mode="after")
    def _each_once_and_heeded(self) -> Self:
        for name in ("models", "seeds"):
            values = getattr(self, name)
            doubled = sorted({str(value) for value in values if values.count(value) > 1})
            if doubled:
                raise ValueError(f"{name} has {', '.join(doubled)} more than once: name each once")
        if self.embedding != "champion" and "embedding" not in self.models:
            raise _unheeded("embedding", self.embedding, "none of the models rests on one")
        labels = [cell.label for cell in self.cells(self.models[:1], self.seeds[:1])]
        for place, label in enumerate(labels):
            if label in labels[:place]:
                raise ValueError(f"selections has {label} more than once: name each once")
        return self

    @property
    def label(self) -> str:
        """A short name of the comparison."""
        seeds = f"{len(self.seeds)} seeds" if len(self.seeds) > 1 else f"seed {self.seeds[0]}"
        other = "" if self.embedding == "champion" else f" · embedding {self.embedding}"
        return f"{', '.join(self.models)} · {'; '.join(self.selections)} · {seeds}{other}"

    def cells(
        self, models: Sequence[str] | None = None, seeds: Sequence[int] | None = None
    ) -> list[TrainParameters]:
        """List what each cell asks of a training: selection by selection, then seed by seed."""
        names = ("source", "audit_gate", "errata", "experiment")
        shared = {name: getattr(self, name) for name in names}
        rests = {"embedding": {"embedding": self.embedding}}
        return [
            TrainParameters.checked(
                **read_selection(text), **shared, **rests.get(model, {}), model=model, seed=seed
            )
            for text in self.selections
            for seed in (self.seeds if seeds is None else seeds)
            for model in (self.models if models is None else models)
        ]


class PretrainParameters(Parameters):
    """Whom an embedding is learned from, and how long."""

    exclude_people: f.ExcludePeople = None
    exclude_top: f.ExcludeTop = None
    exclude_min_images: f.ExcludeMinImages = None
    least_images: f.LeastImages = 2
    epochs: f.EmbeddingEpochs = None
    seed: f.EmbeddingSeed = 0
    audit_gate: f.Gate = "warn"
    errata: f.Errata = None
    experiment: f.Experiment = "pretrain-embedding"

    @property
    def label(self) -> str:
        """A short name of whom the embedding does not know."""
        if self.exclude_people is not None:
            return f"without {', '.join(self.exclude_people[:3])}" + (
                ", …" if len(self.exclude_people) > 3 else ""
            )
        if self.exclude_top is not None:
            return f"without the top {self.exclude_top}"
        return f"without those of {self.exclude_min_images or LEFT_OUT_IMAGES} images or more"

    @model_validator(mode="after")
    def _one_way_to_leave_out(self) -> Self:
        ways = ("exclude_people", "exclude_top", "exclude_min_images")
        chosen = [name for name in ways if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise ValueError(
                f"leave people out in one way, not by {' and '.join(chosen)}: give only one of them"
            )
        return self


class VerifyParameters(Parameters):
    """Which pairs are judged, and by what."""

    view: f.View = "1"
    judge: f.Judge = "embedding"
    embedding: f.EmbeddingVersion = "champion"
    fold_groups: f.FoldGroups = 2
    epochs: f.EmbeddingEpochs = None
    seed: f.EmbeddingSeed = 0
    audit_gate: f.Gate = "warn"
    errata: f.Errata = None
    experiment: f.Experiment = "verify-faces"

    @model_validator(mode="after")
    def _only_what_is_heeded(self) -> Self:
        for name, unset in (("epochs", None), ("fold_groups", 2)):
            value = getattr(self, name)
            if value != unset and (self.view, self.judge) != ("2", "embedding"):
                raise _unheeded(name, value, "only view 2 judged by embeddings learns any")
        if self.embedding != "champion" and (self.view, self.judge) != ("1", "embedding"):
            why = "only view 1 judged by an embedding takes one that is there"
            raise _unheeded("embedding", self.embedding, why)
        return self

    @property
    def label(self) -> str:
        """A short name of what is judged, and by what."""
        judge = self.judge if self.embedding == "champion" else f"{self.judge} {self.embedding}"
        return f"view {self.view} · {judge} · seed {self.seed}"


class NamedImages(Checked):
    """Which images are to be answered for."""

    paths: f.ImagePaths = ()


class ScoreParameters(Divided, NamedImages):  # paths are the first: they need no option's name
    """Which images are to be answered for, where, and by which model."""

    model_version: f.ModelVersion = "champion"
    output: f.Output = None
    experiment: f.Experiment = "score-faces"

    @property
    def label(self) -> str:
        """A short name of what is scored, such as ``holiday.zip and 2 more``."""
        named = readable(self.paths[0].name) if self.paths else "nothing"
        return named + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")


class PromoteParameters(Parameters):
    """Which version shall be champion."""

    model_version: f.PromotedVersion = "challenger"
    because: f.Because = None
    experiment: f.Experiment = "promote-model"


class RollBackParameters(Checked):
    """Why the champion is taken back."""

    because: f.TakenBackBecause = None


class ForgetParameters(Checked):
    """Whose images are to be removed."""

    people: f.Forgotten = ()
    experiment: f.Experiment = "forget-people"

    @property
    def label(self) -> str:
        """A short name of who is forgotten."""
        more = f" and {len(self.people) - 3} more" if len(self.people) > 3 else ""
        return ", ".join(self.people[:3]) + more


def _unheeded(name: str, value: object, why: str) -> ValueError:
    return ValueError(f"{name} = {value}: {why}: leave {name} out")
