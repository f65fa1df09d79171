"""The project's shape: what may rest on what, and what a repository may hold."""

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from lfw.embedding.cohort import TRAIN
from lfw.embedding.store import SHIPPED, read_embedding

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "infra", "lfw", "tasks")
TRACKERS = {"prefect", "mlflow"}
FRAMEWORKS = {"tensorflow", "keras"}
NETWORK_MODULES = (
    *("lfw.embedding.alignment", "lfw.embedding.classifying", "lfw.embedding.fused"),
    *(
        "lfw.embedding.network",
        "lfw.embedding.packing",
        "lfw.embedding.pretraining",
        "lfw.embedding.watching",
    ),
    *("lfw.batches", "lfw.layers", "lfw.networks", "lfw.training"),
)
BINARY = {
    *(".db", ".gif", ".gz", ".h5", ".jpeg", ".jpg", ".keras", ".npy", ".npz", ".parquet"),
    *(".pickle", ".pkl", ".png", ".sqlite", ".tar", ".tgz", ".webp", ".zip"),
}
MOST_LINES = 350


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in a file, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def top(module: str) -> str:
    return module.partition(".")[0]


def needs_framework(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in NETWORK_MODULES)


def loaded_by(modules: list[str]) -> set[str]:
    """Top-level packages that a fresh interpreter holds after importing some modules."""
    code = (
        "import importlib, json, sys\n"
        "for name in json.loads(sys.argv[1]): importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize("path", sources("lfw"), ids=module_of)
def test_library_knows_no_orchestrator(path: Path) -> None:
    assert not {top(module) for module in imported(path)} & TRACKERS


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("lfw", {"tasks", "flows", "infra", "tests"}),
        ("tasks", {"flows", "tests"}),
        ("flows", {"mlflow", "tests"}),
        ("infra", {"tests"}),
    ],
)
def test_packages_rest_on_those_below_them(package: str, forbidden: set[str]) -> None:
    for path in sources(package):
        assert not {top(module) for module in imported(path)} & forbidden, path


def test_importing_the_library_loads_no_orchestrator() -> None:
    modules = [module_of(path) for path in sources("lfw")]
    assert importlib.util.find_spec("prefect")
    assert "lfw.training" in modules
    assert not loaded_by(modules) & TRACKERS


def test_only_networks_load_a_framework() -> None:
    modules = [module_of(path) for path in sources("lfw")]
    plain = [module for module in modules if not needs_framework(module)]
    assert len(plain) > 15
    assert not loaded_by(plain) & FRAMEWORKS


def is_flow(function: ast.FunctionDef) -> bool:
    return any("flow" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_flows_do_not_branch_or_loop() -> None:
    control = (ast.For, ast.While, ast.If, ast.IfExp, ast.Try, ast.Match, ast.comprehension)
    functions = [
        (path, node)
        for path in sources("flows")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and is_flow(node)
    ]
    assert len(functions) >= 3
    for path, function in functions:
        found = {type(node).__name__ for node in ast.walk(function) if isinstance(node, control)}
        assert not found, f"{path.name}: {function.name} decides something itself"


def test_top_level_folders_are_fixed() -> None:
    folders = {PurePosixPath(name).parts[0] for name in tracked() if "/" in name}
    shown = {name for name in folders if not name.startswith(".")}
    assert {*PACKAGES, "tests"} <= shown


def test_no_picture_archive_or_model_is_committed_but_the_shipped_embedding() -> None:
    found = [name for name in tracked() if PurePosixPath(name).suffix.lower() in BINARY]
    shipped = "lfw/embedding/shipped"
    assert found == [f"{shipped}/embedding.keras", f"{shipped}/spread.npz"]


def test_the_shipped_embedding_is_small_whole_and_knows_none_of_the_62() -> None:
    shipped = read_embedding(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 8_000_000
    assert shipped.card["people_seen"] == len(shipped.cohort.seen) == 1550
    assert shipped.card["left_out"] == 62
    images = shipped.cohort.role(TRAIN)["name"].value_counts()
    assert images.between(2, 19).all()


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {
        name: len((ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in tracked()
        if name.endswith(".py") and top(name.replace("/", ".")) in PACKAGES
        if (ROOT / name).exists()
    }
    assert lengths
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}
