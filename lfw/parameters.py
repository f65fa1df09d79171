"""What a run is asked to do: one vocabulary for the command line, the run form and the tracker.

Every parameter is declared once, as an annotated type with its title, help and range. The models
below and the flows' signatures use these types, so that bounds hold wherever a value comes from.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from lfw.errors import InputError

MODELS = ("compact", "notebook")
NOTEBOOK_TOP = 6
NOTEBOOK_IMAGES_PER_PERSON = 75


def _shown(*, title: str, description: str, **bounds: Any) -> Any:
    """Declare a field whose title and help reach the run form too.

    Prefect overwrites a field's own title and help, but not what extends its schema.
    """
    extra: dict[str, JsonValue] = {"title": title, "description": description}
    return Field(title=title, description=description, json_schema_extra=extra, **bounds)


Source = Annotated[
    str,
    _shown(
        min_length=1,
        title="Source",
        description="Where the data set comes from: auto, sample (drawn, invented people), kaggle, "
        "the path of a zip, tar, tar.gz or unpacked folder, or a URL. A path or URL may end in "
        "#sha256=HEX to demand that checksum. auto takes LFW_SOURCE, else an archive fetched "
        "before, else Kaggle, else the sample.",
    ),
]
People = Annotated[
    tuple[str, ...] | None,
    _shown(
        title="People",
        description="Names of the people to tell apart, as the data set spells them.",
    ),
]
Top = Annotated[
    Annotated[int, Field(ge=2, le=10_000)] | None,
    _shown(title="Top", description="The N most photographed people (6 if nothing is chosen)."),
]
MinImages = Annotated[
    Annotated[int, Field(ge=3, le=100_000)] | None,
    _shown(title="Minimum images", description="Everybody with at least N images."),
]
ImagesPerPerson = Annotated[
    Annotated[int, Field(ge=3, le=100_000)] | Literal["all", "balanced"],
    _shown(
        title="Images per person",
        description="N images of each person, all that there are, or balanced: as many of each as "
        "the least photographed of them has, 75 at the most.",
    ),
]
Model = Annotated[
    Literal["compact", "notebook"],
    _shown(title="Model", description="The classifier to train, by name."),
]
Epochs = Annotated[
    Annotated[int, Field(ge=1, le=10_000)] | None,
    _shown(
        title="Epochs", description="Passes over the training images; the model's own if empty."
    ),
]
Seed = Annotated[
    int,
    _shown(
        ge=0, le=2**32 - 1, title="Seed", description="Decides the split and the training's chance."
    ),
]
TestShare = Annotated[
    float,
    _shown(
        ge=0.05,
        le=0.5,
        title="Test share",
        description="Share of each person's images that is kept for the test.",
    ),
]
ValidationShare = Annotated[
    float,
    _shown(
        ge=0.05,
        le=0.5,
        title="Validation share",
        description="Share of what the test leaves that is kept for validation.",
    ),
]
Experiment = Annotated[
    str,
    _shown(
        min_length=1,
        max_length=200,
        title="Experiment",
        description="The MLflow experiment that the run is filed under.",
    ),
]
Gate = Annotated[
    Literal["warn", "fail"],
    _shown(
        title="Audit gate",
        description="What unreadable, mislabelled or missing images do: warn (they are named and "
        "left out) or fail (the run ends).",
    ),
]


def _existing_file(path: Path) -> Path:
    """Make a path independent of the working directory, and see that there is a file."""
    whole = path.expanduser().absolute()
    if not whole.is_file():
        raise ValueError(f"there is no file {whole}")
    return whole


_File = Annotated[Path, AfterValidator(_existing_file)]

Errata = Annotated[
    _File | None,
    _shown(
        title="Errata",
        description="A CSV subject,problem,other of known label errors: flagged, never corrected.",
    ),
]
Annotations = Annotated[
    _File | None,
    _shown(
        title="Group annotations",
        description="A CSV image_path,ATTRIBUTE of third-party labels, for counts by group.",
    ),
]


class Parameters(BaseModel):
    """What every run is asked: where the data is, and where to file the run."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    source: Source = "auto"
    experiment: Experiment = "lfw"

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


class AuditParameters(Parameters):
    """What the stages before any selection need."""

    seed: Seed = 0
    audit_gate: Gate = "warn"
    errata: Errata = None
    experiment: Experiment = "audit-dataset"


SELECTION = frozenset({"people", "top", "min_images", "images_per_person"})
"""Fields of :class:`SelectionParameters` that decide who is chosen."""


class SelectionParameters(Parameters):
    """Who is to be recognised, and with how many images each."""

    people: People = None
    top: Top = None
    min_images: MinImages = None
    images_per_person: ImagesPerPerson = "balanced"

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        chosen = [n for n in ("people", "top", "min_images") if getattr(self, n) is not None]
        if len(chosen) > 1:
            raise ValueError(
                f"choose people in one way, not by {' and '.join(chosen)}: give only one of them"
            )
        if self.people is not None:
            _check_people(self.people)
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

    seed: Seed = 0
    annotations: Annotations = None
    experiment: Experiment = "bias-report"


class TrainParameters(SelectionParameters):
    """Everything that a training run is asked to do."""

    model: Model = "compact"
    epochs: Epochs = None
    seed: Seed = 0
    test_share: TestShare = 0.2
    validation_share: ValidationShare = 0.2
    audit_gate: Gate = "warn"
    errata: Errata = None
    annotations: Annotations = None
    experiment: Experiment = "train-faces"


def _check_people(people: tuple[str, ...]) -> None:
    doubled = sorted({name for name in people if people.count(name) > 1})
    if doubled:
        raise ValueError(f"people names {', '.join(doubled)} more than once: name each once")
    if len(people) < 2:
        raise ValueError(
            f"people names {len(people)}, and telling faces apart takes at least 2: add names"
        )


def explain(error: ValidationError) -> str:
    """Say in a sentence what is wrong with parameters."""
    parts = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        text = problem["msg"].removeprefix("Value error, ")
        part = f"{name} = {problem['input']!r}: {text}" if name else text
        if part not in parts:
            parts.append(part)
    return "; ".join(parts) + "."
