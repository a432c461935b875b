"""Worlds whose truth is known, drawn from the completions of a finished run.

Of every policy of plain DPO the run gives a mean utility under each shift, effects of its seeds, effects of its prompts
and what is left. A world takes the means for the truth, draws seeds as Gaussians with the covariance of the run's own
seed effects, prompts and what is left with replacement. Beside DPO stand rows that truly lie on the envelope, or over
it by a known lift, at nominal utilities up to DPO's greatest: each is a mixture of DPO's policies with its own noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Floats, Ints
from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.statistics.bootstrap import Resamples, crossed
from benchmark.measure.statistics.envelope import Means
from benchmark.measure.statistics.simplex import best_mixture
from benchmark.measure.table.comparer import Comparer


@dataclass(frozen=True)
class Run:
    """What a run says of plain DPO's policies; columns are the shifts that bind and, last, the training shift.

    means: [policies, columns]; seeds: effects, [policies, seeds, columns]; prompts: effects, [policies, prompts,
    columns]; rest: [policies, seeds, prompts, columns]; keys: number of the row that a policy is a checkpoint of.
    """

    means: Floats
    seeds: Floats
    prompts: Floats
    rest: Floats
    keys: Ints

    @classmethod
    def of(cls, arena: ArenaData) -> Run:
        """From a run's arena, both splits of prompts together."""
        comparer = Comparer(arena, 3)
        rivals = comparer.rivals()
        policies, seeds = list(comparer.family(rivals)), list(comparer.shared_seed_rows(rivals))
        halves = [
            np.concatenate(
                [
                    split.utility["gated"][np.ix_(policies, seeds)][..., comparer.binding],
                    split.nominal["gated"][np.ix_(policies, seeds)][..., None],
                ],
                axis=-1,
            )
            for split in (arena.validation, arena.test)
        ]
        values = np.concatenate(halves, axis=2)
        means = values.mean(axis=(1, 2))
        by_seed = values.mean(axis=2) - means[:, None]
        by_prompt = values.mean(axis=1) - means[:, None]
        rest = values - means[:, None, None] - by_seed[:, :, None] - by_prompt[:, None]
        keys = [number for number, rival in enumerate(rivals) for _ in arena.trajectory(rival)]
        return cls(means, by_seed, by_prompt, rest, np.array(keys))


@dataclass(frozen=True)
class Row:
    """A row on DPO's envelope at some nominal utility, or over it by `lift`; `like`: the policy whose noise it has."""

    truth: Floats  # [columns]
    like: int
    lift: float


def row_at(run: Run, gap: float, lift: float) -> Row:
    """The row whose nominal utility is DPO's greatest minus `gap`."""
    nominal, utility = run.means[:, -1], run.means[:, :-1]
    floor = nominal.max() - gap
    solution = best_mixture(utility[None], nominal[None], np.array([floor]))
    truth = solution.weights[0] @ run.means
    worst = int(truth[:-1].argmin())
    truth = truth.copy()
    truth[:-1] = np.maximum(truth[:-1], solution.value[0])
    truth[worst] += lift
    truth[:-1] = np.maximum(truth[:-1], solution.value[0] + lift)
    return Row(truth, int(np.abs(nominal - floor).argmin()), lift)


@dataclass(frozen=True)
class Sizes:
    """Of a world: seeds, prompts of each half, completions per prompt; whether all rows have one draw of the seeds;
    collapse: the probability that a seed of a row loses half of its utility."""

    seeds: int = 5
    prompts: int = 300
    samples: int = 1
    together: bool = False
    collapse: float = 0.0


def draw(run: Run, rows: list[Row], sizes: Sizes, resamples: list[Resamples], rng: np.random.Generator) -> list[Means]:
    """Means of DPO's policies and, after them, of the rows, in every resample, on both halves."""
    policies = np.array([*range(len(run.means)), *(row.like for row in rows)])
    truth = np.concatenate([run.means, [row.truth for row in rows]])
    groups = np.array([*run.keys, *(run.keys.max() + 1 + np.arange(len(rows)))])
    seeds = _seeds(run, policies, groups, sizes, rng)
    if sizes.collapse:
        fallen = rng.random((len(rows), sizes.seeds)) < sizes.collapse
        seeds[len(run.means) :] -= 0.5 * fallen[..., None] * truth[len(run.means) :, None]
    halves = []
    for half in resamples:
        prompts = rng.integers(run.prompts.shape[1], size=sizes.prompts)
        values = truth[:, None, None] + seeds[:, :, None] + run.prompts[policies][:, prompts][:, None]
        values = values + _rest(run, policies, prompts, sizes, rng)
        means = half.mean(values)
        halves.append(Means(means[..., :-1], means[..., -1], np.zeros(means.shape[:2])))
    return halves


def _seeds(run: Run, policies: Ints, groups: Ints, sizes: Sizes, rng: np.random.Generator) -> Floats:
    """Seed effects, [policies, seeds, columns]; the checkpoints of a row share their draws."""
    count = run.seeds.shape[1]
    draws = rng.normal(size=(1 if sizes.together else groups.max() + 1, sizes.seeds, count)) / np.sqrt(count - 1)
    own = draws[np.zeros_like(groups) if sizes.together else groups]
    return np.einsum("psk,pkc->psc", own, run.seeds[policies])


def _rest(run: Run, policies: Ints, prompts: Ints, sizes: Sizes, rng: np.random.Generator) -> Floats:
    """What is left, averaged over the completions of a prompt, [policies, seeds, prompts, columns]."""
    count = run.seeds.shape[1]
    parts = []
    for _ in range(sizes.samples):
        seeds = rng.integers(count, size=(len(policies), sizes.seeds, sizes.prompts))
        parts.append(run.rest[policies[:, None, None], seeds, prompts[None, None]])
    return np.asarray(np.mean(parts, axis=0)) * np.sqrt(count / (count - 1))  # one degree of freedom went to the mean


def both_halves(sizes: Sizes, replicates: int, name: int) -> list[Resamples]:
    """Resamples of the two halves of a world."""
    return [crossed(sizes.seeds, sizes.prompts, replicates, name, split=half) for half in range(2)]
