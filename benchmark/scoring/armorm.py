"""ArmoRM (Wang et al., arXiv:2406.12845): 19 objectives read at the last token, and a score gated by the prompt.

Written over transformers' Llama, since the checkpoint's own code needs a name that transformers 5 no longer has. The
names of its tensors are those of the checkpoint.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, LlamaModel, LlamaPreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from benchmark.policies.checkpoints import SMALL_FILES, fetch
from benchmark.scoring.answers import AnswerFormat, AnswerScorer, batches, resolve_format
from benchmark.scoring.sequence_classification import (
    check_complete,
    check_length,
    device,
    fetch_whole,
    precision,
)
from benchmark.scoring.transformer import longest_text

ARCHITECTURE = "LlamaForRewardModelWithGating"
SCORE = "score"
OBJECTIVES = (
    "helpsteer-helpfulness",
    "helpsteer-correctness",
    "helpsteer-coherence",
    "helpsteer-complexity",
    "helpsteer-verbosity",
    "ultrafeedback-overall_score",
    "ultrafeedback-instruction_following",
    "ultrafeedback-truthfulness",
    "ultrafeedback-honesty",
    "ultrafeedback-helpfulness",
    "beavertails-is_safe",
    "prometheus-score",
    "argilla-overall_quality",
    "argilla-judge_lm",
    "code-complexity",
    "code-style",
    "code-explanation",
    "code-instruction-following",
    "code-readability",
)
HEADS = (*OBJECTIVES, SCORE)
TURN = (128009, 128006, 78191, 128007, 271)  # end of the user's turn, header of the assistant's: what the gate reads at
BATCH = 8


@dataclass(frozen=True)
class ArmoRMOutput:
    """rewards: shape [texts, 19]; gate: what each counts, shape [texts, 19]; score: their gated sum, shape [texts]."""

    rewards: Tensor
    gate: Tensor
    score: Tensor


class Gating(nn.Module):
    """From the state at the end of the prompt to what every objective counts: softmax(MLP(h) / temperature), scaled."""

    def __init__(self, width: int, objectives: int, hidden: int, depth: int, temperature: float) -> None:
        super().__init__()
        widths = [width, *[hidden] * depth, objectives]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.logit_scale = nn.Parameter(torch.ones(1))
        self.temperature = temperature

    def forward(self, states: Tensor) -> Tensor:
        """Weights of shape [texts, objectives] from states of shape [texts, width]."""
        *hidden, last = self.layers
        for layer in hidden:
            states = torch.relu(layer(states))
        return torch.softmax(last(states) / self.temperature, dim=1) * self.logit_scale[0]


class ArmoRMModel(LlamaPreTrainedModel):
    """The network; rewards and gate are computed in float32, whatever the body's type."""

    _keep_in_fp32_modules_strict = ["regression_layer", "gating", "reward_transform_matrix"]  # noqa: RUF012 - theirs

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        objectives = config.num_objectives
        self.model = LlamaModel(config)
        self.regression_layer = nn.Linear(config.hidden_size, objectives, bias=False)
        self.gating = Gating(
            config.hidden_size, objectives, config.gating_hidden_dim, config.gating_n_hidden, config.gating_temperature
        )
        self.reward_transform_matrix = nn.Parameter(torch.eye(objectives))
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor, turn: Tensor) -> ArmoRMOutput:
        """Judge conversations.

        Args:
            input_ids: padded on the right, shape [texts, tokens].
            attention_mask: 1 at tokens, 0 at padding, same shape.
            turn: where the last occurrence of `TURN` begins in each text, shape [texts].
        """
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        texts = torch.arange(len(input_ids), device=input_ids.device)
        rewards = self.regression_layer(states[texts, attention_mask.sum(dim=1) - 1])
        gate = self.gating(states[texts, turn])
        return ArmoRMOutput(rewards, gate, (gate * (rewards @ self.reward_transform_matrix)).sum(dim=1))


def last_turn(tokens: Sequence[int]) -> int:
    """Where the last occurrence of `TURN` begins.

    Raises:
        UserError: it does not occur, as where a prompt is longer than what is read.
    """
    for start in range(len(tokens) - len(TURN), -1, -1):
        if tuple(tokens[start : start + len(TURN)]) == TURN:
            return start
    raise UserError(
        "a text has no assistant's turn as Llama 3 writes it, so ArmoRM's gate has nothing to read: the prompt is too "
        "long (suite.max_prompt_tokens), or the checkpoint has another chat template."
    )


class ArmoRM(AnswerScorer):
    """The 19 objectives by name, and `score`."""

    heads = HEADS

    def __init__(self, model: ArmoRMModel, tokenizer: Tokenizer, max_tokens: int, batch_size: int = BATCH) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.max_tokens = min(max_tokens, longest_text(model.config, tokenizer))
        self.batch_size = batch_size

    @classmethod
    def load(cls, source: str, max_tokens: int, dtype: torch.dtype | None = None) -> ArmoRM:
        """Read a checkpoint; see `SequenceClassifier.load`."""
        folder = fetch_whole(source)
        loaded: Any = ArmoRMModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=dtype or precision()
        )
        model, info = loaded
        check_complete(source, info)
        return cls(model.to(device()), AutoTokenizer.from_pretrained(folder, local_files_only=True), max_tokens)

    @torch.inference_mode()
    def judge(self, prompts: Sequence[str], answers: Sequence[str]) -> ArmoRMOutput:
        """Rewards, gate and score of the answers, in their order, on the CPU."""
        rows = AnswerFormat("chat").encode(self.tokenizer, prompts, answers, self.max_tokens)
        turns = torch.tensor([last_turn(row["input_ids"]) for row in rows], dtype=torch.int64)
        count = len(OBJECTIVES)
        rewards, gate, score = torch.empty(len(rows), count), torch.empty(len(rows), count), torch.empty(len(rows))
        for batch, inputs in batches(rows, self.model.config.pad_token_id or 0, self.batch_size):
            moved = {name: tensor.to(self.model.device) for name, tensor in inputs.items()}
            output = self.model(**moved, turn=turns[batch].to(self.model.device))
            rewards[batch], gate[batch] = output.rewards.cpu(), output.gate.cpu()
            score[batch] = output.score.cpu()
        return ArmoRMOutput(rewards, gate, score)

    def score(self, prompts: Sequence[str], answers: Sequence[str]) -> Floats:
        """The 19 rewards and the score, shape [answers, 20]."""
        output = self.judge(prompts, answers)
        return np.column_stack([output.rewards.double().numpy(), output.score.double().numpy()])


def is_armorm(source: str) -> bool:
    """Whether a checkpoint is an ArmoRM, by its config; a UserError where it cannot be had."""
    folder = fetch(source, SMALL_FILES)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the reward model {source!r} cannot be read: {str(error).splitlines()[0]}") from error
    return ARCHITECTURE in (config.architectures or [])


def check_armorm(source: str, text_tokens: int) -> tuple[str, ...]:
    """Look at a checkpoint before anything runs, by its small files; returns its heads.

    Raises:
        UserError: another number of objectives, no chat template of Llama 3, or too few positions.
    """
    folder = fetch(source, SMALL_FILES)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if config.num_objectives != len(OBJECTIVES):
        raise UserError(f"{source!r} has {config.num_objectives} objectives; ArmoRM has {len(OBJECTIVES)}.")
    resolve_format(None, tokenizer, source)
    (row,) = AnswerFormat("chat").encode(tokenizer, ["a"], ["b"], text_tokens)
    last_turn(row["input_ids"])
    check_length(source, longest_text(config, tokenizer), text_tokens)
    return HEADS
