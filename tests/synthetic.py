"""A finished run folder of a world whose truth is known in closed form, for tests of the measurement and of the page.

Two objectives, joy and sadness, with rewards in [0, 1]; annotators mix them as alpha joy + (1 - alpha) sadness and the
training shift is alpha = 0.1. Plain DPO moves along a straight line, from the reference at t = 0:

    sadness(t) = 0.35 + 0.45 t,    joy(t) = 0.35 - 0.2 t,    KL(t) = 6 t^2 nats,

so that every mixture of DPO policies lies on that line. A method with `lift` L stands at the same nominal reward
0.1 joy + 0.9 sadness as DPO at `t`, with joy higher by L: it is over the envelope by exactly L (times the share of
completions that pass the gate), as long as joy stays the worse of the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.calls import parse_call
from benchmark.core.seeds import derive_seed, generator
from benchmark.measure.records.across import cross_cell_records
from benchmark.measure.records.metrics import cell_records
from methods.base import parse_method
from shifts.base import parse_shift
from shifts.labels import Labelling

SUITE = "synthetic"
TRAIN = "alpha_mixture(a=joy,b=sadness,alpha=0.1,kind=convex)"
RANGES = {"joy": (0.0, 1.0), "sadness": (0.0, 1.0)}
STEPS = (32, 64, 96, 128)
WORDS = ("joy", "grief", "tears", "laughter", "rain", "sun", "they", "found", "lost", "kept", "the", "a", "quiet")


@dataclass(frozen=True)
class Trained:
    """One method of the world: where its way along the DPO line ends, and how far it stands off that line."""

    call: str
    t: float = 0.6
    lift: float = 0.0
    quality: float = 0.97
    failed_seeds: tuple[int, ...] = ()
    skipped: str = ""
    failure: str = field(default="out of memory at step 12", repr=False)

    def means(self, share: float) -> tuple[float, float, float]:
        """True mean of joy, of sadness, and KL in nats, after `share` of the training."""
        t, lift = self.t * share, self.lift * share
        return 0.35 - 0.2 * t + lift, 0.35 + 0.45 * t - lift / 9, 6 * t * t + 4 * abs(lift)


METHODS = (
    Trained("reference", t=0.0),
    Trained("sft", t=0.1),
    Trained("dpo(beta=0.1)", t=1.0),
    Trained("dpo(beta=0.3)", t=0.8),
    Trained("dpo(beta=1)", t=0.5),
    Trained("kldpo(beta=0.1,tau=0.1)", t=0.6),  # exactly an early-stopped DPO
    Trained("wdpo(beta=0.1,rho=1)", t=0.6, lift=0.1),  # clears the envelope by 0.1 x quality
    Trained("oracle(beta=0.1,at=middle)", t=0.5, lift=0.18),
)


def write_run(
    folder: Path,
    *,
    seeds: int = 3,
    prompts: int = 200,
    methods: Sequence[Trained] = METHODS,
    train_shift: str = TRAIN,
    samples: int = 1,
    noise: float = 0.15,
    seed_noise: float = 0.01,
    suite: str = SUITE,
    spoilt: Mapping[str, tuple[str, Any]] | None = None,
) -> Path:
    """Write the run into `folder` (made if need be) and return it.

    Args:
        folder: where cells, samples, results, pair_rewards and curves .parquet and environment.json go.
        seeds: number of seeds, named 0, 1, ...
        prompts: test prompts; there are as many validation prompts.
        methods: what was trained; without a `reference` there is no reference cell.
        train_shift: the call of the training shift, over joy and sadness.
        samples: completions per prompt.
        noise: standard deviation of a completion's reward; half of it again is shared by all completions of a prompt.
        seed_noise: standard deviation of a trained policy's mean reward over seeds.
        suite: name of the suite.
        spoilt: by method, a column of its samples and what the last seed's last checkpoint has there throughout.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = _World(seeds, prompts, samples, noise, seed_noise, train_shift, suite)
    cells = pd.DataFrame([world.cell(method, seed) for method in methods for seed in range(seeds)])
    tables = [table for method in methods for seed in range(seeds) for table in world.tables(method, seed)]
    completions = pd.concat(tables, ignore_index=True)
    for call, (column, value) in (spoilt or {}).items():
        cell = _cell_id(next(method for method in methods if method.call == call), seeds - 1, train_shift)
        completions.loc[(completions["cell_id"] == cell) & (completions["step"] == STEPS[-1]), column] = value
    cells.to_parquet(folder / "cells.parquet")
    completions.to_parquet(folder / "samples.parquet")
    world.pair_rewards().to_parquet(folder / "pair_rewards.parquet")
    world.results(cells, completions).to_parquet(folder / "results.parquet")
    if ((cells["status"] == "done") & (cells["method"] != "reference")).any():
        world.curves(cells).to_parquet(folder / "curves.parquet")
    (folder / "environment.json").write_text(json.dumps(world.environment(), indent=1))
    return folder


