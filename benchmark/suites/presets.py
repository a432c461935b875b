"""Where a suite's presets are: in the class, for a suite of one file, or in YAML files beside a package."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.suites.common import AnySuite


def presets_of(suite: type[AnySuite]) -> dict[str, Path | Mapping[str, Any]]:
    """Settings of a run, or the YAML file that holds them, by the preset's name; those of the nearest class that has
    any: its `presets`, else the folder `presets/` of the package that it stands in."""
    for cls in suite.__mro__:
        if "presets" in cls.__dict__:
            return dict(cls.presets)  # type: ignore[attr-defined]
        if files := _files_beside(cls):
            return {file.stem: file for file in files}
    return {}


def _files_beside(cls: type) -> list[Path]:
    if not issubclass(cls, AnySuite):
        return []
    home = Path(inspect.getfile(cls)).parent
    return sorted((home / "presets").glob("*.yaml")) if (home / "__init__.py").is_file() else []
