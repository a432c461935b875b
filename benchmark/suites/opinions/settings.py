"""Settings of the suite, `suite.KEY` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from benchmark.suites.policy_settings import FineTuneSettings, PolicySettings, ScratchSettings


class OpinionsSettings(PolicySettings):
    """Settings of the suite `opinions`."""

    data_file: Path | None = Field(
        None, description='lines of {"question", "options", "selections": {group: shares}}; None: the hub'
    )
    revision: str | None = Field(None, description="of the data set on the hub; None: its newest")
    blocs: str | None = Field(
        None,
        description="a YAML file, bloc: [groups], or a ready-made mapping: west_and_muslim_majority, world_regions; "
        "None: the groups that were asked most",
    )
    groups: int = Field(2, ge=2, description="how many of the largest groups, where no blocs are given")
    validation_share: float = Field(0.18, gt=0, lt=1, description="of the questions")
    test_share: float = Field(0.18, gt=0, lt=1, description="of the questions")
    template: str = Field("{question}\nAnswer:", description="what the policy reads of a question; answers follow it")
    least_gap: float = Field(0.02, ge=0, description="held-out pairs whose shares differ by less do not count")
    train_pairs: int = Field(8192, gt=0, description="pairs of answers that are labelled")
    policy: str = Field("scratch", min_length=1, description="scratch, or hub id or folder of a causal language model")
    max_tokens: int = Field(256, gt=8, description="of a question with an answer; a longer question is an error")
    tokens: Literal["words", "byte_pairs"] = Field("words", description="of a scratch policy; words are English ones")
    scratch: ScratchSettings = ScratchSettings(
        vocabulary=2000, width=128, layers=2, heads=4, feed_forward=256, dropout=0.0, epochs=4, batch_size=64
    )
    finetune: FineTuneSettings = FineTuneSettings(epochs=1, learning_rate=1e-5)

    @field_validator("template")
    @classmethod
    def _has_question(cls, value: str) -> str:
        if "{question}" not in value:
            raise ValueError("must contain {question}")
        return value

    @model_validator(mode="after")
    def _leaves_training(self) -> OpinionsSettings:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share must leave questions for training")
        return self
