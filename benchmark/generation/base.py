"""Generation: one interface, whatever engine samples the tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Completions, Prompts
from benchmark.core.errors import UserError
from benchmark.core.graph import Progress, silent
from benchmark.policies.sizes import context_length

CPU_HEAD_DIMENSIONS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)  # vLLM fails at others' first forward pass


@dataclass(frozen=True)
class Sampling:
    """How completions are sampled. temperature 0 is greedy; top_k 0 and top_p 1 switch truncation off.

    Raises:
        UserError: a setting outside its range.
    """

    max_new_tokens: int
    samples: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        allowed = {
            "max_new_tokens": (self.max_new_tokens >= 1, "at least 1"),
            "samples": (self.samples >= 1, "at least 1"),
            "temperature": (self.temperature >= 0, "at least 0"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "top_k": (self.top_k >= 0, "at least 0 (0: off)"),
        }
        for name, (holds, range_) in allowed.items():
            if not holds:
                raise UserError(f"sampling: {name} must be {range_}, got {getattr(self, name)}.")


class Generator(ABC):
    """Samples completions from policies. One object may serve many policies; `close` frees what it holds."""

    name: str

    @abstractmethod
    def generate(self, policy: Path, prompts: Prompts, sampling: Sampling, progress: Progress = silent) -> Completions:
        """`sampling.samples` completions of every prompt, ordered by prompt, then sample.

        Args:
            policy: folder of a transformers checkpoint with its tokenizer.
            prompts: prompts as tokens; what is generated continues exactly those tokens.
            sampling: the settings; the same settings and seed give the same completions on the same machine.
            progress: called with (prompts done, prompts in all).

        Raises:
            UserError: the checkpoint is incomplete, does not fit its config, or has no pad token; a prompt is empty
                or too long for the policy.
        """

    @abstractmethod
    def lend(self, policy: Path, length: int, borrower: Callable[..., Any], /, **arguments: Any) -> Any:
        """`borrower(model, **arguments)` with what generates here: a transformers model, or vLLM's engine in its own
        process, to which borrower and arguments are sent, and the answer back. It must leave the weights as they are.

        Args:
            policy: folder of a checkpoint, whose weights the model has.
            length: tokens of the longest sequence that the borrower passes through it.
            borrower: a function of a module.
            arguments: of the borrower.
        """

    def close(self) -> None:  # noqa: B027 - most backends would have nothing to do here
        """Free the engine. The object may be used again; it then starts anew."""

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def repeat_prompts(prompts: Prompts, samples: int) -> tuple[list[int], list[int], Sequence[Sequence[int]]]:
    """Row, sample number and tokens of every completion to make, ordered by prompt, then sample."""
    rows = [row for row in range(len(prompts)) for _ in range(samples)]
    numbers = [number for _ in range(len(prompts)) for number in range(samples)]
    return rows, numbers, [prompts.tokens[row] for row in rows]


def longest_sequence(prompts: Prompts, sampling: Sampling, config: Any) -> int:
    """Tokens of the longest prompt and its completion together (0 without prompts).

    Args:
        prompts: what is to be continued.
        sampling: how far.
        config: the policy's transformers config.

    Raises:
        UserError: a prompt is empty, or the policy has fewer positions than that.
    """
    for name, tokens in zip(prompts.ids, prompts.tokens, strict=True):
        if not len(tokens):
            raise UserError(f"prompt {name!r} is empty: a policy needs at least one token to continue.")
    longest = max((len(tokens) for tokens in prompts.tokens), default=-sampling.max_new_tokens)
    length, positions = longest + sampling.max_new_tokens, context_length(config)
    if positions is not None and length > positions:
        raise UserError(
            f"the longest prompt has {longest} tokens and {sampling.max_new_tokens} are to follow, but the policy "
            f"has {positions} positions: shorten the prompts or lower max_new_tokens."
        )
    return length


def as_completions(
    prompts: Prompts, sampling: Sampling, tokens: list[list[int]], ends: Sequence[int], tokenizer: Any
) -> Completions:
    """Completions from generated tokens, which are ordered as `repeat_prompts` orders them.

    Args:
        prompts: what was continued.
        sampling: with which settings.
        tokens: of every completion, with the end token where one was generated.
        ends: ids that end a completion.
        tokenizer: the policy's, to decode with; special tokens are left out of the text.
    """
    rows, numbers, _ = repeat_prompts(prompts, sampling.samples)
    ended = [bool(row) and row[-1] in ends for row in tokens]
    texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    return Completions(
        np.asarray(rows, dtype=np.int64),
        np.asarray(numbers, dtype=np.int64),
        tokens,
        np.asarray(ended, dtype=bool),
        texts,
    )
