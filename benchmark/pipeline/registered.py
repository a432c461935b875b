"""Whether what a recorded run used is registered here. Code runs only where this command names its file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmark.core.calls import parse_call
from benchmark.core.errors import UserError
from benchmark.core.plugins import Registry, fingerprint
from benchmark.pipeline.analytic.kind import AnalyticKind
from benchmark.pipeline.environment import read_environment
from benchmark.pipeline.kinds import SUITE_KINDS
from benchmark.suites.analytic import AnalyticSuite
from methods import Method
from shifts import Shift


def check_registered(out: Path, named: Sequence[Path]) -> None:
    """Make sure that the run in `out`, where there is one, can be continued: what it is made of is registered.

    Args:
        out: folder of a run, which may be empty.
        named: the plug-in files of this command.

    Raises:
        UserError: a method, shift or suite is not registered; the message says which --plugin is missing.
    """
    recorded = read_environment(out) or {}
    _refuse(out, recorded, named, recorded.get("code", {}).get("plugins", {}))


def check_measurable(out: Path, named: Sequence[Path]) -> None:
    """Make sure that the run in `out` can be measured. That takes its shifts, whose utilities are computed anew, and an
    analytic suite, which sums up its own results; of all else that is not registered the recorded numbers suffice.

    Raises:
        UserError: a shift or suite is not registered; the message says which --plugin is missing.
    """
    recorded = read_environment(out) or {}
    calls = [call for train, points in recorded.get("eval_shifts", {}).items() for call in (train, *points)]
    needed = {f"{Shift.registry.package}.{parse_call(call)[0]}" for call in calls}
    if recorded.get("kind") == AnalyticKind.name:
        needed.add(f"{AnalyticSuite.registry.package}.{recorded['suite']}")
    _refuse(out, recorded, named, needed)


def changed_code(out: Path) -> list[str]:
    """The plug-ins of the run in `out` that are other code here than they were there."""
    recorded = (read_environment(out) or {}).get("code", {}).get("plugins", {})
    registered = _registered()
    return [name for name, code in recorded.items() if name in registered and fingerprint(registered[name]) != code]


def _registered() -> dict[str, type[Any]]:
    """Methods, shifts and suites by their name in environment.json, such as `methods.dpo`."""
    suites = (kind.family.registry for kind in SUITE_KINDS)
    families: list[Registry[Any]] = [Method.registry, Shift.registry, *suites]
    return {f"{registry.package}.{cls.name}": cls for registry in families for cls in registry.all()}


def _refuse(out: Path, recorded: dict[str, Any], named: Sequence[Path], needed: Iterable[str]) -> None:
    unknown = sorted(set(needed) - set(_registered()))
    if not unknown:
        return
    here = {file.resolve() for file in named}
    missing = [file for file in recorded.get("plugins", []) if Path(file).resolve() not in here]
    options = " ".join(f"--plugin {file}" for file in missing) or "--plugin FILE"
    raise UserError(
        f"the run in {str(out)!r} uses {', '.join(unknown)}, not registered here. A plug-in file runs only where the "
        f"command names it: add {options}."
    )
