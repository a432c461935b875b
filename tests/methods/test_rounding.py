"""What rounding may not decide: a fresh policy's log-probabilities are off the reference's in their last digits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from methods.beta_dpo import BetaDPO
from methods.dpop import DPOP
from methods.rounding import EQUAL, rounding


def fresh(batch_of, errors, logps=-60.0):
    """A fresh policy whose chosen log-probabilities are off by `errors` nats; the reference is at `logps`."""
    batch = batch_of([0.0] * len(errors), [0.0] * len(errors))
    off = {name: column + (logps + 10) * ("logps" in name) for name, column in batch.tensors().items()}
    batch = replace(batch, **off)
    return replace(batch, chosen_logps=batch.ref_chosen_logps + torch.tensor(errors, dtype=torch.float64))


def chosen_slopes(method, batch):
    """Slope of every pair's loss by the chosen log-probability."""
    chosen = batch.chosen_logps.clone().requires_grad_()
    (slope,) = torch.autograd.grad(method.pair_losses(replace(batch, chosen_logps=chosen)).sum(), chosen)
    return slope.tolist()


def test_rounding_is_a_millionth_of_a_log_probability_and_never_below_a_hundred_thousandth():
    logps = torch.tensor([-0.5, -10.0, -60.0, -300.0], dtype=torch.float64)
    assert rounding(logps).tolist() == pytest.approx([EQUAL, EQUAL, 6e-5, 3e-4])


@pytest.mark.parametrize("logps", [-1.0, -60.0, -300.0])
def test_float32_sums_of_tokens_stay_within_it(logps):
    """The same tokens in another order, 60 of them, as another batch would sum them."""
    tokens = (torch.rand(60, generator=torch.Generator().manual_seed(0)) + 0.5) * logps / 60
    sums = torch.stack([tokens[torch.randperm(60, generator=torch.Generator().manual_seed(seed))].cumsum(0)[-1]
                        for seed in range(50)])  # fmt: skip
    assert (sums.max() - sums.min()).item() < rounding(sums).min().item()


def test_dpop_pulls_every_completion_of_a_fresh_policy_alike(batch_of):
    # -beta sigmoid(0) for all; without the guard the second would be pulled 51 times as hard
    found = chosen_slopes(DPOP(beta=0.1), fresh(batch_of, [7.6e-6, -7.6e-6, 0.0, -3e-5]))
    assert found == pytest.approx([-0.05] * 4, rel=1e-3)


def test_dpop_counts_a_fall_from_where_rounding_ends(batch_of):
    # margin 0.1 (-0.01 - 50 (0.01 - 6e-5)) = -0.0507; and no jump where the fall begins to count
    batch = fresh(batch_of, [-0.01, -6e-5 - 1e-12, -6e-5 + 1e-12])
    losses = DPOP(beta=0.1).pair_losses(batch)
    assert losses[0].item() == pytest.approx(math.log1p(math.exp(0.0507)), rel=1e-12)
    assert losses[1].item() == pytest.approx(losses[2].item(), abs=1e-10)
    assert chosen_slopes(DPOP(beta=0.1), batch)[0] == pytest.approx(-5.1 / (1 + math.exp(-0.0507)), rel=1e-12)


def test_beta_dpo_keeps_all_pairs_of_a_fresh_policy_alike(batch_of):
    method, batch = BetaDPO(keep=0.5), fresh(batch_of, [7.6e-6, -7.6e-6, 0.0, -3e-5])
    batch = batch.with_state(method.next_state(batch.with_state(method.initial_state(0))))
    assert method.pair_weights(method.pair_losses(batch), batch).tolist() == pytest.approx([1 / 4] * 4)
