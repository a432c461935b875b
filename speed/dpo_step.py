"""How long one DPO step takes: ours inside TRL's trainer, TRL's stock trainer, a plain torch loop.

All three train the same policy on the same pairs with the same reference log-probabilities, one thread, in turns; the
ratios printed are medians over rounds. Run: `python speed/dpo_step.py [--rounds 5] [--steps 40]`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import DPOConfig, DPOTrainer

from benchmark.data import Pairs
from benchmark.training.batch import PairCollator, ReferenceLogps
from benchmark.training.settings import TrainingSettings
from benchmark.training.trainer import PreferenceTrainer, trainer_config
from methods.dpo import DPO
from methods.kldpo import KLDPO
from methods.wdpo import WDPO

VOCABULARY, PAIRS, BATCH, WARM_UP = 257, 2048, 64, 5


def policy(attention: str = "sdpa") -> LlamaForCausalLM:
    """A policy of the `grammar` suite's default shape, 0.1M parameters."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-2, pad_token_id=0, eos_token_id=1,
        bos_token_id=None, attn_implementation=attention,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer of that vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"<pad>": 0, "<eos>": 1, "<unk>": 2, **{f"w{i}": i for i in range(3, VOCABULARY)}}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def random_pairs() -> tuple[Pairs, ReferenceLogps]:
    """Pairs with the lengths of the `grammar` suite: prompts of 8 tokens, completions of 12 to 18."""
    rng = np.random.default_rng(0)

    def tokens(low: int, high: int) -> list[list[int]]:
        return [rng.integers(3, VOCABULARY, rng.integers(low, high + 1)).tolist() for _ in range(PAIRS)]

    pairs = Pairs(tokens(8, 8), tokens(12, 18), tokens(12, 18), np.ones(PAIRS))
    return pairs, ReferenceLogps(np.full(PAIRS, -80.0), np.full(PAIRS, -80.0))


class Clock(TrainerCallback):
    """Time of every step, from one end to the next: fetching, forward, backward, update and bookkeeping."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())


def ours(method: Any, steps: int, folder: Path, micro: int | None = None) -> list[float]:
    """Seconds per step of our trainer."""
    pairs, reference = random_pairs()
    settings = TrainingSettings(epochs=steps * BATCH / PAIRS, batch_size=BATCH, micro_batch_size=micro)
    clock = Clock()
    trainer = PreferenceTrainer(
        method,
        PAIRS,
        trainer_config(settings, PAIRS, 0, folder),
        model=policy("eager" if method.penalises_inputs() else "sdpa"),
        processing_class=tokenizer(),
        data_collator=PairCollator(pairs, reference, 0),
        callbacks=[clock],
    )
    trainer.train()
    return list(np.diff(clock.ends[WARM_UP:]))


def stock(steps: int, folder: Path) -> list[float]:
    """Seconds per step of TRL's own trainer, with its reference log-probabilities precomputed."""
    pairs, reference = random_pairs()
    rows = Dataset.from_dict(
        {
            "prompt_ids": pairs.prompts,
            "chosen_ids": pairs.chosen,
            "rejected_ids": pairs.rejected,
            "ref_chosen_logps": reference.chosen,
            "ref_rejected_logps": reference.rejected,
        }
    )

    class Stock(DPOTrainer):
        """The rows are tokenised, and carry their reference log-probabilities."""

        def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
            return dataset

        def _precompute_ref_logps(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
            return dataset

    settings = TrainingSettings(epochs=steps * BATCH / PAIRS, batch_size=BATCH)
    config: DPOConfig = trainer_config(settings, PAIRS, 0, folder)
    config.precompute_ref_log_probs = True
    clock = Clock()
    trainer = Stock(policy(), args=config, train_dataset=rows, processing_class=tokenizer(), callbacks=[clock])
    trainer.train()
    return list(np.diff(clock.ends[WARM_UP:]))


def plain(steps: int) -> list[float]:
    """Seconds per step of a loop that a researcher would write: pad, two-sided forward, loss, clip, AdamW."""
    pairs, reference = random_pairs()
    model = policy().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.0)
    order = np.random.default_rng(0).permutation(np.tile(np.arange(PAIRS), 1 + steps * BATCH // PAIRS))
    ends = []
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        sides = [(pairs.prompts[i], side[i]) for side in (pairs.chosen, pairs.rejected) for i in rows]
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(p + c) for p, c in sides], batch_first=True)
        real = torch.nn.utils.rnn.pad_sequence([torch.ones(len(p + c)) for p, c in sides], batch_first=True)
        starts = torch.tensor([len(p) for p, _ in sides])
        labels = ids.masked_fill((real == 0) | (torch.arange(ids.shape[1]) < starts[:, None]), -100)[:, 1:]
        logits = model(input_ids=ids, attention_mask=real.long(), use_cache=False).logits[:, :-1]
        nll = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        chosen, rejected = (-nll).view_as(labels).sum(1).chunk(2)
        before = torch.tensor(reference.chosen[rows] - reference.rejected[rows], dtype=torch.float32)
        loss = -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected - before)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ends.append(time.perf_counter())
    return list(np.diff(ends[WARM_UP:]))


def main() -> None:
    """Print milliseconds per step and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        contestants = {
            "plain loop": lambda: plain(options.steps),
            "TRL stock": lambda: stock(options.steps, folder),
            "ours, dpo": lambda: ours(DPO(), options.steps, folder),
            "ours, dpo in 4 x 16": lambda: ours(DPO(), options.steps, folder, 16),
            "ours, kldpo": lambda: ours(KLDPO(), options.steps, folder),
            "ours, wdpo": lambda: ours(WDPO(), options.steps, folder),
        }
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.rounds):
            for name, contestant in contestants.items():
                times[name].append(median(contestant()))
    print(f"{'':22}{'ms/step':>9}{'/ plain':>9}{'/ stock':>9}{'/ dpo':>9}   (medians of {options.rounds} rounds)")
    for name, values in times.items():
        ratios = [
            median(a / b for a, b in zip(values, times[base], strict=True))
            for base in ("plain loop", "TRL stock", "ours, dpo")
        ]
        print(f"{name:22}{1000 * median(values):9.1f}" + "".join(f"{ratio:9.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
