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
are unbiased, so one that is about 0 may come out negative; it is then shown as 0, and the note says so.

The **reward model** stands apart, since these squares say nothing of it: with the learned judge's mean l and the gold
judge's g, (l - g)^2 / 2 is the variance of one judge drawn from those of which these are two. It has one degree of
freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.data import Floats
from benchmark.measure.records.utilities import utility
from benchmark.measure.runs.groups import GroupData
from benchmark.report.types import Variance

SEED, PROMPT, BOTH, COMPLETION, REWARD_MODEL = "seed", "prompt", "seed x prompt", "completion", "reward model"


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


def variance(group: GroupData, key: str) -> Variance | None:
    """Of a row's last checkpoint on test prompts; None where no seed is done."""
    seeds = sorted(group.seeds_of(key))
    if not seeds:
        return None
    last = group.path(key)[-1]
    utilities = group.test.utility["gated"][last][seeds]
    worst = int(utilities.mean(axis=(0, 1)).argmin())
    means, samples = utilities[..., worst], group.test.kl.shape[-1]
    parts = components(means, _within(group, key, worst) if samples > 1 else None, samples)
    gold = group.test.utility["gated_gold"][last][seeds][..., worst]
    named = {SEED: parts.seed, PROMPT: parts.prompt, BOTH: parts.both, COMPLETION: parts.completion}
    shown = {name: value if value is None else max(value, 0.0) for name, value in named.items()}
    below = [name for name, value in named.items() if value is not None and value < 0]
    told = {**shown, REWARD_MODEL: None if np.isnan(gold).any() else float(means.mean() - gold.mean()) ** 2 / 2}
    return Variance(told, _note(group, key, len(seeds), samples, below, told[REWARD_MODEL] is not None, worst))


def _within(group: GroupData, key: str, worst: int) -> float:
    """Mean variance of the gated utilities of one prompt and seed under an evaluation shift."""
    cells = group.cells[(group.cells["key"] == key) & (group.cells["status"] == "done")]
    samples, step = group.runs.samples, group.policies[group.path(key)[-1]].step
    rows = samples[samples["cell_id"].isin(cells["cell_id"]) & (samples["split"] == "test") & (samples["step"] == step)]
    columns = {name: rows[name].to_numpy() for name in group.runs.objectives}
    quality = rows["quality"].to_numpy(dtype=bool)
    values = utility(group.evaluated[worst], columns, quality, group.runs.ranges, "gated")
    table = pd.DataFrame({"cell": rows["cell_id"].to_numpy(), "prompt": rows["prompt_id"].to_numpy(), "value": values})
    return float(table.groupby(["cell", "prompt"], observed=True)["value"].var(ddof=1).mean())


def _note(group: GroupData, key: str, seeds: int, samples: int, below: list[str], judged: bool, worst: int) -> str:
    told = [f"under {group.evaluated[worst]}, the worst shift of this row"]
    if seeds == 1:
        told.append("one seed: its part is not known, and prompt holds seed x prompt")
    else:
        told.append(f"seed holds {_what_seeds_vary(group, key)} together")
    if samples == 1:
        told.append(f"one sample per prompt: {PROMPT if seeds == 1 else BOTH} holds what completions add")
    if below:
        told.append(f"{', '.join(below)}: estimated below 0, shown as 0")
    if judged:
        told.append("reward model: half of the squared gap of learned and gold, one degree of freedom, not in the sum")
    else:
        told.append("reward model: no gold judge")
    return "; ".join(told)


def _what_seeds_vary(group: GroupData, key: str) -> str:
    """Which draws differ between the seeds of a row, as far as the cells tell."""
    cells = group.cells[(group.cells["key"] == key) & (group.cells["status"] == "done")]
    drawn = "pairs, labels, training and sampling"
    policies = cells["policy_seed"].nunique() if "policy_seed" in cells else 0
    if policies == 0:
        return f"reference policy, {drawn}"
    return f"{drawn} (all from one reference policy)" if policies == 1 else f"reference policy ({policies}), {drawn}"
