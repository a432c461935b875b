"""The word-level tokenizer of the grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.suites.grammar.language import WORDS, Sentence

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
VOCABULARY = {word: index for index, word in enumerate([*SPECIAL.values(), *WORDS])}


def sentence_tokens(sentence: Sentence) -> list[int]:
    """The tokens of a whole sentence, with the end-of-sequence token."""
    return [VOCABULARY[word] for word in (*sentence.opening, *sentence.rest, SPECIAL["eos_token"])]


def build_tokenizer(max_length: int) -> PreTrainedTokenizerFast:
    """One token per word and punctuation mark; no token is added at the start or the end of a text.

    Decoding puts spaces between words and none before punctuation, so sentences survive encoding and decoding.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel(VOCABULARY, unk_token=SPECIAL["unk_token"]))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    backend.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=max_length, clean_up_tokenization_spaces=False, **SPECIAL
    )
