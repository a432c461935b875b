"""Prompts of policies that converse: a user's turn as the tokens that the policy continues.

A chat template holds all special tokens, so nothing is added to what it renders. Policies without one, such as GPT-2,
are given the text around a prompt, and the tokens that their tokenizer puts before every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from benchmark.core.errors import UserError
from benchmark.policies.checkpoints import opening
from benchmark.policies.encoding import encode_texts

PROMPT = "{prompt}"
HUMAN = f"\n\nHuman: {PROMPT}\n\nAssistant:"  # of Anthropic's dialogues, and of the reward models trained on them
DATE = "26 Jul 2024"  # Llama 3.1 and later would put in the day of the run: prompts would change overnight
_QUESTION, _ANSWER = "Which way is it?", "To the left."


def render(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], answers: Sequence[str] | None = None
) -> list[list[int]]:
    """Tokens of conversations by the tokenizer's own chat template.

    Args:
        tokenizer: with a chat template.
        prompts: the user's turns.
        answers: the assistant's; None: the conversation ends where the assistant is to begin.
    """
    if not len(prompts):
        return []
    turns = [[{"role": "user", "content": prompt}] for prompt in prompts]
    if answers is not None:
        for turn, answer in zip(turns, answers, strict=True):
            turn.append({"role": "assistant", "content": answer})
    rows: Any = tokenizer.apply_chat_template(
        turns, add_generation_prompt=answers is None, tokenize=True, return_dict=False, date_string=DATE
    )
    return [list(map(int, row)) for row in rows]


@dataclass(frozen=True)
class PromptFormat:
    """How a policy reads a prompt. template: the text around `{prompt}`; None: the tokenizer's chat template."""

    template: str | None = None

    def prompts(self, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]) -> list[list[int]]:
        """Tokens up to where the answer begins; BOS at most once."""
        if self.template is None:
            return render(tokenizer, prompts)
        start = opening(tokenizer)
        return [[*start, *row] for row in encode_texts(tokenizer, [self._text(prompt) for prompt in prompts])]

    def answers(
        self, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], answers: Sequence[str]
    ) -> list[list[int]]:
        """Tokens of the answers as they follow the prompts, each with one end-of-sequence token at its end."""
        end = tokenizer.eos_token_id
        if self.template is not None:
            return [[*row, end] for row in encode_texts(tokenizer, [f" {answer}" for answer in answers])]
        before, whole = render(tokenizer, prompts), render(tokenizer, prompts, answers)
        rows = [row[len(prompt) :] for prompt, row in zip(before, whole, strict=True)]
        return [row[: row.index(end) + 1] for row in rows]

    def check(self, tokenizer: PreTrainedTokenizerBase, source: str) -> None:
        """Make sure that a policy can be asked in this format.

        Args:
            tokenizer: the policy's.
            source: how the message names the policy.

        Raises:
            UserError: no chat template and none given; a template that fails, that renders a prompt differently alone
                than inside a conversation, that writes BOS twice, or that does not end an answer with one
                end-of-sequence token.
        """
        if self.template is None and tokenizer.chat_template is None:
            raise UserError(
                f"{source!r} has no chat template. Take an instruct model, or give the text around a prompt: "
                '--set suite.template="\\n\\nHuman: {prompt}\\n\\nAssistant:".'
            )
        prompt = self._checked(tokenizer, source)
        bos = tokenizer.bos_token_id
        twice = prompt[:2] == [bos, bos] or (bos != tokenizer.eos_token_id and prompt.count(bos) > 1)
        if bos is not None and twice:
            raise UserError(f"the prompt format of {source!r} writes {tokenizer.bos_token!r} twice before a prompt.")

    def _checked(self, tokenizer: PreTrainedTokenizerBase, source: str) -> list[int]:
        """The tokens of a question, for which the template was tried alone and with an answer."""
        if self.template is not None:
            return self.prompts(tokenizer, [_QUESTION])[0]
        try:
            (alone,), (whole,) = render(tokenizer, [_QUESTION]), render(tokenizer, [_QUESTION], [_ANSWER])
        except Exception as error:  # a template is a program of its own and may raise anything
            raise UserError(f"the chat template of {source!r} fails: {type(error).__name__}: {error}") from error
        if whole[: len(alone)] != alone:
            raise UserError(
                f"the chat template of {source!r} renders a prompt differently alone than inside a conversation: "
                f"{tokenizer.decode(alone)!r} does not begin {tokenizer.decode(whole)!r}. What is trained would not be "
                "what is asked. Give a template of your own: --set suite.template=…"
            )
        ends = whole[len(alone) :].count(tokenizer.eos_token_id)
        if ends != 1:
            raise UserError(
                f"the chat template of {source!r} writes the end-of-sequence token {tokenizer.eos_token!r} {ends} "
                "times in an answer, and once is expected: its tokenizer_config.json names another eos_token than the "
                "template uses."
            )
        return alone

    def _text(self, prompt: str) -> str:
        assert self.template is not None
        return self.template.replace(PROMPT, prompt)
