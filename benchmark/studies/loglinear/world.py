"""Log-linear policies with random features, and labels by a true linear reward."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from benchmark.core.data import Floats, Ints
from benchmark.core.seeds import generator
from benchmark.studies.loglinear.settings import LogLinearSettings
from benchmark.studies.objective import objective, pair_batch
from methods import PairwiseMethod


@dataclass(frozen=True)
class World:
    """pi_theta(y | x) = exp(theta . psi(x, y)) / Z(x); the reference is theta = 0.

    features: psi, shape [prompts, responses, dimension], the longest of norm 1. truth: theta*, shape [dimension].
    pairs: the population, every pair of responses of a prompt `resolution` times, each time with one label, in the
    proportion that Bradley and Terry's model gives (rounded): prompt, chosen, rejected, shape [population, 3]. A data
    set is drawn from these rows with replacement, so the population is a batch too and its optimum is exact.
    """

    features: Tensor
    truth: Floats
    pairs: Ints

    @classmethod
    def draw(cls, settings: LogLinearSettings, seed: int) -> World:
        """Features and the direction of theta* are normal."""
        rng = generator("loglinear", "world", seed)
        features = rng.normal(size=(settings.prompts, settings.responses, settings.dimension))
        features /= np.linalg.norm(features, axis=2).max()
        truth = rng.normal(size=settings.dimension)
        truth *= settings.strength / np.linalg.norm(truth)
        rewards = settings.beta * features @ truth
        rows = []
        for prompt in range(settings.prompts):
            for first, second in combinations(range(settings.responses), 2):
                gap = rewards[prompt, first] - rewards[prompt, second]
                times = round(settings.resolution / (1 + math.exp(-gap)))
                rows += [(prompt, first, second)] * times
                rows += [(prompt, second, first)] * (settings.resolution - times)
        return cls(torch.from_numpy(features), truth, np.array(rows))

    def sample(self, pairs: int, *names: object) -> Ints:
        """A data set of `pairs` rows; the same names give the same rows, whatever the method."""
        return self.pairs[generator("loglinear", "data", *names, pairs).integers(len(self.pairs), size=pairs)]

    def gradient(self, method: PairwiseMethod, pairs: Ints) -> Callable[[Floats], Floats]:
        """The gradient of the method's objective on `pairs` by theta, as a function of theta.

        The input of a pair, by which a penalty is taken, is psi(x, y) of both its sides; log Z is that of the world.
        """
        prompt, chosen, rejected = torch.from_numpy(pairs).T
        inputs = [self.features[prompt, side].requires_grad_() for side in (chosen, rejected)]
        reference = torch.full((len(pairs),), -math.log(self.features.shape[1]), dtype=torch.float64)

        def at(theta: Floats) -> Floats:
            point = torch.tensor(theta, requires_grad=True)
            constants = torch.logsumexp(self.features @ point, dim=1)[prompt]
            logps = [side @ point - constants for side in inputs]
            batch = pair_batch(logps[0], logps[1], reference, reference)
            (slope,) = torch.autograd.grad(objective(method, batch, inputs), point)
            return slope.numpy()

        return at
