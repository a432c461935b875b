"""Settings of the suite, `suite.KEY` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from benchmark.core.settings import Section
from benchmark.suites.common import SuiteSettings
from benchmark.suites.emotion.data import HUB_REVISION
from benchmark.suites.policy_settings import SCRATCH, FineTuneSettings, ScratchSettings

TRANSFORMER = "transformer:"


class ConvolutionSettings(Section):
    """A convolutional reward model or judge (`suite.convolution.KEY`)."""

    copies: int = Field(default=4, gt=0, description="concatenated training texts per text of its half of the data")
    epochs: int = Field(default=3, gt=0)
    batch_size: int = Field(default=64, gt=0, description="texts per step")
    learning_rate: float = Field(default=5e-3, gt=0)
    embedding_width: int = Field(default=64, gt=0)
    channels: int = Field(default=96, gt=0)


class TransformerSettings(Section):
    """A pretrained reward model (`suite.transformer.KEY`); the optimisation is that of arXiv:2502.01930."""

    copies: int = Field(default=1, gt=0, description="concatenated training texts per text of its half of the data")
    epochs: float = Field(default=8, gt=0)
    batch_size: int = Field(default=64, gt=0, description="texts per step")
    learning_rate: float = Field(default=5e-5, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    max_tokens: int = Field(
        default=256, gt=0, description="of a text, the rest is cut; a model with fewer positions cuts there"
    )


class LinearSettings(Section):
    """The linear judge (`suite.linear.KEY`)."""

    copies: int = Field(default=4, gt=0, description="concatenated training texts per text of its half of the data")
    inverse_penalty: float = Field(default=0.1, gt=0, description="C of the logistic regressions")
    least_count: int = Field(default=2, gt=0, description="texts in which a word or word pair must occur")


class EmotionSettings(SuiteSettings):
    """Settings of the suite `emotion`. Defaults follow arXiv:2502.01930, Experiment 1."""

    data_dir: Path | None = Field(
        default=None, description="folder with train.txt, validation.txt and test.txt; None: the hub"
    )
    revision: str = Field(default=HUB_REVISION, min_length=1, description="of the data set on the hub")
    policy: str = Field(
        default="gpt2", min_length=1, description="hub id or folder of a causal language model, or scratch"
    )
    reward_model: str = Field(
        default="auto",
        description="convolution, transformer:HUB_ID_OR_FOLDER, or auto: convolution beside a scratch policy, "
        "else transformer:POLICY",
    )
    judge: Literal["linear", "convolution"] = Field(
        default="linear", description="plays gold; trained on the other half of the data"
    )
    reward_scale: Literal["sigmoid", "logit"] = Field(
        default="sigmoid", description="probability, or log-odds clipped to +-10"
    )
    prompt_tokens: int = Field(default=4, gt=0, description="a prompt is so many first tokens of a text that has more")
    max_tokens: int = Field(default=68, gt=1, description="tokens of a training text of the policy, EOS included")
    max_new_tokens: int = Field(default=64, gt=0, description="tokens of a completion")
    train_prompts: int = Field(default=4000, gt=0, description="prompts of training pairs")
    validation_prompts: int = Field(default=500, gt=0, description="prompts on which checkpoints are chosen")
    test_prompts: int = Field(default=500, gt=0, description="prompts on which results stand")
    scratch: ScratchSettings = ScratchSettings()
    finetune: FineTuneSettings = FineTuneSettings()
    convolution: ConvolutionSettings = ConvolutionSettings()
    transformer: TransformerSettings = TransformerSettings()
    linear: LinearSettings = LinearSettings()

    @model_validator(mode="after")
    def _known_reward_model(self) -> EmotionSettings:
        kind = self.reward_model
        if kind not in ("auto", "convolution") and not (kind.startswith(TRANSFORMER) and kind != TRANSFORMER):
            raise ValueError(f"reward_model must be auto, convolution or {TRANSFORMER}HUB_ID_OR_FOLDER, got {kind!r}")
        return self

    @model_validator(mode="after")
    def _reward_model_reads_completions_whole(self) -> EmotionSettings:
        longest = self.prompt_tokens + self.max_new_tokens
        if self.reward_model_kind.startswith(TRANSFORMER) and self.transformer.max_tokens < longest:
            raise ValueError(
                f"transformer.max_tokens must be at least prompt_tokens + max_new_tokens = {longest}, or the reward "
                f"model would not read completions to their end; got {self.transformer.max_tokens}"
            )
        return self

    @property
    def reward_model_kind(self) -> str:
        """`reward_model` with `auto` resolved: `convolution` or `transformer:SOURCE`."""
        if self.reward_model != "auto":
            return self.reward_model
        return "convolution" if self.policy == SCRATCH else TRANSFORMER + self.policy
