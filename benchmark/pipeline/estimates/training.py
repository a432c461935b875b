"""What training a method amounts to: the method is handed a job that counts where others train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize
from benchmark.suites.base import Suite
from benchmark.suites.generated import GeneratedSuite
from benchmark.suites.sizes import TextSizes
from benchmark.training.settings import TrainingSettings, checkpoint_steps
from methods import Coupling, Method, PairwiseMethod, Solver

FORWARD = 1 / 3  # a pass without backward, in passes with it
SECOND_BACKWARD, DISPLACED = 1.4, 1.1  # what a penalty adds: exactly, or by a difference; docs/speed.md measures both
START_SECONDS = 0.5  # loading the policy and making a trainer
STEP_SECONDS = 3e-3  # of the optimiser and the trainer's own work, beside the model
FOUR_AT_A_TIME = 4  # micro-batches in a pass without backward


@dataclass
class CountingJob:
    """A `methods.TrainingJob` that adds up the work and trains nothing."""

    size: PolicySize
    texts: TextSizes
    settings: TrainingSettings
    suite: Suite
    shift: Any
    work: Work = field(default_factory=lambda: Work(host_seconds=START_SECONDS))
    steps: int = 0

    def fit_pairs(self, method: PairwiseMethod, stop_after: float = 1.0, margins: Tensor | None = None) -> None:
        """Steps of forward and backward; more passes where the objective couples a split batch or has a penalty."""
        its, micro = self.settings, self._micro_batches
        self.steps = max(1, math.ceil(stop_after * self._all_steps))
        factor = 1.0 + (FORWARD if its.gradient_checkpointing else 0.0)
        step = self._pass(method.penalises_inputs()) * (factor + self._extra_backward(method))
        if method.coupling() is Coupling.BATCH and micro > 1 and not method.penalises_inputs():
            step += self._pass(False, FOUR_AT_A_TIME) * FORWARD
        self._add(step)

    def fit_unpaired(self, beta: float, desirable_weight: float, undesirable_weight: float) -> None:
        """Steps over both sides of every pair, and passes over completions beside other prompts, twice."""
        self.steps = self._all_steps
        self._add(self._pass(False) * (1 + 2 * FORWARD))

    def fit_online(self, beta: float, generations: int) -> None:
        """Steps that sample, score, pass the reference and train."""
        self.steps = self._all_steps
        rows = 2 * self.settings.batch_size
        sampling = self.size.sampling(rows, self.texts.tokens, self.texts.longest, rows)
        scoring = (self.suite.scoring(rows) if isinstance(self.suite, GeneratedSuite) else None) or Work()
        self._add(sampling + scoring + self._pass(False) * (1 + 2 * FORWARD))

    def average(self, weights: Sequence[float]) -> None:
        """Reading every part's checkpoints; writing is counted for all ways to train."""
        self.steps = self._all_steps
        self.work += self.size.checkpoint * (len(weights) * self.settings.checkpoints)

    def utility_margins(self, shift: Any) -> Tensor:
        """Zeros: counting needs no margins."""
        return torch.zeros(self.texts.prompts["train"], dtype=torch.float64)

    @property
    def checkpoints(self) -> int:
        """How many are kept."""
        return len(checkpoint_steps(self.steps, self.settings.checkpoints))

    @property
    def _all_steps(self) -> int:
        return math.ceil(self.texts.prompts["train"] / self.settings.batch_size * self.settings.epochs)

    @property
    def _micro_batches(self) -> int:
        return self.settings.batch_size // (self.settings.micro_batch_size or self.settings.batch_size)

    def _pass(self, apart: bool = False, together: int = 1) -> Work:
        """Forward and backward over the pairs of one step; `apart`: a row per completion, even if prompts are shared.
        `together`: micro-batches in one pass."""
        pairs, its = self.settings.batch_size, self.settings
        rows, tokens = 2 * pairs, self.texts.padded
        if its.share_prompt and not apart:
            rows, tokens = pairs, self.texts.prompt_tokens + 2 * self.texts.longest
        return self.size.training(rows, tokens, together * rows / self._micro_batches)

    def _extra_backward(self, method: PairwiseMethod) -> float:
        if not method.penalises_inputs():
            return 0.0
        eager = self.settings.attention in (None, "eager") and not self.settings.gradient_checkpointing
        exact = method.penalty_solver in (Solver.AUTO, Solver.DOUBLE_BACKWARD) and eager
        return SECOND_BACKWARD if exact else DISPLACED

    def _add(self, step: Work) -> None:
        self.work += (step + Work(host_seconds=STEP_SECONDS)) * self.steps


def count(
    method: Method, size: PolicySize, texts: TextSizes, settings: TrainingSettings, suite: Suite, shift: Any
) -> CountingJob | None:
    """The job after the method has had it; None where the method does with it what cannot be counted."""
    job = CountingJob(size, texts, settings, suite, shift)
    try:
        method.train(job)
    except Exception:  # a plug-in may ask of a job whatever it likes; its time is then guessed, and said to be
        return None
    job.work += size.checkpoint * job.checkpoints if job.steps else Work()
    return job if job.steps else None
