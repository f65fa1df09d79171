"""Every parameter, declared once: an annotated type with its title, its help and its range.

The models in :mod:`lfw.parameters` and the signatures of the flows use these types, so that bounds
hold wherever a value comes from.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue


def _shown(*, title: str, description: str, **bounds: Any) -> Any:
    """Declare a field whose title and help reach the run form too.

    Prefect overwrites a field's own title and help, but not what extends its schema.
    """
    extra: dict[str, JsonValue] = {"title": title, "description": description}
    return Field(title=title, description=description, json_schema_extra=extra, **bounds)


_KnownSource = Annotated[Literal["auto", "sample", "kaggle"], Field(title="by name")]
_PathOrUrl = Annotated[str, Field(min_length=1, title="path or URL")]
Source = Annotated[
    _KnownSource | _PathOrUrl,
    _shown(
        title="Source",
        description="Where the data set comes from: auto, sample (synthetic faces), kaggle, "
        "the path of a zip, tar, tar.gz or unpacked folder, or a URL. A path or URL may end in "
        "#sha256=HEX to demand that checksum. auto takes LFW_SOURCE, else an archive fetched "
        "before, else Kaggle, else the sample.",
    ),
]
People = Annotated[
    tuple[str, ...] | None,
    _shown(
        title="People",
        description="Names of the people to tell apart, as the data set spells them, such as "
        "Jacques_Chirac; in the form an item each.",
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
    Literal["embedding", "compact", "hog", "notebook", "dlib", "imagenet"],
    _shown(
        title="Model",
        description="The classifier: embedding (a head on an embedding that was learned from "
        "other people), compact (a small network from scratch), hog (oriented gradients and a "
        "linear head), notebook (the notebook's network). With outside data: dlib (an extra), "
        "imagenet (a MobileNetV2 whose weights are downloaded).",
    ),
]
_Passes = Annotated[int, Field(ge=1, le=10_000)] | None
Epochs = Annotated[
    _Passes,
    _shown(
        title="Epochs",
        description="Passes over the training images; the model's own if empty. With embedding: "
        "passes of fine-tuning, none if empty. hog, dlib and imagenet have none.",
    ),
]
Seed = Annotated[
    int,
    _shown(
        ge=0, le=2**32 - 1, title="Seed", description="Random seed of the split and of training."
    ),
]
EmbeddingEpochs = Annotated[
    _Passes,
    _shown(
        title="Epochs",
        description="Passes over the images that an embedding is learned from; 26 if empty.",
    ),
]
EmbeddingSeed = Annotated[
    int,
    _shown(
        ge=0,
        le=2**32 - 1,
        title="Seed",
        description="Random seed of who is held out, and of the learning.",
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
        description="warn: images that cannot be used are named and left out. fail: any unusable "
        "or non-standard image, or broken reference in the lists, ends the run.",
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

EmbeddingVersion = Annotated[
    str,
    _shown(
        pattern=r"^([1-9][0-9]*|champion|challenger)$",
        title="Embedding",
        description="Version of lfw-embedding to use, by its number or alias, where one is "
        "needed: by the model embedding, and to verify View 1's pairs.",
    ),
]
Forgotten = Annotated[
    tuple[str, ...],
    _shown(
        title="People to forget",
        description="Names of people whose images are to be removed, as the data set spells them; "
        "in the form an item each.",
    ),
]
ExcludePeople = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1)] | None,
    _shown(title="Leave out people", description="Names of people never to be seen."),
]
ExcludeTop = Annotated[
    Annotated[int, Field(ge=1, le=10_000)] | None,
    _shown(title="Leave out the top", description="Leave out the N most photographed people."),
]
ExcludeMinImages = Annotated[
    Annotated[int, Field(ge=2, le=100_000)] | None,
    _shown(
        title="Leave out by number of images",
        description="Leave out everybody with at least N images (20 if nothing is chosen).",
    ),
]
LeastImages = Annotated[
    int,
    _shown(
        ge=1,
        le=1000,
        title="Minimum images",
        description="People with fewer images are not learned from.",
    ),
]
View = Annotated[
    Literal["1", "2"],
    _shown(
        title="View",
        description="1: the development pairs, judged by a registered embedding, where it was not "
        "trained on their people. 2: the ten folds for reporting, with embeddings learned for the "
        "purpose, which takes about an hour on two cores.",
    ),
]
Judge = Annotated[
    Literal["embedding", "hog", "eigenfaces"],
    _shown(title="Judged by", description="What measures how alike two images are."),
]
FoldGroups = Annotated[
    int,
    _shown(
        ge=2,
        le=5,
        title="Fold groups",
        description="View 2: one embedding is learned for each group of folds, without their "
        "people. More groups leave more people to learn from, take longer, and leave fewer folds "
        "to set a threshold on.",
    ),
]


def _existing_path(path: Path) -> Path:
    whole = path.expanduser().absolute()
    try:
        whole.stat()
    except OSError as error:
        raise ValueError(f"{whole} cannot be read: {error.strerror}") from None
    return whole


def _csv_path(path: Path) -> Path:
    """See that a table may be written there, and that nothing else is overwritten by mistake."""
    whole = path.expanduser().absolute()
    if whole.suffix.lower() != ".csv":
        raise ValueError("it is a table: name a file that ends in .csv")
    if whole.is_dir() or not whole.parent.is_dir():
        raise ValueError(f"no file can be written at {whole}: name one in a folder that exists")
    return whole


ImagePaths = Annotated[
    tuple[Annotated[Path, AfterValidator(_existing_path)], ...],
    _shown(
        title="Images",
        description="What to score, at least one item: folders (with all that is in them), zip "
        "archives and image files, on the machine that runs this: JPEG, PNG, WEBP, BMP, GIF or "
        "TIFF of any size and mode. Each is to show one face, upright and about as LFW frames it: "
        "in the centre, about half as wide as the image. What is not square is cut to the square "
        "in its centre; faces are not detected.",
    ),
]
ModelVersion = Annotated[
    str,
    _shown(
        pattern=r"^([1-9][0-9]*|champion|challenger)$",
        title="Model version",
        description="Which version of lfw-faces answers, by its number or alias.",
    ),
]
Output = Annotated[
    Annotated[Path, AfterValidator(_csv_path)] | None,
    _shown(
        title="Output",
        description="A CSV file that the table of answers is written to as well; replaced if there "
        "is one.",
    ),
]
PromotedVersion = Annotated[
    str,
    _shown(
        pattern=r"^([1-9][0-9]*|champion|challenger)$",
        title="Version",
        description="Which version of lfw-faces is to be champion, by its number or alias.",
    ),
]
_REASON_LENGTH = 1000
Because = Annotated[
    Annotated[str, Field(min_length=3, max_length=_REASON_LENGTH)] | None,
    _shown(
        title="Because",
        description="Why it is to be champion although it is not significantly better, for example "
        "a new selection of people. It is written on the version. Gates hold all the same.",
    ),
]
TakenBackBecause = Annotated[
    Annotated[str, Field(min_length=3, max_length=_REASON_LENGTH)] | None,
    _shown(
        title="Because",
        description="Why the champion is taken back. It is written on both versions.",
    ),
]
Models = Annotated[
    tuple[Literal["embedding", "compact", "hog", "notebook", "dlib", "imagenet"], ...],
    _shown(
        min_length=1,
        title="Models",
        description="The classifiers to compare, each on every selection and seed. dlib and "
        "imagenet learned from outside data, and are marked so.",
    ),
]
Selections = Annotated[
    tuple[str, ...],
    _shown(
        min_length=1,
        title="Selections",
        description="Whom to tell apart: 6x75 (the 6 most photographed, 75 images of each), "
        "62 all (all their images), min 20 x all (everybody with 20 images or more), or names: "
        "A_Name,Another_Name x balanced.",
    ),
]
Seeds = Annotated[
    tuple[Annotated[int, Field(ge=0, le=2**32 - 1)], ...],
    _shown(
        min_length=1,
        title="Seeds",
        description="One split and training for each. A test over splits takes two or more; ten "
        "say much more than three.",
    ),
]
Runner = Annotated[
    Literal["threads", "processes", "dask"],
    _shown(
        title="Runner",
        description="Where the work is done: threads (of this process), processes (of this "
        "machine) or dask (a cluster that is there already). The results are the same.",
    ),
]
DaskAddress = Annotated[
    Annotated[str, Field(min_length=1)] | None,
    _shown(
        title="Dask address",
        description="With the runner dask: the scheduler of the cluster, such as "
        "tcp://10.0.0.5:8786. Its workers need the same code and data folder.",
    ),
]
Strategy = Annotated[
    Literal["none", "mirrored", "multi-worker-mirrored"],
    _shown(
        title="Strategy",
        description="With compact and notebook: on which devices copies of the network learn: none "
        "(one device), mirrored (all of this machine's), multi-worker-mirrored (the machines that "
        "TF_CONFIG names).",
    ),
]
