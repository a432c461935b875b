"""Which tasks of lm-evaluation-harness are run, and how."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from benchmark.core.settings import Section

HOW_TO_EVALUATE = {"batch_size", "include_path"}  # where tasks lie and in what batches is not what they say
LONGEST = 4096  # tokens, where nothing else is set


class LmEvalSettings(Section):
    """Tasks that every policy is held to after its training (`eval.lm_eval.KEY`); none by default."""

    tasks: tuple[str, ...] = Field((), description="names of lm-eval's tasks and groups, and of your own")
    include_path: str | None = Field(None, description="folder with task files of your own (.yaml)")
    limit: int | None = Field(None, gt=0, description="first questions of every task alone; null: all")
    num_fewshot: int | None = Field(None, ge=0, description="examples before a question; null: as the task says")
    apply_chat_template: bool | None = Field(None, description="null: where the tokenizer has one")
    fewshot_as_multiturn: bool | None = Field(None, description="examples as turns of the chat; null: with a template")
    max_length: int | None = Field(
        None, gt=1, description=f"tokens of a prompt with its answer; null: the policy's positions, {LONGEST} at most"
    )
    batch_size: int = Field(16, gt=0, description="questions together, with transformers; vLLM sees to it itself")

    @field_validator("tasks", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("tasks")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if repeated := sorted({name for name in value if value.count(name) > 1}):
            raise ValueError(f"given twice: {', '.join(repeated)}")
        return value

    @model_validator(mode="after")
    def _turns_need_a_chat(self) -> LmEvalSettings:
        if self.fewshot_as_multiturn and self.apply_chat_template is False:
            raise ValueError("fewshot_as_multiturn=true needs the chat template, and apply_chat_template is false")
        return self

    def templated(self, tokenizer: Any) -> tuple[bool, bool]:
        """Whether prompts are turns of a chat, and whether the examples are turns of their own."""
        chat = self.apply_chat_template
        chat = getattr(tokenizer, "chat_template", None) is not None if chat is None else chat
        return chat, chat if self.fewshot_as_multiturn is None else chat and self.fewshot_as_multiturn

    def window(self, positions: int | None) -> int:
        """Tokens of a prompt with its answer, for a policy of so many positions (None: no limit)."""
        wanted = self.max_length or min(positions or LONGEST, LONGEST)
        return min(wanted, positions or wanted)
