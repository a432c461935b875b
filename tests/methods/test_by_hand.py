"""WDPO and KLDPO on an example small enough for paper: two pairs of three-token completions, every number derived.

The policy has three tokens and logits (z_1, z_2, 0) at a position whose embedding is z, and all embeddings are 0. Hence
    log pi(token) = -log 3 at every position, and its gradient by z is e_token - (1/3, 1/3):
    token A: (2/3, -1/3), squared length 5/9;  B: (-1/3, 2/3), 5/9;  C: (-1/3, -1/3), 2/9.
The reference is such that h = log 3 for the first pair and -log 3 for the second. With beta = 1
    l = -log sigmoid(h) = log(1 + exp(-h)): log(4/3) and log 4;  dl/dh = -sigmoid(-h): -1/4 and -3/4.
The gradient of l by the embeddings is dl/dh times that of h, with opposite signs for chosen and rejected, so squared:
    pair 1: chosen AAC 5/9 + 5/9 + 2/9, rejected BCC 5/9 + 2/9 + 2/9, together 7/3; times 1/16 is 7/48.
    pair 2: chosen CCC 6/9, rejected ABC 12/9, together 2; times 9/16 is 9/8.
"""

from __future__ import annotations

import math

import pytest
import torch

from benchmark.training.coupling import linearise
from benchmark.training.forward import squared_input_gradients
from methods import PairBatch, PairwiseMethod
from methods.dpo import DPO
from methods.kldpo import KLDPO, KLDPOBall, KLDPOReleased
from methods.wdpo import WDPO

TOKENS = ["AAC", "CCC", "BCC", "ABC"]  # chosen of both pairs, then rejected
EASY, HARD = math.log(4 / 3), math.log(4)
NORMS = [7 / 48, 9 / 8]


class Example:
    """The policy's log-probabilities as functions of embeddings, shape [4 completions, 3 tokens, 2]."""

    def __init__(self) -> None:
        self.embeddings = torch.zeros(4, 3, 2, dtype=torch.float64, requires_grad=True)
        logits = torch.cat([self.embeddings, torch.zeros(4, 3, 1, dtype=torch.float64)], dim=2)
        tokens = torch.tensor([["ABC".index(token) for token in text] for text in TOKENS])
        logps = logits.log_softmax(2).gather(2, tokens[:, :, None]).squeeze(2).sum(1)
        log3 = math.log(3)
        self.batch = PairBatch(
            chosen_logps=logps[:2],
            rejected_logps=logps[2:],
            ref_chosen_logps=torch.tensor([-4 * log3, -3 * log3], dtype=torch.float64),
            ref_rejected_logps=torch.tensor([-3 * log3, -4 * log3], dtype=torch.float64),
            chosen_lengths=torch.full((2,), 3),
            rejected_lengths=torch.full((2,), 3),
        )

    def losses(self, method: PairwiseMethod) -> torch.Tensor:
        """Of both pairs."""
        return method.pair_losses(self.batch)

    def norms(self, method: PairwiseMethod) -> torch.Tensor:
        """Squared input gradients, as the trainer takes them."""
        return squared_input_gradients(self.losses(method), self.embeddings, differentiable=True)

    def objective(self, method: PairwiseMethod) -> float:
        """The value over both pairs, as the trainer has it."""
        norms = self.norms(method) if method.penalises_inputs() else None
        return float(linearise(method, self.batch, norms)[1])

    def gradient(self, method: PairwiseMethod) -> torch.Tensor:
        """The slopes' gradient by the embeddings, as the trainer takes it."""
        norms = self.norms(method) if method.penalises_inputs() else None
        slopes, _ = linearise(method, self.batch, norms)
        (found,) = torch.autograd.grad(slopes.objective(self.batch, norms), self.embeddings)
        return found


def test_the_losses_and_norms_are_those_of_the_docstring():
    example = Example()
    assert example.batch.log_ratio_margin.tolist() == pytest.approx([math.log(3), -math.log(3)])
    assert example.losses(DPO(beta=1.0)).tolist() == pytest.approx([EASY, HARD])
    assert example.norms(WDPO(beta=1.0)).tolist() == pytest.approx(NORMS)


def test_wdpo_by_hand():
    # mean l = (log 4/3 + log 4) / 2 = log(4 / sqrt 3); mean of the norms = (7/48 + 54/48) / 2 = 61/96
    mean = math.log(4 / math.sqrt(3))
    assert Example().objective(WDPO(beta=1.0, rho=0.5)) == pytest.approx(mean + 0.5 * math.sqrt(61 / 96))
    assert Example().objective(WDPO(beta=1.0, rho=0.5, form="squared")) == pytest.approx(mean + 0.5 * 61 / 96)


def test_the_released_wdpo_adds_every_pairs_own_squared_norm():
    # mean_i (l_i + rho ||g_i||^2), pair by pair
    released = ((EASY + 2 * NORMS[0]) + (HARD + 2 * NORMS[1])) / 2
    assert Example().objective(WDPO(beta=1.0, rho=2.0, form="squared")) == pytest.approx(released)


