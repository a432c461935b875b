"""A tiny policy and its pairs, on which a method takes real steps of the real trainer."""

from __future__ import annotations

import copy
import gc
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback

from benchmark.contract.batches import GROUPS
from benchmark.contract.examples import OBJECTIVES
from benchmark.contract.workers import Gradients, TwoWorkers
from benchmark.core.data import Pairs, Prompts, write_table
from benchmark.policies.checkpoints import save_policy
from benchmark.policies.logprobs import completion_logps
from benchmark.training.batch import PairCollator, ReferenceLogps
from benchmark.training.pairwise import attention_for
from benchmark.training.settings import TrainingSettings
from benchmark.training.trainer import PreferenceTrainer, trainer_config
from methods import PairwiseMethod

PAIRS, VOCABULARY, PAD = 64, 24, 0


class Lab:
    """The tiny world of one contract run; what several checks need is made once.

    folder: for trainers and checkpoints; a temporary one, removed by `close`, where none is given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="prefshift-contract-") if folder is None else None
        self.folder = folder or Path(self._temporary.name)  # type: ignore[union-attr]
        self.workers = TwoWorkers(self.folder)
        self._steps: dict[str, Gradients] = {}
        gc.freeze()  # every trainer starts by collecting garbage: among all modules that is most of a tiny run's time

    def close(self) -> None:
        """End the workers and remove what was written."""
        self.workers.stop()
        gc.unfreeze()
        if self._temporary is not None:
            self._temporary.cleanup()

    @cached_property
    def pairs(self) -> Pairs:
        """64 pairs in 3 groups, each with a time; prompts of 2 to 4 tokens, completions of 1 to 9."""
        rng = np.random.default_rng(0)

        def tokens(low: int, high: int) -> list[list[int]]:
            return [rng.integers(3, VOCABULARY, rng.integers(low, high + 1)).tolist() for _ in range(PAIRS)]

        prompts, chosen, rejected = tokens(2, 4), tokens(1, 7), tokens(1, 9)
        margins, groups = rng.random(PAIRS), rng.integers(0, GROUPS, PAIRS)
        return Pairs(prompts, chosen, rejected, margins, groups, times=rng.random(PAIRS))

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """One word per token."""
        words = {"<pad>": PAD, "<eos>": 1, "<unk>": 2, **{f"w{i}": i for i in range(3, VOCABULARY)}}
        inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
        inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")

    @cached_property
    def reference(self) -> ReferenceLogps:
        """Off those of the policy by some nats, so that log-ratios are not all zero."""
        model, noise = self.policy(None).eval(), np.random.default_rng(1)
        sides = [
            completion_logps(model, self.pairs.prompts, side, PAD) + noise.normal(0, 2, PAIRS)
            for side in (self.pairs.chosen, self.pairs.rejected)
        ]
        return ReferenceLogps(*sides)

    @cached_property
    def policy_folder(self) -> Path:
        """The policy as a checkpoint."""
        folder = self.folder / "policy"
        save_policy(self.policy(None), self.tokenizer, folder)
        return folder

    @cached_property
    def prompts(self) -> Prompts:
        """The pairs' prompts, for methods that draw completions of their own."""
        names = [f"prompt-{number}" for number in range(PAIRS)]
        return Prompts(names, [str(self.tokenizer.decode(tokens)) for tokens in self.pairs.prompts], self.pairs.prompts)

    @cached_property
    def rewards_file(self) -> Path:
        """Learned rewards of both sides of the pairs, as a run stores them; the first side is the chosen one."""
        rng = np.random.default_rng(2)
        columns = {f"{side}_{name}": rng.random(PAIRS) for side in ("first", "second") for name in OBJECTIVES}
        write_table(self.folder / "pair_rewards.parquet", {**columns, "first_chosen": np.ones(PAIRS, dtype=bool)})
        return self.folder / "pair_rewards.parquet"

    @cached_property
    def _weights(self) -> Mapping[str, Tensor]:
        torch.manual_seed(1)
        return copy.deepcopy(LlamaForCausalLM(_config(None)).state_dict())

    def policy(self, attention: str | None) -> Any:
        """A fresh copy of the policy, with the given attention implementation (None: transformers' choice)."""
        model = LlamaForCausalLM(_config(attention))
        model.load_state_dict(self._weights)
        return model

    def step(self, method: PairwiseMethod, micro: int, padding: int = 0) -> Gradients:
        """Gradient of the first optimiser step on all 64 pairs, before clipping, by parameter.

        Args:
            method: the formula.
            micro: pairs per forward pass and worker.
            padding: columns of padding added to every batch.
        """
        settings = TrainingSettings(epochs=1, batch_size=PAIRS, micro_batch_size=micro, warmup_steps=0)
        collator: Any = PairCollator(self.pairs, self.reference, PAD)
        trainer = PreferenceTrainer(
            method,
            PAIRS,
            trainer_config(settings, PAIRS, 0, self.folder),
            groups=GROUPS,
            model=self.policy(attention_for(method, settings)),
            processing_class=self.tokenizer,
            data_collator=_Wider(collator, padding) if padding else collator,
        )
        return _gradients_of_one_step(trainer)

    def batch(self) -> dict[str, Any]:
        """All pairs, collated."""
        return PairCollator(self.pairs, self.reference, PAD)([{"pair": number} for number in range(PAIRS)])

    def whole(self, method: PairwiseMethod) -> Gradients:
        """The step on all pairs in one forward pass, on one worker; taken once."""
        call = str(method)
        if call not in self._steps:
            self._steps[call] = self.step(method, PAIRS)
        return self._steps[call]


class _Wider:
    """A collator whose batches have more padding than they need."""

    def __init__(self, collator: PairCollator, columns: int) -> None:
        self._collator, self._columns = collator, columns

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        batch = self._collator(rows)
        pad = (0, self._columns)
        return {
            **batch,
            "input_ids": torch.nn.functional.pad(batch["input_ids"], pad, value=PAD),
            "completion_mask": torch.nn.functional.pad(batch["completion_mask"], pad, value=False),
        }


def _gradients_of_one_step(trainer: PreferenceTrainer) -> Gradients:
    found: Gradients = {}
    policy: Any = trainer.model
    clip = trainer.accelerator.clip_grad_norm_

    def keep(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        for name, parameter in policy.named_parameters():
            if parameter.grad is not None:
                found[name] = parameter.grad.detach().clone().cpu()
        return clip(parameters, *args, **kwargs)

    trainer.accelerator.clip_grad_norm_ = keep
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return found


def _config(attention: str | None) -> LlamaConfig:
    make: Any = LlamaConfig  # its signature leaves the attention out
    config: LlamaConfig = make(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, tie_word_embeddings=True, rms_norm_eps=1e-2, initializer_range=0.3,
        pad_token_id=PAD, eos_token_id=1, bos_token_id=None, attn_implementation=attention,
    )  # fmt: skip
    return config
