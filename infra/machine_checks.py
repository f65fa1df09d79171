"""Checks of Python, the installed packages and the machine."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from infra.finding import Finding

PROJECT = "lfw-flow"

_MEMORY_NEEDED = 2 << 30


def check_machine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at Python, its packages and the free memory."""
    return [
        check_python(platform.python_version()),
        check_packages(),
        check_bytecode(environ),
        check_memory(psutil.virtual_memory().available),
    ]


def check_python(version: str) -> Finding:
    """Compare Python's version with the range that the project was made for."""
    wanted = importlib.metadata.metadata(PROJECT)["Requires-Python"]
    if SpecifierSet(wanted).contains(version):
        return Finding("Python", "ok", f"Python {version} is in the range {wanted}.")
    remedy = "Run `make clean setup`: it brings a Python that fits."
    return Finding("Python", "fail", f"Python {version} is not in the range {wanted}.", remedy)


def check_packages() -> Finding:
    """Compare the installed packages with what the project asks for."""
    wanted = [Requirement(text) for text in importlib.metadata.requires(PROJECT) or []]
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = list(_wrong(needed))
    if not wrong:
        return Finding("packages", "ok", f"All {len(needed)} packages are in their ranges.")
    remedy = "Run `make clean setup`: it installs the locked versions."
    return Finding("packages", "fail", f"{'; '.join(wrong)}.", remedy)


def _wrong(needed: list[Requirement]) -> Iterator[str]:
    for requirement in needed:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{requirement.name} is not installed"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} {version} is not in the range {requirement.specifier}"


def check_bytecode(environ: Mapping[str, str]) -> Finding:
    """Say whether imports can be kept compiled."""
    if environ.get("PYTHONDONTWRITEBYTECODE"):
        return Finding(
            "compiled imports",
            "warn",
            "PYTHONDONTWRITEBYTECODE is set: packages not compiled when they were installed are "
            "compiled again by each process, which doubles the time of imports.",
            "Unset it, or install with UV_COMPILE_BYTECODE=1.",
        )
    return Finding("compiled imports", "ok", "Python keeps imports compiled.")


def check_memory(available: int) -> Finding:
    """Compare the available memory with what a training needs."""
    detail = f"{available / 2**30:.1f} GB of memory are available."
    if available >= _MEMORY_NEEDED:
        return Finding("memory", "ok", detail)
    remedy = "End other programs: a training takes about 2 GB."
    return Finding("memory", "warn", detail, remedy)
