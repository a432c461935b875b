"""Settings of the `grammar` suite."""

from __future__ import annotations

from pydantic import Field, model_validator

from benchmark.core.errors import UserError
from benchmark.policies.scratch import check_shape
from benchmark.suites.common import SuiteSettings
from benchmark.suites.grammar.language import LONGEST_OPENING, LONGEST_REST

POLICY_FIELDS = (
    "policy_sentences",
    "policy_epochs",
    "policy_batch",
    "policy_learning_rate",
    "policy_warmup_steps",
    "policy_width",
    "policy_layers",
    "policy_heads",
    "policy_feed_forward",
    "policy_initializer_range",
)
REWARD_FIELDS = (
    "reward_sentences",
    "reward_epochs",
    "reward_batch",
    "reward_learning_rate",
    "reward_width",
    "reward_channels",
    "reward_seed",
)
MAX_LENGTH = 128  # tokens that a policy can hold; the longest sentence needs fewer than 30


class GrammarSettings(SuiteSettings):
    """Sizes of the policy, the reward model and the prompt sets (`suite.KEY`)."""

    policy_sentences: int = Field(64_000, gt=0, description="sampled sentences that the policy is trained on")
    policy_epochs: float = Field(1.0, gt=0, description="passes over them")
    policy_batch: int = Field(64, gt=0, description="sentences per step")
    policy_learning_rate: float = Field(1e-2, gt=0, description="AdamW's step after warm-up; falls linearly to 0")
    policy_warmup_steps: int = Field(40, ge=0, description="in which the step rises from 0")
    policy_width: int = Field(64, gt=0, description="of the residual stream; width / heads must be 32 or 64")
    policy_layers: int = Field(2, gt=0, description="of attention and MLP")
    policy_heads: int = Field(2, gt=0, description="of attention, per layer")
    policy_feed_forward: int = Field(128, gt=0, description="width of the gated MLP")
    policy_initializer_range: float = Field(
        0.08, gt=0, description="standard deviation of initial weights; about 1 / sqrt(width) learns fastest here"
    )
    reward_sentences: int = Field(12_000, gt=0, description="labelled sentences; fewer make annotators err more")
    reward_epochs: int = Field(4, gt=0, description="passes over them")
    reward_batch: int = Field(64, gt=0, description="sentences per step")
    reward_learning_rate: float = Field(5e-3, gt=0, description="AdamW's step")
    reward_width: int = Field(32, gt=0, description="of the reward model's word embeddings")
    reward_channels: int = Field(48, gt=0, description="filters of the reward model's convolution")
    reward_seed: int = Field(0, ge=0, description="of the labelled sentences and of the reward model's weights")
    train_prompts: int = Field(2048, gt=0, le=20_000, description="prompts of training pairs")
    validation_prompts: int = Field(200, gt=0, le=5_000, description="prompts on which checkpoints are chosen")
    test_prompts: int = Field(400, gt=0, le=5_000, description="prompts on which results stand")
    max_new_tokens: int = Field(
        24,
        gt=LONGEST_REST,
        le=MAX_LENGTH - LONGEST_OPENING,
        description=f"of a completion; the longest sentence needs {LONGEST_REST} and the end-of-sequence token",
    )

    @model_validator(mode="after")
    def _shape_is_served(self) -> GrammarSettings:
        try:
            check_shape(self.policy_width, self.policy_heads)
        except UserError as error:
            raise ValueError(f"policy_width, policy_heads: {error}") from None
        return self
