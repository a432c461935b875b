"""Scorers of answers: a prompt and an answer in, a raw reward per head out. What they read, and how it is cut."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import PreTrainedTokenizerBase

from benchmark.core.data import Floats, Ints
from benchmark.core.errors import UserError
from benchmark.policies.chat import DATE, HUMAN, PROMPT
from benchmark.scoring.batches import sorted_batches

ANSWER = "{answer}"

Features = dict[str, list[int]]  # of one text: its tokens, and what else a model reads beside them


class AnswerScorer(ABC):
    """A reward model of answers. heads: names of the numbers that it gives, in their order."""

    heads: tuple[str, ...]

    @abstractmethod
    def score(self, prompts: Sequence[str], answers: Sequence[str]) -> Floats:
        """Raw rewards of the answers, each beside its own prompt; shape [answers, heads]."""


@dataclass(frozen=True)
class AnswerFormat:
    """What a reward model reads.

    kind: `chat`, the tokenizer's chat template over a user's and an assistant's turn; or `pair`, two texts that the
    tokenizer joins. prompt, answer: the two texts of a pair, around `{prompt}` and `{answer}`.
    """

    kind: Literal["chat", "pair"]
    prompt: str = HUMAN
    answer: str = ANSWER

    def encode(
        self, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], answers: Sequence[str], max_tokens: int
    ) -> list[Features]:
        """Tokens of every text, at most `max_tokens`; says how many were cut.

        Raises:
            UserError: BOS stands twice at the beginning of a text.
        """
        if not len(prompts):
            return []
        tokenize = self._chat if self.kind == "chat" else self._pair
        rows = tokenize(tokenizer, prompts, answers, None)
        long = [number for number, row in enumerate(rows) if len(row["input_ids"]) > max_tokens]
        if long:
            warnings.warn(
                f"{len(long)} of {len(rows)} texts are longer than the {max_tokens} tokens that the reward model "
                "reads: the rest is cut, and not judged.",
                stacklevel=2,
            )
            cut = tokenize(tokenizer, [prompts[n] for n in long], [answers[n] for n in long], max_tokens)
            for number, row in zip(long, cut, strict=True):
                rows[number] = row
        bos = tokenizer.bos_token_id
        if bos is not None and rows[0]["input_ids"][:2] == [bos, bos]:
            raise UserError(f"the texts of a reward model begin with {tokenizer.bos_token!r} twice.")
        return rows

    def _chat(
        self, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], answers: Sequence[str], limit: int | None
    ) -> list[Features]:
        turns = [
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        cut: dict[str, Any] = {} if limit is None else {"truncation": True, "max_length": limit}
        rows: Any = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False, date_string=DATE, **cut)
        return [{"input_ids": list(row)} for row in rows]

    def _pair(
        self, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], answers: Sequence[str], limit: int | None
    ) -> list[Features]:
        first = [self.prompt.replace(PROMPT, prompt) for prompt in prompts]
        second = [self.answer.replace(ANSWER, answer) for answer in answers]
        cut: dict[str, Any] = {} if limit is None else {"truncation": True, "max_length": limit}
        encoded: Any = tokenizer(first, second, **cut)
        names = [name for name in encoded if name != "attention_mask"]
        return [{name: list(encoded[name][row]) for name in names} for row in range(len(first))]


def resolve_format(chosen: AnswerFormat | None, tokenizer: PreTrainedTokenizerBase, source: str) -> AnswerFormat:
    """The format in which a reward model is asked: the chosen one, else its chat template.

    Raises:
        UserError: it has no chat template, and is to be asked by one.
    """
    if (chosen is None or chosen.kind == "chat") and tokenizer.chat_template is None:
        raise UserError(
            f"the reward model {source!r} has no chat template, so it reads pairs of texts: name it as "
            f"{{model: {source}, format: pair}}, with prompt and answer where its texts differ from {HUMAN!r}."
        )
    return AnswerFormat("chat") if chosen is None else chosen


def batches(rows: Sequence[Features], pad_token_id: int, size: int) -> Iterator[tuple[Ints, dict[str, torch.Tensor]]]:
    """Rows of like length together, padded on the right: their numbers, and inputs of shape [rows, longest] with the
    attention mask."""
    for batch in sorted_batches([len(row["input_ids"]) for row in rows], size):
        longest = len(rows[batch[0]]["input_ids"])
        inputs: dict[str, torch.Tensor] = {}
        for name in rows[batch[0]]:
            fill = pad_token_id if name == "input_ids" else 0
            inputs[name] = torch.tensor([_filled(rows[row][name], longest, fill) for row in batch])
        lengths = torch.tensor([len(rows[row]["input_ids"]) for row in batch])
        inputs["attention_mask"] = (torch.arange(longest) < lengths[:, None]).long()
        yield batch, inputs


def unused_padding(rows: Sequence[Features], tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> int:
    """A token to pad with that ends no row: models find the last token of a text as the last one that is not padding.

    The tokenizer's own pad token where it can be used; where padding is the end-of-sequence token, it often cannot.
    """
    last = {row["input_ids"][-1] for row in rows}
    own = (tokenizer.pad_token_id, tokenizer.eos_token_id)
    return next(token for token in (*own, *range(vocabulary)) if token is not None and token not in last)


def _filled(row: list[int], length: int, fill: int) -> list[int]:
    return row + [fill] * (length - len(row))
