"""From a batch of token rows to the log-probabilities of its completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods import PairBatch

FUSED_HEAD_VOCABULARY = 8192  # above this many tokens, TRL's fused head is faster and far smaller than plain logits
IGNORE = -100


@dataclass(frozen=True)
class Forward:
    """One forward pass: the pairs, and the embeddings they came from where their gradient is wanted."""

    batch: PairBatch
    embeddings: Tensor | None  # [2 pairs, width, model width], chosen rows first


def forward_pairs(
    model: Any, inputs: dict[str, Any], embedding_layer: Any | None = None, shift: Tensor | None = None
) -> Forward:
    """Run the policy over a batch of `PairCollator`.

    Args:
        model: a causal language model, whose forward TRL's trainer has given the `fused_lm_head` option.
        inputs: the batch.
        embedding_layer: the model's input embeddings, to be able to differentiate by their output; None: not wanted.
        shift: added to the embeddings, of their shape.
    """
    ids, mask = inputs["input_ids"], inputs["completion_mask"]
    embeddings = None if embedding_layer is None else _embed(embedding_layer, ids, shift)
    tokens = {"input_ids": ids} if embeddings is None else {"inputs_embeds": embeddings}
    labels = ids.masked_fill(~mask, IGNORE)
    logps = _sequence_logps(model, tokens, labels, inputs["first_completion"])
    chosen, rejected = logps.chunk(2)
    chosen_lengths, rejected_lengths = mask.sum(1).chunk(2)
    batch = pair_batch(inputs, chosen, rejected, chosen_lengths, rejected_lengths)
    return Forward(batch, embeddings)


def pair_batch(
    inputs: dict[str, Any], chosen: Tensor, rejected: Tensor, chosen_lengths: Tensor, rejected_lengths: Tensor
) -> PairBatch:
    """What a method sees: log-probabilities and completion lengths, shape [pairs], beside the batch's own columns."""
    return PairBatch(
        chosen_logps=chosen,
        rejected_logps=rejected,
        ref_chosen_logps=inputs["ref_chosen_logps"],
        ref_rejected_logps=inputs["ref_rejected_logps"],
        chosen_lengths=chosen_lengths.to(chosen.dtype),
        rejected_lengths=rejected_lengths.to(chosen.dtype),
        groups=inputs.get("groups"),
        margins=inputs.get("margins"),
        times=inputs.get("times"),
    )


def _embed(layer: Any, ids: Tensor, shift: Tensor | None) -> Tensor:
    embeddings: Tensor = layer(ids)
    if not embeddings.requires_grad and torch.is_grad_enabled():  # a frozen table, as under PEFT
        embeddings.requires_grad_()
    return embeddings if shift is None else embeddings + shift


def _sequence_logps(model: Any, tokens: dict[str, Tensor], labels: Tensor, first_completion: int) -> Tensor:
    """Sum of log pi over the labelled tokens of each row, shape [rows], in nats."""
    twice_differentiable = "inputs_embeds" in tokens  # which the fused head is not
    policy = getattr(model, "module", model)  # data-parallel training wraps it
    if policy.config.get_text_config().vocab_size > FUSED_HEAD_VOCABULARY and not twice_differentiable:
        output = model(**tokens, labels=labels, fused_lm_head=True, use_cache=False)
        fused: Tensor = output.log_probs.float().sum(1)
        return fused
    # The position before the first completion token predicts it; nothing earlier is a label, so no logits are made.
    positions = torch.arange(first_completion - 1, labels.shape[1] - 1, device=labels.device)
    logits = model(**tokens, use_cache=False, logits_to_keep=positions).logits
    targets = labels[:, positions + 1]
    scores = at_least_float32(logits).flatten(0, 1)
    losses = cross_entropy(scores, targets.flatten(), ignore_index=IGNORE, reduction="none")
    return -losses.view_as(targets).sum(1)


def squared_input_gradients(losses: Tensor, embeddings: Tensor, differentiable: bool) -> Tensor:
    """||d l_i / d embeddings_i||^2 summed over tokens, dimensions and both completions, shape [pairs].

    Args:
        losses: per pair, shape [pairs]; pair i depends on rows i and i + pairs of `embeddings` alone.
        embeddings: output of the embedding layer, shape [2 pairs, width, model width].
        differentiable: keep the graph, so that the norms can be differentiated by the parameters (double backward).
    """
    (gradient,) = torch.autograd.grad(losses.sum(), embeddings, create_graph=differentiable)
    chosen, rejected = at_least_float32(gradient).pow(2).sum((1, 2)).chunk(2)
    return chosen + rejected


def at_least_float32(tensor: Tensor) -> Tensor:
    """float32 where the type is narrower."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
