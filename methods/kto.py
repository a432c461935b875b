"""Kahneman-Tversky optimisation: desirable and undesirable completions, no pairs."""

from __future__ import annotations

from dataclasses import dataclass

from methods import Method, Role, TrainingJob, hyperparameter, log_uniform


@dataclass(frozen=True)
class KTO(Method):
    """Every pair is taken apart: its chosen completion is desirable, its rejected one undesirable.

    l = w_D (1 - sigmoid(beta (r - z))) for desirable and w_U (1 - sigmoid(beta (z - r))) for undesirable completions,
    with r = log pi / pi_ref and z = max(0, mean r of the batch's completions beside other prompts), not differentiated.
    beta: per nat. desirable_weight, undesirable_weight: the paper's lambda_D and lambda_U.
    Source: arXiv:2402.01306, Eq. 7; the loss is TRL's own.
    """

    name = "kto"
    paper = "arXiv:2402.01306"
    role = Role.BASELINE

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    desirable_weight: float = hyperparameter(1.0, log_uniform(0.5, 2.0))
    undesirable_weight: float = hyperparameter(1.0, log_uniform(0.5, 2.0))

    def train(self, job: TrainingJob) -> None:
        """Minimise the mean loss over both sides of the cell's pairs."""
        job.fit_unpaired(self.beta, self.desirable_weight, self.undesirable_weight)
