"""Generation: one interface, whatever engine samples the tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data import Completions, Prompts

Progress = Callable[[int, int], None]  # (done, total), called now and then inside long stages


def silent(done: int, total: int) -> None:
    """Progress that is shown to nobody."""


@dataclass(frozen=True)
class Sampling:
    """How completions are sampled. temperature 0 is greedy; top_k 0 and top_p 1 switch truncation off."""

    max_new_tokens: int
    samples: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0


class Generator(ABC):
    """Samples completions from policies. One object may serve many policies; `close` frees what it holds."""

    name: str

    @abstractmethod
    def generate(
        self, policy: Path, prompts: Prompts, sampling: Sampling, progress: Progress = silent
    ) -> Completions:
        """`sampling.samples` completions of every prompt, ordered by prompt, then sample.

        Args:
            policy: folder of a transformers checkpoint with its tokenizer.
            prompts: prompts as tokens; what is generated continues exactly those tokens.
            sampling: the settings; the same settings and seed give the same completions on the same machine.
            progress: called with (prompts done, prompts in all).

        Raises:
            UserError: the checkpoint is incomplete, does not fit its config, or has no pad token.
        """

    def close(self) -> None:
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
