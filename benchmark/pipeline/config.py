"""Configuration: a suite's preset, overlaid by a file, overlaid by single settings; checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import Field, field_validator

from benchmark.core.calls import split_calls
from benchmark.core.errors import UserError, unknown
from benchmark.core.plugins import Registry
from benchmark.core.settings import Section, checked
from benchmark.pipeline.numerics import Numerics
from benchmark.suites.common import AnySuite
from benchmark.suites.presets import presets_of

PRESETS = ("smoke", "quick", "full")  # of every suite that ships with the benchmark


class ExecutionSettings(Section):
    """How stages run, which changes no number."""

    stage_limit: float | None = Field(
        None,
        gt=0,
        description="seconds after which a stage is ended and its cells fail; without it 20 times what `plan` expects "
        "of it at most, and an hour at least",
    )


class HubSettings(Section):
    """Where models and data sets of the hub are found (`hub.KEY`)."""

    mirror: Path | None = Field(None, description="folder that has them as ORG/NAME; what it lacks comes from the hub")


class RunConfig(Section):
    """What decides what a run computes, whatever the kind of suite; every kind adds its own.

    grows: what a later run on the same folder may add to. free: what it may change.
    """

    grows: ClassVar[frozenset[str]] = frozenset({"methods", "seeds"})
    free: ClassVar[frozenset[str]] = frozenset({"execution", "hub"})

    suite_name: str
    preset: str
    suite: dict[str, Any] = Field(default_factory=dict, description="settings of the suite")
    methods: list[str] = Field(min_length=1, description="calls such as dpo(beta=0.3)")
    seeds: int = Field(3, gt=0, le=10_000, description="seeds 0, 1, ...")
    hub: HubSettings = HubSettings()
    numerics: Numerics = Field(
        "fast", description="fast: the machine's own arithmetic; portable: the same on every x86 CPU with AVX2, slower"
    )

    execution: ExecutionSettings = ExecutionSettings()

    @field_validator("methods", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_calls(value) if isinstance(value, str) else value

    def arithmetic(self) -> dict[str, str]:
        """What stands for the arithmetic in the identity of a stage. A machine's own has no name: a store keeps what it
        made, and the artefact's meta says with which; the portable one is the same wherever it is asked for."""
        return {"numerics": self.numerics} if self.numerics != "fast" else {}

    @classmethod
    def overlaid(cls, settings: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
        """`settings` with those of `layer` in their place, section by section."""
        return merged(settings, layer)


C = TypeVar("C", bound=RunConfig)


def read_layers(
    model: type[C],
    suite: type[AnySuite],
    preset: str,
    file: Path | None = None,
    settings: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> C:
    """The configuration of a run: preset, then `file`, then `options`, then `settings` (KEY=VALUE).

    Raises:
        UserError: unknown preset or key (with the nearest match), or a value that is not allowed.
    """
    known = presets_of(suite)
    if preset not in known:
        raise unknown(f"preset of {suite.name}", preset, known)
    source = known[preset]
    raw = _load_yaml(source) if isinstance(source, Path) else dict(source)
    chosen = {key: value for key, value in (options or {}).items() if value is not None}
    for layer in (*([_load_yaml(file)] if file else []), chosen, *map(parse_setting, settings)):
        raw = model.overlaid(raw, layer)
    return checked(model, {**raw, "suite_name": suite.name, "preset": preset})


def suite_with_settings(registry: Registry[Any], config: RunConfig) -> Any:
    """The suite of a configuration out of those of its kind; settings that cannot work are a UserError."""
    cls: type[Any] = registry.get(config.suite_name)
    return cls(checked(cls.Settings, config.suite, "suite."))


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`; where both hold a section, the sections are merged."""
    whole = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(whole.get(key), Mapping)
        whole[key] = merged(whole[key], value) if both else value
    return whole


def _load_yaml(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UserError(f"configuration file {str(file)!r} does not exist.")
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"configuration file {str(file)!r} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"configuration file {str(file)!r} must hold keys and values, got a {type(loaded).__name__}.")
    return loaded


def parse_setting(text: str) -> dict[str, Any]:
    """The nested settings that `a.b=value` stands for; a UserError where it is of another form."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set takes KEY=VALUE, got {text!r}.")
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        nested = value
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return nested  # type: ignore[no-any-return]