@dataclass(frozen=True)
class _World:
    seeds: int
    prompts: int
    samples: int
    noise: float
    seed_noise: float
    train_shift: str
    suite: str

    def cell(self, method: Trained, seed: int) -> dict[str, Any]:
        name, _ = parse_call(method.call)
        status = "skipped" if method.skipped else "failed" if seed in method.failed_seeds else "done"
        reason = {"skipped": method.skipped, "failed": method.failure, "done": ""}[status]
        trained = status == "done" and name != "reference"
        slow = 2.0 if name == "wdpo" else 1.0
        cost = generator(self.suite, "cost", method.call, seed).uniform(0.95, 1.05)
        return {
            "cell_id": _cell_id(method, seed, self.train_shift),
            "suite": self.suite,
            "method": name,
            "hparams": json.dumps(parse_method(method.call).hparams()),
            "train_shift": self.train_shift,
            "seed": seed,
            "status": status,
            "reason": reason,
            "train_seconds": 8.0 * slow * cost if trained else np.nan,
            "step_seconds": 0.06 * slow * cost if trained else np.nan,
            "peak_memory_mb": 900.0 * cost if trained else np.nan,
            "pairs": 512.0 if trained else np.nan,
        }

    def tables(self, method: Trained, seed: int) -> Iterator[pd.DataFrame]:
        if method.skipped or seed in method.failed_seeds:
            return
        steps = (0,) if method.call == "reference" else STEPS
        for split in ("validation", "test"):
            for step in steps:
                yield self._table(method, seed, split, step)

    def _table(self, method: Trained, seed: int, split: str, step: int) -> pd.DataFrame:
        count = self.prompts * self.samples
        prompt = np.repeat(np.arange(self.prompts), self.samples)
        shared = generator(self.suite, split, "prompt effects").normal(0, self.noise / 2, (self.prompts, 2))[prompt]
        trained = generator(self.suite, method.call, seed, "training").normal(0, self.seed_noise, 2)
        rng = generator(self.suite, method.call, seed, split, step)
        joy, sadness, kl = method.means(step / STEPS[-1])
        rewards = np.array([joy, sadness]) + trained + shared + rng.normal(0, self.noise, (count, 2))
        gold = rewards + rng.normal(0, 0.02, (count, 2))
        if "geometric" in self.train_shift:  # it needs rewards >= 0; the means then hold but for what is clipped
            rewards, gold = rewards.clip(0, 1), gold.clip(0, 1)
        return pd.DataFrame(
            {
                "cell_id": _cell_id(method, seed, self.train_shift),
                "split": split,
                "step": step,
                "prompt_id": [f"{split}-{i:04d}" for i in prompt],
                "sample": np.tile(np.arange(self.samples), self.prompts),
                "prompt": [f"on day {i} the child" for i in prompt],
                "completion": _sentences(rng, count),
                "quality": rng.random(count) < method.quality,
                "kl": kl * rng.gamma(4.0, 0.25, count),
                "length": rng.integers(6, 15, count),
                "ended": rng.random(count) < 0.98,
                "joy": rewards[:, 0],
                "sadness": rewards[:, 1],
                "gold_joy": gold[:, 0],
                "gold_sadness": gold[:, 1],
                "entropy": 16.0 * (1 - 0.5 * method.t * step / STEPS[-1]) + np.zeros(count),
            }
        )

    def pair_rewards(self, pairs: int = 512) -> pd.DataFrame:
        """Reference pairs with their training labels; joy and sadness of a completion have correlation -0.5."""
        tables = []
        (shift,) = parse_shift(self.train_shift)
        for seed in range(self.seeds):
            rng = generator(self.suite, "pairs", seed)
            covariance = self.noise**2 * np.array([[1, -0.5], [-0.5, 1]])
            first, second = rng.multivariate_normal([0.35, 0.35], covariance, (2, pairs)).clip(0, 1)
            utilities = [shift.utility({"joy": side[:, 0], "sadness": side[:, 1]}) for side in (first, second)]  # type: ignore[arg-type]
            tables.append(
                pd.DataFrame(
                    {
                        "train_shift": self.train_shift,
                        "seed": seed,
                        "first_joy": first[:, 0],
                        "first_sadness": first[:, 1],
                        "second_joy": second[:, 0],
                        "second_sadness": second[:, 1],
                        "first_chosen": Labelling().choose_first(utilities[0], utilities[1], rng),
                    }
                )
            )
        return pd.concat(tables, ignore_index=True)

    def results(self, cells: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
        """results.parquet, by the functions that fill it in a real run."""
        (shift,) = parse_shift(self.train_shift)
        of_reference = cells[cells["method"] == "reference"]
        reference = dict(zip(of_reference["seed"], of_reference["cell_id"], strict=True))
        rows = []
        identity = ["suite", "method", "hparams", "train_shift", "seed", "cell_id"]
        costs = cells.set_index("cell_id")[["train_seconds", "step_seconds", "peak_memory_mb"]]
        for cell in cells.loc[cells["status"] == "done", identity].to_dict("records"):
            records = [
                record.row()
                for record in cell_records(
                    samples[samples["cell_id"] == cell["cell_id"]],
                    shift,
                    shift.evaluation_grid(),
                    RANGES,
                    samples[samples["cell_id"] == reference.get(cell["seed"], "")],
                )
            ]
            if cell["method"] != "reference":
                for metric, value in costs.loc[cell["cell_id"]].items():
                    records.append({"eval_shift": "", "metric": metric, "value": value, "n": 1})
                records += [{"eval_shift": "", "n": 256, **record} for record in _log_probabilities(cell["method"])]
                records.append(
                    {
                        "eval_shift": self.train_shift,
                        "metric": "preference_accuracy",
                        "value": 0.7 + 0.01 * int(cell["seed"]),
                        "n": 256,
                    }
                )
                worst = 0.6 + 0.01 * int(cell["seed"])
                records.append({"eval_shift": "", "metric": "worst_group_accuracy", "value": worst, "n": 256})
            rows += [{**cell, **record} for record in records]
        table = pd.DataFrame(rows)
        return pd.concat([table, cross_cell_records(table)], ignore_index=True)

    def curves(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Training curves of 128 steps, on which the loss falls as 0.7 - 0.4 step / 128 with every seed 0.01 apart."""
        trained = cells[(cells["status"] == "done") & (cells["method"] != "reference")]
        steps = np.arange(1.0, STEPS[-1] + 1)
        return pd.concat(
            [
                pd.DataFrame({"cell_id": cell, "step": steps, "loss": 0.7 - 0.4 * steps / STEPS[-1] + 0.01 * seed})
                for cell, seed in zip(trained["cell_id"], trained["seed"], strict=True)
            ],
            ignore_index=True,
        )

    def environment(self) -> dict[str, Any]:
        (shift,) = parse_shift(self.train_shift)
        return {
            "suite": self.suite,
            "preset": "quick",
            "seeds": list(range(self.seeds)),
            "commit": "0" * 40,
            "suite_facts": {"data": "synthetic, truth known in closed form", "reward scale": "[0, 1]"},
            "objectives": list(RANGES),
            "reward_ranges": {name: list(ends) for name, ends in RANGES.items()},
            "eval_shifts": {self.train_shift: [str(point) for point in shift.evaluation_grid()]},
            "command": f"python run_all.py --suite {self.suite}",
            "packages": {"numpy": np.__version__},
            "hardware": {"cpu": "none"},
            "labelling": {"kind": "bradley_terry", "sharpness": 20.0},
        }


def _log_probabilities(method: str) -> Iterator[dict[str, Any]]:
    """Changes of log-probability in nats, linear in the step: both sides of the training pairs fall, SFT's apart."""
    ends = {"chosen": -2.0, "rejected": -6.0, "unseen": -3.0, "heldout": -2.5}
    for step in (0, *STEPS):
        share = step / STEPS[-1]
        if step:
            for kind, end in ends.items():
                value = share * (abs(end) if method == "sft" else end)
                yield {"metric": f"logp_{kind}@{step}", "value": value}
                if step == STEPS[-1]:
                    yield {"metric": f"logp_{kind}", "value": value}
        yield {"metric": f"gradient_ratio@{step}", "value": 0.5 + share * 4.0 / np.log(10)}


def _cell_id(method: Trained, seed: int, train_shift: str) -> str:
    return f"{derive_seed(method.call, seed, train_shift):08x}"


def _sentences(rng: np.random.Generator, count: int) -> list[str]:
    words = np.array(WORDS)[rng.integers(0, len(WORDS), (count, 8))]
    return [" ".join(row) + " ." for row in words]
