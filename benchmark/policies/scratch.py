"""Small Llama-shaped policies with random weights, for suites that train theirs from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import UserError

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

HEAD_DIMENSIONS = (32, 64)


@dataclass(frozen=True)
class ScratchPolicy:
    """The shape of a policy. Input and output embeddings are one matrix.

    width: of the residual stream; feed_forward: of the gated MLP; max_length: tokens of prompt and completion.
    rms_norm_eps: 1e-2, not the usual 1e-6. Embeddings of rare tokens stay small, and the first norm then amplifies
        every change of them by up to 1 / sqrt(eps): at 1e-6 the input gradients that WDPO needs explode.
    initializer_range: standard deviation of the initial weights. Where it is much below sqrt(rms_norm_eps), the norms
        damp the embeddings and learning starts slowly: a width of 64 learns about twice as fast from 0.08 as from 0.02.
    attention_dropout: of attention weights while training; 0 keeps the fused attention kernel.

    Raises:
        UserError: `width / heads` is not 32 or 64, the sizes that vLLM's CPU attention and this project share; or a
            size is not positive.
    """

    vocab_size: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    max_length: int = 256
    rms_norm_eps: float = 1e-2
    initializer_range: float = 0.02
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_shape(self.width, self.heads)
        for name in ("vocab_size", "layers", "feed_forward", "max_length"):
            if getattr(self, name) < 1:
                raise UserError(f"a policy's {name} must be at least 1, got {getattr(self, name)}.")


def check_shape(width: int, heads: int) -> None:
    """Raise a UserError unless every attention head has a dimension of `HEAD_DIMENSIONS`."""
    if heads < 1 or width not in (size * heads for size in HEAD_DIMENSIONS):
        allowed = " or ".join(str(size) for size in HEAD_DIMENSIONS)
        raise UserError(
            f"a policy of width {width} with {heads} heads: width / heads must be {allowed}, "
            "the head dimensions that both backends serve."
        )


def build_scratch_policy(shape: ScratchPolicy, tokenizer: PreTrainedTokenizerBase, seed: int) -> LlamaForCausalLM:
    """A model of `shape` in fp32 with weights drawn from `seed`; torch's own random state is left as it was.

    Raises:
        UserError: the tokenizer lacks a pad or EOS token, they are one, or it has more tokens than the model.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    _check_tokenizer(shape, tokenizer)
    config = LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.width,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.max_length,
        rms_norm_eps=shape.rms_norm_eps,
        tie_word_embeddings=True,
        attention_dropout=shape.attention_dropout,
        initializer_range=shape.initializer_range,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def _check_tokenizer(shape: ScratchPolicy, tokenizer: PreTrainedTokenizerBase) -> None:
    if tokenizer.pad_token_id is None or tokenizer.eos_token_id is None:
        raise UserError("the tokenizer of a policy must have a pad token and an end-of-sequence token.")
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise UserError("pad and end-of-sequence are one token: the policy could never learn to stop.")
    if len(tokenizer) > shape.vocab_size:
        raise UserError(f"the tokenizer has {len(tokenizer)} tokens, the policy only {shape.vocab_size}.")
