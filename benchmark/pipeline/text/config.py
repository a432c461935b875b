"""What decides what a run of a text suite computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, field_validator

from benchmark.core.calls import split_calls
from benchmark.core.settings import Section
from benchmark.harness.settings import LmEvalSettings
from benchmark.pipeline.config import RunConfig, suite_with_settings
from benchmark.suites.base import Suite
from benchmark.training.settings import TrainingSettings


class LabelSettings(Section):
    """How annotators choose (`labels.KEY`)."""

    kind: str = Field("bradley_terry", description="bradley_terry, argmax (by majority) or luce")
    sharpness: float = Field(20.0, gt=0, description="nats per unit of utility, for bradley_terry")


class SamplingSettings(Section):
    """How completions are sampled, for pairs and for evaluation alike where nothing else is said (`sampling.KEY`)."""

    temperature: float = Field(1.0, ge=0)
    pair_temperature: float | None = Field(
        None, ge=0, description="of the completions that pairs are made of; None: as `temperature`"
    )
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, description="0: no truncation")
    samples: int = Field(1, gt=0, description="completions per evaluation prompt")

    @property
    def of_pairs(self) -> float:
        """Temperature of the completions that pairs are made of."""
        return self.temperature if self.pair_temperature is None else self.pair_temperature


class EvalSettings(Section):
    """What policies are held to beside the suite's own judging (`eval.KEY`)."""

    lm_eval: LmEvalSettings = LmEvalSettings()


class ExtraCells(Section):
    """Methods that run on one training shift beside the matrix: a control that needs a shift of its own, for one."""

    train_shift: str
    methods: list[str] = Field(min_length=1)


class TextConfig(RunConfig):
    """The settings of a run of a text suite."""

    grows: ClassVar[frozenset[str]] = RunConfig.grows | {"train_shifts", "extra", "eval_shifts"}

    train_shifts: list[str] = Field(
        [], description="calls such as alpha_mixture(a=anger,b=fear,alpha=0.1); none: the suite's own, where it has any"
    )
    extra: list[ExtraCells] = Field([], description="dropped where methods or train_shifts are chosen by hand")
    eval_shifts: list[str] | None = Field(None, description="None: each training shift's own evaluation grid")
    policy_seeds: int = Field(1, gt=0, description="seed s starts from reference policy s mod policy_seeds")
    labels: LabelSettings = LabelSettings()
    sampling: SamplingSettings = SamplingSettings()
    eval: EvalSettings = Field(  # where nothing is asked for, nothing is recorded: such runs are what they always were
        EvalSettings(), exclude_if=lambda value: not value.lm_eval.tasks
    )
    training: TrainingSettings = TrainingSettings()

    @field_validator("train_shifts", "eval_shifts", mode="before")
    @classmethod
    def _split_shifts(cls, value: Any) -> Any:
        return split_calls(value) if isinstance(value, str) else value

    @classmethod
    def overlaid(cls, settings: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
        """As in every run; whoever chooses the matrix gets that matrix, without the preset's extra cells."""
        chosen = layer.keys() & {"methods", "train_shifts"}
        kept = {key: value for key, value in settings.items() if key != "extra" or not chosen}
        return super().overlaid(kept, layer)

    def make_suite(self) -> Suite:
        """The suite with its settings; what cannot work is a UserError."""
        suite: Suite = suite_with_settings(Suite.registry, self)
        return suite
