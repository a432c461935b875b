"""What a training step costs: every objective in ours, TRL's stock trainer, a plain torch loop.

All contestants train the same policy on the same pairs with the same reference log-probabilities, one thread, in turns;
the ratios printed are medians over rounds of one run. Run: `python speed/step_cost.py [TABLE ...] [--rounds 5]`, where
the tables are `trainers` (ours, stock, plain), `splits` (coupled objectives at several splits, over DPO at the same
split), `penalty` (ways to differentiate WDPO's penalty, time and peak memory, at two model sizes) and `prompt` (the
prompt computed once).
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import DPOConfig, DPOTrainer

from benchmark.core.data import Pairs
from benchmark.core.resources import peak_memory_mb, release_memory, reset_peak_memory
from benchmark.training.batch import PairCollator, ReferenceLogps
from benchmark.training.settings import TrainingSettings
from benchmark.training.shared_prompt import SharedPromptCollator
from benchmark.training.trainer import PreferenceTrainer, trainer_config
from methods.base import PairwiseMethod, parse_method

VOCABULARY, PAIRS, BATCH, WARM_UP = 257, 2048, 64, 5
Contestant = Callable[[int, Path], list[float]]


@dataclass(frozen=True)
class Shape:
    """Of a policy and of its pairs."""

    width: int = 64
    layers: int = 2
    heads: int = 2
    prompt: tuple[int, int] = (8, 8)
    completion: tuple[int, int] = (12, 18)


GRAMMAR = Shape()
EMOTION = Shape(width=128, layers=3, heads=4, prompt=(4, 8), completion=(14, 32))
LONG_PROMPT = Shape(prompt=(32, 32), completion=(32, 32))


def policy(attention: str = "sdpa", shape: Shape = GRAMMAR) -> LlamaForCausalLM:
    """By default a policy of the `grammar` suite's shape, 0.1M parameters."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=shape.width, intermediate_size=2 * shape.width,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.heads,
        tie_word_embeddings=True, rms_norm_eps=1e-2, initializer_range=0.08, pad_token_id=0, eos_token_id=1,
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


def random_pairs(shape: Shape = GRAMMAR) -> tuple[Pairs, ReferenceLogps]:
    """Pairs of random tokens; by default with the lengths of the `grammar` suite."""
    rng = np.random.default_rng(0)

    def tokens(low: int, high: int) -> list[list[int]]:
        return [rng.integers(3, VOCABULARY, rng.integers(low, high + 1)).tolist() for _ in range(PAIRS)]

    pairs = Pairs(tokens(*shape.prompt), tokens(*shape.completion), tokens(*shape.completion), np.ones(PAIRS))
    return pairs, ReferenceLogps(np.full(PAIRS, -80.0), np.full(PAIRS, -80.0))


class Clock(TrainerCallback):
    """Time of every step, from one end to the next: fetching, forward, backward, update and bookkeeping.

    The processor's time, of one thread: what else the machine does lengthens the clock's.
    """

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Note the time."""
        self.ends.append(time.process_time())


@dataclass(frozen=True)
class Ours:
    """Our trainer with one method, split and model; `two_sided`: WDPO's difference from its fallback on."""

    method: str
    micro: int = BATCH
    shape: Shape = GRAMMAR
    attention: str = "sdpa"
    share_prompt: bool = False
    two_sided: bool = False

    def __call__(self, steps: int, folder: Path) -> list[float]:
        """Seconds per step."""
        pairs, reference = random_pairs(self.shape)
        method = parse_method(self.method)
        assert isinstance(method, PairwiseMethod)
        settings = TrainingSettings(epochs=steps * BATCH / PAIRS, batch_size=BATCH, micro_batch_size=self.micro)
        clock = Clock()
        collator = SharedPromptCollator if self.share_prompt else PairCollator
        trainer = PreferenceTrainer(
            method,
            PAIRS,
            trainer_config(settings, PAIRS, 0, folder),
            model=policy(self.attention, self.shape),
            processing_class=tokenizer(),
            data_collator=collator(pairs, reference, 0),
            callbacks=[clock],
        )
        trainer.step_control.two_sided = self.two_sided
        trainer.train()
        assert trainer.step_control.two_sided == self.two_sided, "the run changed to the difference of both sides"
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


def plain(steps: int, folder: Path) -> list[float]:
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
        ends.append(time.process_time())
    return list(np.diff(ends[WARM_UP:]))


