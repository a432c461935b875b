"""The DPO envelope: what a user could have had by stopping, re-tuning and mixing plain DPO.

Randomising between policies is itself a policy: its utilities are the mixture of theirs, and its KL is at most the
mixture of theirs. So the best worst case that DPO offers without giving up the nominal utility of a method m is

    E(m) = max_{w, t} t   with   t <= sum_i w_i J_s(pi_i) for every s,   sum_i w_i J_s0(pi_i) >= J_s0(m),

over the plain DPO policies pi_i of every beta and checkpoint, the reference among them; and `over_envelope` is
min_s J_s(m) - E(m).

**Two halves.** The maximum over noisy policies flatters the envelope, so w is chosen on one set of prompts (with m's
nominal utility measured there too) and both worst cases are measured on the other: each is the least over s of a mean
over prompts. Then the sets change places and the two answers are averaged. That is sound as long as neither set was
used to select m; whoever selects m's settings on validation prompts must pass `ONE_WAY` and not `BOTH_WAYS`.

**Nominal utility on the other half.** A mixture that just reaches m's nominal utility where it was chosen misses it,
by noise, where it is measured, and more often falls short, since it was the best of many. Whatever it lacks is charged
at the programme's own shadow price lambda (the dual of the nominal constraint, the slope of the DPO frontier there):

    E = min_s sum_i w_i J_s(pi_i) - lambda (J_s0(m) - sum_i w_i J_s0(pi_i)),   w, lambda from the choosing half.

With one half for both this is E(m) exactly, by complementary slackness; with two it removes the bias to first order.

**Empty programmes.** Where no mixture reaches m's nominal utility, there is nothing to compare: NaN here, counted and
never taken as 0. With two halves a replicate is NaN where either is empty. The half that answers would be the one whose
noise favours DPO, and to keep it alone biases the number and its interval (two-sided errors of 9 to 11% in simulation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats
from benchmark.measure.statistics.simplex import Solution, best_mixture

Fold = tuple[int, int]  # the half on which w is chosen, the half on which it is measured
VALIDATION, TEST = 0, 1
BOTH_WAYS: tuple[Fold, ...] = ((VALIDATION, TEST), (TEST, VALIDATION))
ONE_WAY: tuple[Fold, ...] = ((VALIDATION, TEST),)


@dataclass(frozen=True)
class Means:
    """What is known of some policies on one half of the prompts; one entry per replicate and policy.

    utility: J_s under the shifts that bind, shape [replicates, policies, shifts]; nominal: J_s0 and kl: nats per
    completion, both of shape [replicates, policies].
    """

    utility: Floats
    nominal: Floats
    kl: Floats

    def keep(self, policies: Sequence[int]) -> Means:
        """Some of the policies."""
        chosen = list(policies)
        return Means(self.utility[:, chosen], self.nominal[:, chosen], self.kl[:, chosen])


def over_envelope(dpo: Sequence[Means], method: Sequence[Means], folds: Sequence[Fold] = BOTH_WAYS) -> Floats:
    """min_s J_s(m) - E(m) in every replicate, shape [replicates]; NaN where the programme of any fold is empty.

    Args:
        dpo: the policies of plain DPO on each half.
        method: the one policy that is compared, on each half.
        folds: which half chooses and which measures; their answers are averaged.
    """
    return np.asarray(np.mean([_over(dpo, method, fold) for fold in folds], axis=0))


def _over(dpo: Sequence[Means], method: Sequence[Means], fold: Fold) -> Floats:
    choose, measure = fold
    chosen = best_mixture(dpo[choose].utility, dpo[choose].nominal, method[choose].nominal[:, 0])
    worst = _mixed(chosen, dpo[measure].utility).min(axis=1)
    missing = method[measure].nominal[:, 0] - _mixed(chosen, dpo[measure].nominal[:, :, None])[:, 0]
    envelope = worst - chosen.shadow_price * missing
    return method[measure].utility[:, 0].min(axis=1) - envelope


def over_checkpoint(dpo: Sequence[Means], method: Sequence[Means], folds: Sequence[Fold] = BOTH_WAYS) -> Floats:
    """min_s J_s(m) minus that of the best single policy of DPO with at least m's nominal utility, shape [replicates].

    The policy is taken on one half and measured on the other; NaN where none reaches m's nominal utility. Mixtures
    with the reference do better than DPO's own path, so this is the lower hurdle.
    """
    return np.asarray(np.mean([_over_checkpoint(dpo, method, fold) for fold in folds], axis=0))


def _over_checkpoint(dpo: Sequence[Means], method: Sequence[Means], fold: Fold) -> Floats:
    choose, measure = fold
    reaches = dpo[choose].nominal >= method[choose].nominal
    best = np.where(reaches, dpo[choose].utility.min(axis=2), -np.inf).argmax(axis=1)
    theirs = np.take_along_axis(dpo[measure].utility.min(axis=2), best[:, None], axis=1)[:, 0]
    return np.where(reaches.any(axis=1), method[measure].utility[:, 0].min(axis=1) - theirs, np.nan)


def kl_saving(dpo: Sequence[Means], method: Sequence[Means], folds: Sequence[Fold] = BOTH_WAYS) -> Floats:
    """Least KL of a DPO mixture that reaches m's nominal utility, minus m's KL, in nats, shape [replicates].

    The same two halves and the same charge for nominal utility that is missing, at the price in nats; NaN where no
    mixture reaches it.
    """
    return np.asarray(np.mean([_saving(dpo, method, fold) for fold in folds], axis=0))


def out_of_reach(dpo: Sequence[Means], method: Sequence[Means], folds: Sequence[Fold] = BOTH_WAYS) -> Bools:
    """Whether the programme of every fold is empty, shape [replicates]: m's nominal utility is beyond all of DPO."""
    return np.all([method[half].nominal[:, 0] > dpo[half].nominal.max(axis=1) for half, _ in folds], axis=0)


def _saving(dpo: Sequence[Means], method: Sequence[Means], fold: Fold) -> Floats:
    choose, measure = fold
    chosen = best_mixture(-dpo[choose].kl[:, :, None], dpo[choose].nominal, method[choose].nominal[:, 0])
    kl = _mixed(chosen, dpo[measure].kl[:, :, None])[:, 0]
    missing = method[measure].nominal[:, 0] - _mixed(chosen, dpo[measure].nominal[:, :, None])[:, 0]
    return kl + chosen.shadow_price * missing - method[measure].kl[:, 0]


def _mixed(chosen: Solution, values: Floats) -> Floats:
    """sum_i w_i values_i, shape [replicates, k] from [replicates, policies, k]."""
    return np.einsum("bp,bpk->bk", chosen.weights, values)
