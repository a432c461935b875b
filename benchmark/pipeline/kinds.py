"""The kinds of suite that there are. The base class of a suite decides its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.core.errors import UserError
from benchmark.core.plugins import unknown_plugin
from benchmark.pipeline.analytic.kind import AnalyticKind
from benchmark.pipeline.config import RunConfig
from benchmark.pipeline.kind import SuiteKind
from benchmark.pipeline.text.kind import TextKind
from benchmark.suites.common import AnySuite

SUITE_KINDS: tuple[SuiteKind[Any], ...] = (TextKind(), AnalyticKind())


def suite_classes() -> list[type[AnySuite]]:
    """Every suite, kind by kind, each sorted by name."""
    return [cls for kind in SUITE_KINDS for cls in kind.family.registry.all()]


def kind_of(suite: str) -> SuiteKind[Any]:
    """The kind of the suite named `suite`.

    Raises:
        UserError: no suite of any kind has that name (with the nearest match), or two kinds have one.
    """
    kinds = [kind for kind in SUITE_KINDS for cls in kind.family.registry.all() if cls.name == suite]
    if not kinds:
        raise unknown_plugin("suite", suite, [kind.family.registry for kind in SUITE_KINDS])
    if len(kinds) > 1:
        names = " and ".join(kind.name for kind in kinds)
        raise UserError(f"two suites are named {suite!r}, of the kinds {names}. Rename the one that is a plug-in.")
    return kinds[0]


def read_config(
    suite: str,
    preset: str,
    file: Path | None = None,
    settings: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The configuration of a run of any suite; see `SuiteKind.read_config`."""
    return kind_of(suite).read_config(suite, preset, file, settings, options)  # type: ignore[no-any-return]


def build_matrix(config: RunConfig, backend: str) -> Any:
    """The matrix of a configuration; see `SuiteKind.build`."""
    return kind_of(config.suite_name).build(config, backend)
