"""Settings of the reference policy, common to the suites that train or fine-tune one on their texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from benchmark.core.settings import Section
from benchmark.suites.common import SuiteSettings

SCRATCH = "scratch"
Schedule = Literal["linear", "cosine", "constant_with_warmup"]


class ScratchSettings(Section):
    """The policy that is trained from scratch (`suite.scratch.KEY`)."""

    vocabulary: int = Field(default=2000, ge=64, description="tokens of the byte-pair encoding")
    width: int = Field(default=128, gt=0, description="of the residual stream; width / heads must be 32 or 64")
    layers: int = Field(default=3, gt=0)
    heads: int = Field(default=4, gt=0)
    feed_forward: int = Field(default=352, gt=0, description="width of the gated MLP")
    initializer_range: float = Field(default=0.08, gt=0, description="standard deviation of the initial weights")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="of attention weights, in this training only")
    epochs: float = Field(default=6, gt=0)
    batch_size: int = Field(default=32, gt=0, description="texts per step")
    learning_rate: float = Field(default=5e-3, gt=0)
    schedule: Schedule = Field(default="cosine", description="of the learning rate, after the warm-up")
    warmup_steps: int = Field(default=50, ge=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0, description="greatest gradient norm")


class FineTuneSettings(Section):
    """Supervised fine-tuning of a pretrained policy (`suite.finetune.KEY`); defaults of arXiv:2502.01930."""

    epochs: float = Field(default=10, gt=0)
    batch_size: int = Field(default=64, gt=0, description="texts per step")
    learning_rate: float = Field(default=5e-7, gt=0)
    schedule: Schedule = Field(default="linear", description="of the learning rate, after the warm-up")
    warmup_steps: int = Field(default=12, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=10.0, gt=0, description="greatest gradient norm")


class PolicySettings(SuiteSettings):
    """Settings of a suite that trains its policy. Whoever sets one key of `scratch` or `finetune` keeps the suite's own
    values of the others, which need not be those of the section alone."""

    @field_validator("scratch", "finetune", mode="before", check_fields=False)
    @classmethod
    def _over_own_defaults(cls, value: Any, field: ValidationInfo) -> Any:
        own = cls.model_fields[str(field.field_name)].default
        return {**own.model_dump(), **value} if isinstance(own, Section) and isinstance(value, Mapping) else value
