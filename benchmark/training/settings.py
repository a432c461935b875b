"""How preference training runs: one set of settings for every method, so that comparisons are fair."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from benchmark.core.resources import gpu_count
from benchmark.core.settings import Section

# Settings that leave the result alone.
HOW_TO_RUN = {"micro_batch_size", "gradient_checkpointing", "save_every", "share_prompt"}


class LoraSettings(Section):
    """Low-rank adapters of all linear layers (`training.lora.KEY`)."""

    rank: int = Field(64, gt=0)
    alpha: float = Field(64, gt=0, description="adapters are scaled by alpha / rank")


class TrainingSettings(Section):
    """Optimisation of the policy on preference pairs (`training.KEY` on the command line)."""

    epochs: float = Field(4, gt=0, description="passes over the pairs")
    batch_size: int = Field(64, gt=0, description="pairs per optimiser step, over all micro-batches and workers")
    micro_batch_size: int | None = Field(None, gt=0, description="pairs per forward pass; None: the whole batch")
    learning_rate: float = Field(5e-4, gt=0, description="peak learning rate of AdamW")
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = Field(
        "constant_with_warmup", description="learning-rate schedule after the warm-up"
    )
    warmup_steps: int = Field(10, ge=0, description="steps of linear warm-up")
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0, description="greatest gradient norm")
    checkpoints: int = Field(5, gt=0, description="evenly spaced along training, the last at its end; all evaluated")
    envelope_checkpoints: int | None = Field(
        None,
        gt=0,
        description="of plain DPO, whose policies make the envelope of all methods; None: as many as `checkpoints`",
    )
    attention: str | None = Field(
        None, description="transformers' attention (eager, sdpa, ...); None: its own choice, eager for exact penalties"
    )
    save_every: int | None = Field(None, gt=0, description="steps between full checkpoints that a stopped run resumes")
    share_prompt: bool = Field(
        False,
        description="compute the prompt once for both completions: the same gradients, faster where prompts are long; "
        "methods with an input penalty, which counts the prompt once per side, ignore it",
    )
    bf16: bool | Literal["auto"] = Field(
        False, description="bfloat16 autocast, which needs a GPU; auto: where there is one"
    )
    lora: LoraSettings | None = Field(
        None, description="train adapters, merged into the weights of every checkpoint; None: train all weights"
    )
    gradient_checkpointing: bool = Field(False, description="recompute activations to save memory")

    def of_method(self, name: str) -> TrainingSettings:
        """The settings of one method on this machine: alike for all, but for the number of checkpoints that plain DPO
        keeps."""
        own = self.envelope_checkpoints if name == "dpo" else None
        bf16 = gpu_count() > 0 if self.bf16 == "auto" else self.bf16
        kept = {"checkpoints": own or self.checkpoints, "envelope_checkpoints": None}
        return self.model_copy(update={**kept, "bf16": bf16})

    def identity(self) -> dict[str, Any]:
        """What decides the result, as JSON; adapters where there are any."""
        unused = {"lora"} if self.lora is None else set()
        return self.model_dump(exclude=HOW_TO_RUN | unused)

    @model_validator(mode="after")
    def _whole_micro_batches(self) -> TrainingSettings:
        if self.micro_batch_size and self.batch_size % self.micro_batch_size:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of micro_batch_size {self.micro_batch_size}")
        return self


def checkpoint_steps(total_steps: int, checkpoints: int) -> list[int]:
    """Steps after which the policy is kept: evenly spaced, distinct, the last one `total_steps`."""
    return sorted({max(1, round(total_steps * (i + 1) / checkpoints)) for i in range(checkpoints)})
