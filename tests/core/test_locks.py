"""The locks in requirements/ and the ranges of pyproject.toml: neither without the other, and no address in either."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BASE, EXTRAS = PROJECT["dependencies"], PROJECT["optional-dependencies"]
LINUX = {"sys_platform": "linux"}


def locked(extra: str) -> dict[str, str]:
    """Version by name of one lock; every line but the first is `name==version`, sorted."""
    head, *lines = (ROOT / "requirements" / f"{extra}.txt").read_text().splitlines()
    assert head.startswith("# ")
    pins = [re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9a-z.!]*)", line) for line in lines]
    assert all(pins), [line for line, pin in zip(lines, pins, strict=True) if pin is None]
    versions = dict(pin.groups() for pin in pins if pin is not None)
    assert list(versions) == sorted(versions) and len(versions) == len(lines)
    return versions


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_lock_holds_what_the_project_asks_for_within_its_ranges(extra: str) -> None:
    pins = locked(extra)
    wanted = [*EXTRAS[extra], *(BASE if extra in ("cpu", "gpu") else [])]
    for requirement in map(Requirement, wanted):
        assert requirement.marker is None or requirement.marker.evaluate(LINUX)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, requirement


@pytest.mark.parametrize("hardware", ["cpu", "gpu"])
def test_tools_are_locked_once_so_that_both_locks_can_be_given_together(hardware: str) -> None:
    for extra in ("tasks", "lora", "ray", "test", "lint", "mutants"):
        assert not locked(hardware).keys() & locked(extra).keys()


def test_both_kinds_of_machine_compute_with_the_same_versions() -> None:
    """What the project itself asks for has one version, whichever kind of machine it is."""
    cpu, gpu = locked("cpu"), locked("gpu")
    for requirement in map(Requirement, BASE):
        name = canonicalize_name(requirement.name)
        assert cpu[name] == gpu[name], name


def test_no_requirement_is_a_single_version() -> None:
    """Ranges in pyproject.toml, single versions in the locks."""
    for requirement in map(Requirement, chain(BASE, *EXTRAS.values())):
        assert not re.search("===?[0-9]", str(requirement.specifier)), requirement
