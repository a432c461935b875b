"""Configuration: a suite's preset, overlaid by a file, overlaid by single settings; checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.core.calls import split_calls
from benchmark.core.errors import UserError, nearest, unknown
from benchmark.suites.analytic import Study
from benchmark.suites.base import Suite
from benchmark.training.settings import TrainingSettings

PRESETS = ("smoke", "quick", "full")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelSettings(_Section):
    """How annotators choose (`labels.KEY`)."""

    kind: str = Field("bradley_terry", description="bradley_terry or argmax")
    sharpness: float = Field(20.0, gt=0, description="nats per unit of utility, for bradley_terry")


class SamplingSettings(_Section):
    """How completions are sampled, for pairs and for evaluation alike (`sampling.KEY`)."""

    temperature: float = Field(1.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, description="0: no truncation")
    samples: int = Field(1, gt=0, description="completions per evaluation prompt")


class ExtraCells(_Section):
    """Methods that run on one training shift beside the matrix: a control that needs a shift of its own, for one."""

    train_shift: str
    methods: list[str] = Field(min_length=1)


class RunConfig(_Section):
    """Everything that decides what a run computes."""

    suite_name: str
    preset: str
    suite: dict[str, Any] = Field(default_factory=dict, description="settings of the suite")
    methods: list[str] = Field(min_length=1, description="calls such as dpo(beta=0.3)")
    train_shifts: list[str] = Field(min_length=1, description="calls such as alpha_mixture(a=anger,b=fear,alpha=0.1)")
    extra: list[ExtraCells] = Field([], description="dropped where methods or train_shifts are chosen by hand")
    eval_shifts: list[str] | None = Field(None, description="None: each training shift's own evaluation grid")
    seeds: int = Field(3, gt=0, description="seeds 0, 1, ... of pairs, labels, training and evaluation")
    policy_seeds: int = Field(1, gt=0, description="seed s starts from reference policy s mod policy_seeds")
    labels: LabelSettings = LabelSettings()
    sampling: SamplingSettings = SamplingSettings()
    training: TrainingSettings = TrainingSettings()

    @field_validator("methods", "train_shifts", "eval_shifts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_calls(value) if isinstance(value, str) else value

    def make_suite(self) -> Suite:
        """The suite with its settings; what cannot work is a UserError."""
        cls = Suite.registry.get(self.suite_name)
        suite: Suite = cls(_checked(cls.Settings, self.suite, "suite."))
        return suite


class StudyConfig(_Section):
    """Everything that decides what a run of an analytic suite computes."""

    suite_name: str
    preset: str
    suite: dict[str, Any] = Field(default_factory=dict, description="settings of the suite")
    methods: list[str] = Field(min_length=1, description="calls such as dpo(beta=0.3)")
    seeds: int = Field(5, gt=0, description="seeds 0, 1, ... of world and data")

    @field_validator("methods", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_calls(value) if isinstance(value, str) else value

    def make_study(self) -> Study:
        """The analytic suite with its settings."""
        cls = Study.registry.get(self.suite_name)
        study: Study = cls(_checked(cls.Settings, self.suite, "suite."))
        return study


def is_study(name: str) -> bool:
    """Whether the suite is an analytic one.

    Raises:
        UserError: no suite of either sort has that name.
    """
    return issubclass(suite_class(name), Study)


def suite_class(name: str) -> type[Suite] | type[Study]:
    """The suite named `name`, of either sort; an unknown name is a UserError with the nearest match."""
    known: dict[str, Any] = {cls.name: cls for cls in (*Suite.registry.all(), *Study.registry.all())}
    if name not in known:
        raise unknown("suite", name, known)
    return known[name]  # type: ignore[no-any-return]


def read_config(
    suite: str,
    preset: str,
    file: Path | None = None,
    settings: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The configuration of a run: preset, then `file`, then `overrides` (options), then `settings` (KEY=VALUE).

    Raises:
        UserError: unknown suite, preset or key (with the nearest match), or a value that is not allowed.
    """
    raw = _load_preset(suite, preset)
    for layer in _layers(file, settings, overrides):
        if layer.keys() & {"methods", "train_shifts"}:
            raw.pop("extra", None)  # whoever chooses the matrix gets that matrix
        raw = _merged(raw, layer)
    return _checked(RunConfig, {**raw, "suite_name": suite, "preset": preset}, "")


def read_study_config(
    suite: str,
    preset: str,
    file: Path | None = None,
    settings: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> StudyConfig:
    """The same of an analytic suite, which has no shifts: its scenarios take their place.

    Raises:
        UserError: as `read_config`; or shifts are given.
    """
    shifts = [name for name in ("train_shifts", "eval_shifts") if (overrides or {}).get(name) is not None]
    if shifts:
        option = "--" + shifts[0].replace("_", "-")
        scenarios = ", ".join(Study.registry.get(suite).scenarios)
        raise UserError(f"{suite} is an analytic suite and takes no {option}; its scenarios are {scenarios}.")
    raw = _load_preset(suite, preset)
    for layer in _layers(file, settings, overrides):
        raw = _merged(raw, layer)
    return _checked(StudyConfig, {**raw, "suite_name": suite, "preset": preset}, "")  # type: ignore[no-any-return]


def _layers(file: Path | None, settings: Sequence[str], overrides: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What is laid over the preset, in order."""
    chosen = {key: value for key, value in (overrides or {}).items() if value is not None}
    return [*([_load_yaml(file)] if file else []), chosen, *map(_parse_setting, settings)]


def _load_preset(suite: str, preset: str) -> dict[str, Any]:
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    return _load_yaml(suite_class(suite).presets() / f"{preset}.yaml")


def _load_yaml(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UserError(f"configuration file {str(file)!r} does not exist.")
    try:
        loaded = yaml.safe_load(file.read_text()) or {}
    except yaml.YAMLError as error:
        raise UserError(f"configuration file {str(file)!r} is not valid YAML: {error}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"configuration file {str(file)!r} must hold keys and values, got a {type(loaded).__name__}.")
    return loaded


def _parse_setting(text: str) -> dict[str, Any]:
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


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _checked(model: type[Any], raw: Mapping[str, Any], prefix: str) -> Any:
    """A pydantic model, or one UserError that lists every wrong key."""
    try:
        return model(**raw)
    except ValidationError as error:
        raise UserError("\n".join(_explain(model, item, prefix) for item in error.errors())) from None


def _explain(model: type[BaseModel], item: Any, prefix: str) -> str:
    path = [str(part) for part in item["loc"]]
    key = prefix + ".".join(path)
    if item["type"] != "extra_forbidden":
        return f"setting {key!r}: {item['msg']}, got {item['input']!r}."
    for part in path[:-1]:
        model = model.model_fields[part].annotation  # type: ignore[assignment]
    allowed = sorted(model.model_fields)
    close = nearest(path[-1], allowed)
    hint = f" Did you mean {prefix + '.'.join([*path[:-1], close])!r}?" if close else ""
    return f"unknown setting {key!r}.{hint} Allowed there: {', '.join(allowed)}."