def test_wdpo_gradient_by_hand():
    # On the first (A) and the last token (C) of the first completion the plain gradient is 1/2 x -1/4 x (2/3, -1/3) and
    # 1/2 x -1/4 x (-1/3, -1/3). S_1 = s^2 N with s = sigmoid(-h), N = sum of |e - p|^2 over its tokens. By a chosen z:
    #   ds/dz = -s (1 - s) dh/dz = -1/4 x 3/4 dh/dz, so 2 s N ds/dz = -2 x 1/4 x 7/3 x 3/16 dh/dz = -7/32 dh/dz;
    #   d|e_y - p|^2 = -2 (diag p - p p^T)(e_y - p), with p = (1/3, 1/3) the 2 x 2 matrix is [[2/9, -1/9], [-1/9, 2/9]]:
    #     for A: -2 (2/9 x 2/3 + 1/9 x 1/3, -1/9 x 2/3 - 2/9 x 1/3) = -2 (5/27, -4/27); times s^2 = 1/16.
    # so dS_1/dz at the first token is -7/32 (2/3, -1/3) + (-10/27, 8/27) / 16. squared form: times rho / 2.
    plain = torch.tensor([2 / 3, -1 / 3]) * -1 / 8
    by_norm = torch.tensor([2 / 3, -1 / 3]) * -7 / 32 + torch.tensor([-10 / 27, 8 / 27]) / 16
    squared = Example().gradient(WDPO(beta=1.0, rho=3.0, form="squared"))[0, 0]
    assert squared.tolist() == pytest.approx((plain + 3 / 2 * by_norm).tolist(), rel=1e-6)
    # sqrt form: d sqrt(M) = dM / (2 sqrt M) with M = 61/96
    rooted = Example().gradient(WDPO(beta=1.0, rho=3.0))[0, 0]
    assert rooted.tolist() == pytest.approx((plain + 3 / 2 * by_norm / (2 * math.sqrt(61 / 96))).tolist(), rel=1e-6)


def test_kldpo_by_hand():
    # exp(l / tau): 4/3 against 4 at tau = 1, so 1/4 and 3/4; squared at tau = 1/2, so 1/10 and 9/10
    losses, batch = Example().losses(DPO(beta=1.0)), Example().batch
    assert KLDPO(beta=1.0, tau=1.0).pair_weights(losses, batch).tolist() == pytest.approx([1 / 4, 3 / 4])
    assert KLDPO(beta=1.0, tau=0.5).pair_weights(losses, batch).tolist() == pytest.approx([1 / 10, 9 / 10])
    assert Example().objective(KLDPO(beta=1.0, tau=1.0)) == pytest.approx(EASY / 4 + 3 * HARD / 4)


def test_kldpo_gradient_by_hand():
    # second pair, chosen C: weight 3/4, dl/dh -3/4, gradient of log pi (-1/3, -1/3): (3/16, 3/16); rejected A: the
    # opposite sign, -9/16 x -(2/3, -1/3)
    gradient = Example().gradient(KLDPO(beta=1.0, tau=1.0))
    assert gradient[1, 0].tolist() == pytest.approx([3 / 16, 3 / 16])
    assert gradient[3, 0].tolist() == pytest.approx([9 / 16 * 2 / 3, -9 / 16 / 3])


def test_the_radius_of_kldpo_by_hand():
    # KL((1/4, 3/4) || uniform) = 1/4 log 1/2 + 3/4 log 3/2: at that radius tau is 1
    radius = math.log(1 / 2) / 4 + 3 * math.log(3 / 2) / 4
    losses, batch = Example().losses(DPO(beta=1.0)), Example().batch
    assert KLDPOBall(beta=1.0, rho=radius).pair_weights(losses, batch).tolist() == pytest.approx(
        [1 / 4, 3 / 4], abs=1e-10
    )


def test_the_released_kldpo_by_hand():
    # l - mean l = -+ log sqrt 3. tau = 1: weights 3^(-1/2) / 2 and 3^(1/2) / 2, which sum to 1.15, not to 1.
    # tau = 0.1: 3^-5 / 2, and 3^5 = 243 clamped to 10, so 10 / 2.
    losses, batch = Example().losses(DPO(beta=1.0)), Example().batch
    warm, cold = KLDPOReleased(beta=1.0, tau=1.0), KLDPOReleased(beta=1.0, tau=0.1)
    assert warm.pair_weights(losses, batch).tolist() == pytest.approx([3**-0.5 / 2, 3**0.5 / 2])
    assert cold.pair_weights(losses, batch).tolist() == pytest.approx([3**-5 / 2, 5.0])
    assert Example().objective(cold) == pytest.approx(3**-5 / 2 * EASY + 5 * HARD)
