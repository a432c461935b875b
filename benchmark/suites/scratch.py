"""A small reference policy and its tokenizer in one call, for suites that need no pretrained one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.core.graph import Progress
from benchmark.suites.policy_settings import ScratchSettings

if TYPE_CHECKING:
    from benchmark.suites.policies import Text

Tokens = Literal["words", "byte_pairs"]


def train_scratch(
    texts: Sequence[Text],
    held_out: Sequence[Text],
    settings: ScratchSettings,
    seed: int,
    folder: Path,
    progress: Progress,
    tokens: Tokens = "words",
    max_tokens: int = 128,
) -> None:
    """Train a tokenizer and a Llama-shaped policy on `texts`, and write the checkpoint into `folder`.

    Args:
        texts: what the policy learns to write; each is given by its parts, such as question and answer, whose tokens
            are joined.
        held_out: texts that its perplexity is measured on.
        settings: shape and training.
        seed: of weights and order.
        folder: where the checkpoint goes.
        progress: told of every step.
        tokens: words reads English words and cannot be turned back into the text, which suites of finite answers do not
            need; byte_pairs reads and writes any text.
        max_tokens: of a text, EOS included; what is longer is cut.
    """
    from benchmark.policies.encoding import train_tokenizer, train_words
    from benchmark.suites.policies import build_scratch

    parts = list(dict.fromkeys(part for text in texts for part in text))
    train = train_words if tokens == "words" else train_tokenizer
    build_scratch(train(parts, settings.vocabulary), settings, texts, held_out, max_tokens, seed, folder, progress)