def compare(contestants: dict[str, Contestant], options: argparse.Namespace) -> dict[str, list[float]]:
    """Median milliseconds per step of each contestant in each round; they take turns within a round."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(options.rounds):
            for name, contestant in contestants.items():
                times[name].append(1000 * median(contestant(options.steps, Path(scratch))))
    return times


def ratio(values: list[float], base: list[float]) -> float:
    """Median over rounds of the ratio within a round."""
    return median(a / b for a, b in zip(values, base, strict=True))


def trainers(options: argparse.Namespace) -> None:
    """Ours beside stock and plain."""
    times = compare({"plain loop": plain, "TRL stock": stock, "dpo": Ours("dpo")}, options)
    print(f"{'':22}{'ms/step':>9}{'/ plain':>9}{'/ stock':>9}")
    for name, values in times.items():
        ratios = [ratio(values, times[base]) for base in ("plain loop", "TRL stock")]
        print(f"{name:22}{median(values):9.1f}" + "".join(f"{value:9.2f}" for value in ratios), flush=True)


def splits(options: argparse.Namespace) -> None:
    """Coupled objectives over DPO at the same split."""
    methods = ("dpo", "kldpo", "dr_dpo", "tv_dpo", "chi2_dpo", "kldpo_ball(rho=0.1)", "aot")
    columns = {BATCH: "1 x 64", 16: "4 x 16", 4: "16 x 4"}
    times = compare({f"{name}/{micro}": Ours(name, micro) for micro in columns for name in methods}, options)
    print(f"{'over dpo, same split':22}" + "".join(f"{label:>9}" for label in columns.values()))
    for name in methods:
        ratios = [ratio(times[f"{name}/{micro}"], times[f"dpo/{micro}"]) for micro in columns]
        print(f"{name:22}" + "".join(f"{value:9.2f}" for value in ratios), flush=True)


def penalty(options: argparse.Namespace) -> None:
    """Solvers of WDPO's penalty over DPO, in time and peak memory."""
    ways = {"dpo": ("dpo", "sdpa")} | {
        solver: (f"wdpo(rho=0.3,solver={solver})", "eager" if solver == "double_backward" else "sdpa")
        for solver in ("difference", "perturbation", "double_backward")
    }
    for label, shape in (("0.1M parameters", GRAMMAR), ("0.7M parameters", EMOTION)):
        contestants = {name: Ours(method, shape=shape, attention=kind) for name, (method, kind) in ways.items()}
        contestants["both sides"] = replace(contestants["difference"], two_sided=True)
        times = compare(contestants, options)
        memory = {name: peak_memory(contestant) for name, contestant in contestants.items()}
        print(f"{label:22}{'ms/step':>9}{'/ dpo':>9}{'peak MB':>9}{'/ dpo':>9}{'of step':>9}{'/ dpo':>9}")
        for name, values in times.items():
            (whole, step), (whole_dpo, step_dpo) = memory[name], memory["dpo"]
            print(
                f"{name:22}{median(values):9.1f}{ratio(values, times['dpo']):9.2f}"
                f"{whole:9.0f}{whole / whole_dpo:9.2f}{step:9.0f}{step / step_dpo:9.2f}",
                flush=True,
            )


def prompt(options: argparse.Namespace) -> None:
    """The prompt computed once, where it is as long as a completion and in the `grammar` suite's lengths."""
    print(f"{'prompt once':22}{'ms/step':>9}{'/ twice':>9}")
    for label, shape in (("32 + 32 + 32 tokens", LONG_PROMPT), ("8 + 15 + 15 tokens", GRAMMAR)):
        for method in ("dpo", "kldpo"):
            both = {name: Ours(method, shape=shape, share_prompt=name == "once") for name in ("twice", "once")}
            times = compare(both, options)
            print(
                f"{method + ', ' + label:22}{median(times['once']):9.1f}{ratio(times['once'], times['twice']):9.2f}",
                flush=True,
            )


def peak_memory(contestant: Contestant) -> tuple[float, float]:
    """MB at the peak of a fresh process that trains ten steps, and by how much training raised it."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak_of, (contestant,))


def _peak_of(contestant: Contestant) -> tuple[float, float]:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        Ours("dpo", micro=1)(WARM_UP + 2, Path(folder))  # what every run allocates: libraries, trainer, optimiser
        release_memory()
        reset_peak_memory()
        before = peak_memory_mb()
        contestant(WARM_UP + 10, Path(folder))
        peak = peak_memory_mb()
    return peak, peak - before


TABLES = {table.__name__: table for table in (trainers, splits, penalty, prompt)}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.tables or TABLES:
        TABLES[name](options)
        print()


if __name__ == "__main__":
    main()
