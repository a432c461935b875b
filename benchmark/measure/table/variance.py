"""Where the spread of a row's worst case comes from: a crossed random-effects decomposition by expected mean squares.

Gated utility of sample i of prompt p by the policy of seed s, under the evaluation shift that is the row's worst:

    u_spi = mean + a_s + b_p + c_sp + d_spi,    S seeds, P prompts, n samples each.

The mean squares and what they are on average (Searle, Casella and McCulloch, "Variance Components", 1992, ch. 4), with
a dot for an index that was averaged over:

    P sum_s (u_s.. - u)^2 / (S - 1)                             var d / n + var c + P var a
    S sum_p (u_.p. - u)^2 / (P - 1)                             var d / n + var c + S var b
    sum_sp (u_sp. - u_s.. - u_.p. + u)^2 / ((S - 1)(P - 1))     var d / n + var c
    sum_spi (u_spi - u_sp.)^2 / (S P (n - 1))                   var d

Shown is what each adds to the variance of the overall mean: var a / S, var b / P, var c / (S P), var d / (S P n). They
are unbiased, so one that is about 0 may come out negative; it is then shown as 0, and named in `below_zero`.

The **reward model** stands apart, since these squares say nothing of it: with the learned model's mean l and the gold
judge's g, (l - g)^2 / 2 is the variance of one reward model drawn from those of which these are two. It has one degree
of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.data import Floats
from benchmark.measure.records.utilities import utility
from benchmark.measure.runs.arenas import ArenaData
from benchmark.report import COMPLETION, PROMPT, REWARD_MODEL, SEED, SEED_PROMPT, Variance


@dataclass(frozen=True)
class Components:
    """Parts of the variance of an overall mean, squared units; they may be negative. None: cannot be told apart."""

    seed: float | None
    prompt: float | None
    both: float | None
    completion: float | None


def components(means: Floats, within: float | None = None, samples: int = 1) -> Components:
    """The parts of the variance of the mean of all.

    Args:
        means: over the samples of a prompt, shape [seeds, prompts].
        within: mean variance of the samples of one prompt and seed (var d); None with one sample each.
        samples: of a prompt and seed.

    With one seed, what prompts and pairs of seed and prompt add cannot be told apart, and `prompt` is both.
    """
    seeds, prompts = means.shape
    completion = None if within is None else within / (seeds * prompts * samples)
    inside = completion or 0.0
    if prompts < 2:
        return Components(None, None, None, completion)
    if seeds < 2:
        return Components(None, float(means[0].var(ddof=1)) / prompts - inside, None, completion)
    by_seed, by_prompt = means.mean(axis=1), means.mean(axis=0)
    rest = means - by_seed[:, None] - by_prompt + means.mean()
    residual = float((rest**2).sum()) / ((seeds - 1) * (prompts - 1) * seeds * prompts)  # of the overall mean
    return Components(
        seed=float(by_seed.var(ddof=1)) / seeds - residual,
        prompt=float(by_prompt.var(ddof=1)) / prompts - residual,
        both=residual - inside,
        completion=completion,
    )


def variance(arena: ArenaData, key: str) -> Variance | None:
    """Of a row's last checkpoint on test prompts; None where no seed is done."""
    seed_rows = sorted(arena.seed_rows(key))
    if not seed_rows:
        return None
    last = arena.trajectory(key)[-1]
    utilities = arena.test.utility["gated"][last][seed_rows]
    worst = int(utilities.mean(axis=(0, 1)).argmin())
    means, samples = utilities[..., worst], arena.test.kl.shape[-1]
    parts = components(means, _within(arena, key, worst) if samples > 1 else None, samples)
    gold = arena.test.utility["gated_gold"][last][seed_rows][..., worst]
    named = {SEED: parts.seed, PROMPT: parts.prompt, SEED_PROMPT: parts.both, COMPLETION: parts.completion}
    shown = {name: value if value is None else max(value, 0.0) for name, value in named.items()}
    reward_model = None if np.isnan(gold).any() else float(means.mean() - gold.mean()) ** 2 / 2
    return Variance(
        {**shown, REWARD_MODEL: reward_model},
        worst_shift=str(arena.evaluated[worst]),
        seeds=len(seed_rows),
        samples=samples,
        below_zero=tuple(name for name, value in named.items() if value is not None and value < 0),
        policies=_reference_policies(arena, key),
    )


def _within(arena: ArenaData, key: str, worst: int) -> float:
    """Mean variance of the gated utilities of one prompt and seed under an evaluation shift."""
    cells = arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")]
    samples, step = arena.runs.samples, arena.policies[arena.trajectory(key)[-1]].step
    rows = samples[samples["cell_id"].isin(cells["cell_id"]) & (samples["split"] == "test") & (samples["step"] == step)]
    columns = {name: rows[name].to_numpy() for name in arena.runs.objectives}
    quality = rows["quality"].to_numpy(dtype=bool)
    values = utility(arena.evaluated[worst], columns, quality, arena.runs.ranges, "gated")
    table = pd.DataFrame({"cell": rows["cell_id"].to_numpy(), "prompt": rows["prompt_id"].to_numpy(), "value": values})
    return float(table.groupby(["cell", "prompt"], observed=True)["value"].var(ddof=1).mean())


def _reference_policies(arena: ArenaData, key: str) -> int | None:
    """How many reference policies the finished seeds of a row started from; None where the cells do not say."""
    cells = arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")]
    policies = int(cells["policy_seed"].nunique()) if "policy_seed" in cells else 0
    return policies or None
