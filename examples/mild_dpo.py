"""A method of your own in one file: a soft hinge on the log-ratio margin.

Run it beside the registered ones:

    python run_all.py --preset smoke --plugin examples/mild_dpo.py --methods "reference,dpo,dpo(beta=1),mild_dpo"
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class MildDPO(PairwiseMethod):
    """DPO that stops pulling on a pair once its margin is large: l = (1 / beta) softplus(beta (m - h)).

    beta: sharpness of the bend, per nat; m = margin: the log-ratio margin, in nats, at which a pair counts as learned.
    beta -> infinity is the hinge max(0, m - h); m -> infinity pulls on every pair alike.
    """

    name = "mild_dpo"

    beta: float = hyperparameter(1.0, log_uniform(0.1, 10.0))
    margin: float = hyperparameter(5.0, log_uniform(0.5, 20.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """What each pair costs, shape [pairs], in nats."""
        return softplus(self.beta * (self.margin - batch.log_ratio_margin)) / self.beta
