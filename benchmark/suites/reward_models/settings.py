"""Settings of the suite, `suite.KEY` on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.core.settings import Section
from benchmark.policies.chat import HUMAN, PROMPT, PromptFormat
from benchmark.suites.policy_settings import SCRATCH, FineTuneSettings, PolicySettings, ScratchSettings

ALL = "all"  # key of a judge that judges every objective
_NAME = re.compile(r"[A-Za-z][\w.-]*")
_TAKEN = {"split", "step", "sample", "prompt", "completion", "quality", "kl", "entropy", "length", "ended", ALL}


class ScorerSettings(Section):
    """One reward model, or one head of it."""

    model: str = Field(min_length=1, description="hub id or folder; HUB_ID#HEAD where it has several heads")
    format: Literal["chat", "pair"] | None = Field(None, description="what it reads; None: its chat template")
    prompt: str | None = Field(None, description="of a pair, the text around {prompt}; None: Anthropic's")
    answer: str | None = Field(None, description="of a pair, the text around {answer}; None: the answer alone")

    @property
    def source(self) -> str:
        """The checkpoint."""
        return self.model.partition("#")[0]

    @property
    def head(self) -> str | None:
        """Its head, where one is named."""
        return self.model.partition("#")[2] or None


class JudgeSettings(ScorerSettings):
    """A judge that labels never saw: a reward model, or a chat model behind a URL."""

    url: str | None = Field(None, description="where an OpenAI-compatible server answers; model is then its model")
    template: str = Field(
        "Rate the answer to the question from 1 to 10, where 10 is best. Reply with the number alone.\n\n"
        "Question: {prompt}\n\nAnswer: {answer}",
        description="what a judge behind a URL is asked",
    )
    low: float = Field(1.0, description="least number on its scale")
    high: float = Field(10.0, description="greatest number on its scale")
    key: str | None = Field(None, description="environment variable that holds the API key of the URL")
    cache: Path = Field(Path(".cache/prefshift-judge"), description="where replies of the URL are kept")


class PromptSettings(Section):
    """Where prompts come from (`suite.prompts.KEY`)."""

    source: str = Field("Anthropic/hh-rlhf", min_length=1, description="hub id, folder, or jsonl, csv or parquet file")
    config: str | None = Field(None, description="of a hub's data set")
    data_dir: str | None = Field(None, description="folder of a hub's data set that holds the files")
    revision: str | None = Field(None, description="of a hub's data set; None: its newest")
    column: str = Field("prompt", description="holds the user's turn")
    answer: str | None = Field(None, description="holds an answer; only training a policy on answers needs it")
    dialogue: bool = Field(
        False, description="the column holds dialogues as Anthropic's: prompt and answer are the first two turns"
    )
    train: str = Field("train", description="split of the data for training prompts")
    validation: str | None = Field(None, description="split for validation; None: a tenth of the training prompts")
    test: str | None = Field(None, description="split for the test; None: a tenth of the training prompts")


class RewardModelsSettings(PolicySettings):
    """Settings of the suite `reward_models`."""

    objectives: dict[str, ScorerSettings] = Field(
        {
            "helpful": ScorerSettings(model="Ray2333/gpt2-large-helpful-reward_model", format="pair"),
            "harmless": ScorerSettings(model="Ray2333/gpt2-large-harmless-reward_model", format="pair"),
        },
        min_length=1,
        description="reward models by a name of one's own, or a list of HUB_ID#HEAD; by default two are mixed",
    )
    gold: dict[str, JudgeSettings] = Field(
        {}, description=f"judges that labels never saw, by objective, or one for {ALL}; none: gold is missing"
    )
    policy: str = Field("gpt2", min_length=1, description="hub id or folder of a causal language model, or scratch")
    template: str | None = Field(
        None, description="the text around {prompt} that the policy reads; None: its chat template"
    )
    prompts: PromptSettings = PromptSettings(dialogue=True, column="chosen", test="test")
    candidates: int = Field(2, ge=2, description="completions per prompt; of more than 2 the best meets the worst")
    max_prompt_tokens: int = Field(512, gt=0, description="longer prompts are left out")
    max_new_tokens: int = Field(256, gt=0, description="tokens of a completion")
    train_prompts: int = Field(4000, gt=0, description="whose completions become training pairs")
    validation_prompts: int = Field(300, gt=0, description="by which controls and checkpoints are chosen")
    test_prompts: int = Field(300, gt=0, description="by which policies are judged")
    statistics_prompts: int = Field(1024, gt=0, description="training prompts whose completions standardise rewards")
    clip: float = Field(10.0, gt=0, description="standard deviations beyond which a reward counts no more")
    finetune: FineTuneSettings | None = Field(None, description="of the policy on answers; None: the policy as it is")
    scratch: ScratchSettings = ScratchSettings(dropout=0.0, epochs=3)

    @field_validator("objectives", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """A list of models and of {name: model} becomes a mapping; a model may be written as its id alone."""
        items = list(value.items()) if isinstance(value, Mapping) else []
        for item in [] if isinstance(value, Mapping) or not isinstance(value, list) else value:
            if isinstance(item, Mapping) and len(item) == 1:
                items += item.items()
            elif isinstance(item, str):
                items.append((_short(item), item))
            else:
                raise ValueError(f"an objective is HUB_ID#HEAD or {{name: {{model: HUB_ID, ...}}}}, got {item!r}")
        names = [name for name, _ in items]
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two objectives are named {', '.join(twice)}: give them names, as in {{name: HUB_ID}}")
        return {name: _with_model(item) for name, item in items} if items else value

    @field_validator("objectives")
    @classmethod
    def _usable_names(cls, value: dict[str, ScorerSettings]) -> dict[str, ScorerSettings]:
        for name in value:
            if not _NAME.fullmatch(name) or name in _TAKEN or name.startswith(("gold_", "gated_", "learned_")):
                raise ValueError(
                    f"an objective cannot be named {name!r}: a name has letters, digits, '-', '_' and '.', and is no "
                    "column of samples.parquet"
                )
        return value

    @field_validator("gold", mode="before")
    @classmethod
    def _for_all(cls, value: Any) -> Any:
        """One judge stands for all objectives."""
        if value is None:
            return {}
        if isinstance(value, str) or (isinstance(value, Mapping) and "model" in value):
            return {ALL: _with_model(value)}
        return {name: _with_model(item) for name, item in value.items()} if isinstance(value, Mapping) else value

    @field_validator("template")
    @classmethod
    def _has_prompt(cls, value: str | None) -> str | None:
        if value is not None and PROMPT not in value:
            raise ValueError(f"must contain {PROMPT}")
        return value

    @model_validator(mode="after")
    def _answers_where_needed(self) -> RewardModelsSettings:
        if not self.untouched and not (self.prompts.answer or self.prompts.dialogue):
            raise ValueError("a policy that learns from answers needs suite.prompts.answer, the column that holds them")
        strangers = [name for name in self.gold if name != ALL and name not in self.objectives]
        if strangers:
            raise ValueError(f"gold judges {', '.join(strangers)}: no objective. Allowed: {', '.join(self.objectives)}")
        return self

    @property
    def untouched(self) -> bool:
        """Whether the policy is taken as it is."""
        return self.policy != SCRATCH and self.finetune is None

    @property
    def prompt_format(self) -> PromptFormat:
        """How the policy reads a prompt; one from scratch has no chat template."""
        return PromptFormat(self.template or (HUMAN if self.policy == SCRATCH else None))

    @property
    def judges(self) -> dict[str, ScorerSettings]:
        """Who plays gold, by objective; an objective without a judge is not in it."""
        found = {name: self.gold.get(name, self.gold.get(ALL)) for name in self.objectives}
        return {name: judge for name, judge in found.items() if judge is not None}

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with its completion."""
        return self.max_prompt_tokens + self.max_new_tokens

    def count(self, split: str) -> int:
        """Prompts of a split."""
        prompts: int = getattr(self, f"{split}_prompts")
        return prompts


def _with_model(item: Any) -> Any:
    return {"model": item} if isinstance(item, str) else item


def _short(model: str) -> str:
    """The head, or the last part of the id."""
    source, _, head = model.partition("#")
    return head or source.rstrip("/").rpartition("/")[2]
