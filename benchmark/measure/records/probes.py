"""Numbers of log-probabilities that are followed along training: what held-out pairs say, and how sides moved."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.core.data import Floats


def preference_accuracy(
    log_ratio_first: Floats,
    log_ratio_second: Floats,
    utility_first: Floats,
    utility_second: Floats,
    least_gap: float = 0.0,
) -> float:
    """Share of held-out pairs that the implicit reward orders as the utilities do; each argument of shape [pairs].

    The implicit reward is beta log pi / pi_ref, so log-ratios in nats order it. Pairs of equal or unknown (NaN)
    utility, or whose utilities differ by less than `least_gap`, do not count; equal log-ratios count half. NaN where no
    pair counts. Source: arXiv:2305.18290, Section 4.
    """
    gap = np.nan_to_num(np.asarray(utility_first) - np.asarray(utility_second))
    agree = np.sign(np.asarray(log_ratio_first) - np.asarray(log_ratio_second)) * np.sign(gap)
    counted = agree[(gap != 0) & (np.abs(gap) >= least_gap)]
    return float((0.5 + 0.5 * counted).mean()) if len(counted) else float("nan")


def expected_loss(of_first: Floats, of_second: Floats, chance_first: Floats) -> float:
    """Mean over pairs of what a labelled pair costs, in expectation over its label; NaN where no pair counts.

    Args:
        of_first: loss of each pair with its first completion as the chosen one, shape [pairs].
        of_second: the same with the second.
        chance_first: P(the first is chosen), shape [pairs]; NaN where it is not known.
    """
    losses = chance_first * of_first + (1 - chance_first) * of_second
    known = ~np.isnan(losses)
    return float(losses[known].mean()) if known.any() else float("nan")


def gradient_ratios(probes: pd.DataFrame, before: pd.DataFrame) -> dict[int, Floats]:
    """log10 of pi(chosen) / pi(rejected) of the followed training pairs, shape [pairs], by step; 0 is the reference.

    A loss that sees a pair through log pi(chosen) - log pi(rejected) has a gradient by pi(rejected) that is larger than
    that by pi(chosen) by just this ratio. Source: arXiv:2406.07327.

    Args:
        probes: `kind`, `step`, `row` and `change`, the change of log pi against the reference in nats; rows number the
            training pairs from the first. Empty where it holds no pairs.
        before: log-probabilities of `chosen` and `rejected` under the reference, nats, one row per training pair.
    """
    sides = probes[probes["kind"].isin(["chosen", "rejected"])]
    if sides.empty:
        return {}
    changes = sides.pivot(index="row", columns=["kind", "step"], values="change")
    moved = changes["chosen"] - changes["rejected"]  # one row per pair, one column per step
    margin = (before["chosen"] - before["rejected"]).loc[moved.index]
    nats = {0: margin, **{int(step): margin + moved[step] for step in sides["step"].unique()}}
    return {step: ratios.to_numpy() / np.log(10) for step, ratios in nats.items()}
