"""The suite `loglinear`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.core.data import Floats, Ints
from benchmark.core.work import Work
from benchmark.report import Study
from benchmark.studies.loglinear.settings import LogLinearSettings
from benchmark.studies.loglinear.solve import BOUND, KINK, REFERENCE, Optimum, stationary
from benchmark.studies.loglinear.summary import summarise
from benchmark.studies.loglinear.world import World
from benchmark.suites.analytic import AnalyticSuite, Record
from methods import Method, PairwiseMethod

SCENARIO = "bradley_terry"


class LogLinear(AnalyticSuite):
    """Log-linear policies with a known optimum: how fast ||theta_n - theta|| falls with the number n of pairs.

    theta is each method's own optimum on the whole population, robust methods' included: that is what the theorems of
    arXiv:2502.01930 are about (Theorem 1 for WDPO and Theorem 2 for KLDPO prove O(n^-1/4), Proposition 1 for DPO
    O(n^-1/2)). Proven rates are upper bounds.
    """

    name = "loglinear"
    versioned = True
    version = 1
    Settings = LogLinearSettings
    scenarios = (SCENARIO,)
    settings: LogLinearSettings

    def skip(self, method: Method) -> str | None:
        """Besides the common reasons: an objective that moves has no optimum."""
        reason = super().skip(method)
        if reason is None and isinstance(method, PairwiseMethod) and method.has_state():
            return f"{method.name} keeps running quantities, so its objective moves and has no optimum to converge to"
        return reason

    def describe(self) -> dict[str, str]:
        """How world and data are made, and how optima are found."""
        s = self.settings
        return {
            "world": f"pi(y | x) proportional to exp(theta . psi(x, y)), dimension {s.dimension}; {s.prompts} prompts "
            f"x {s.responses} responses, random features of norm at most 1; the reference is theta = 0",
            "labels": f"Bradley-Terry on the reward {s.beta:g} theta* . psi with norm of theta* {s.strength:g}; "
            f"probabilities rounded to multiples of 1/{s.resolution}",
            "population": "every pair of responses in the proportion of its labels, as one batch: a method's optimum "
            "on it is exact. Data sets are drawn from it with replacement",
            "data sets": f"{s.draws} of each size {s.sizes()[0]:,} to {s.sizes()[-1]:,}, doubling; a seed draws world "
            "and data",
            "optimum": f"where the gradient vanishes in the ball of radius {s.bound:g}, in float64, by root finding; "
            "of several local ones, the one found from the population's",
            "weights": "not differentiated, as in Algorithm 2 of the paper: what converges is the stationary point of "
            "that gradient. For KLDPO it is the optimum of tau log mean exp(l / tau)",
            "input of WDPO's penalty": "the feature vectors psi of both sides of a pair",
        }

    def run(self, subject: Method | str, scenario: str, seed: int) -> list[Record]:
        """error@N: ||theta_N - theta||, mean over data sets; slope: of its logarithm against log N; and where the
        optima lie. There is no slope where an error is 0: the optimum is then held at the reference."""
        assert isinstance(subject, PairwiseMethod), "skip() lets pairwise methods through alone"
        s, world = self.settings, World.draw(self.settings, seed)
        whole = self._optimum(subject, world, world.pairs)
        errors, places = [], []
        for size in s.sizes():
            found = [self._optimum(subject, world, world.sample(size, seed, d), whole.theta) for d in range(s.draws)]
            errors.append(float(np.mean([np.linalg.norm(each.theta - whole.theta) for each in found])))
            places += [each.place for each in found]
        records = [Record(f"error@{size}", error, s.draws) for size, error in zip(s.sizes(), errors, strict=True)]
        records += [
            Record("optimum_norm", float(np.linalg.norm(whole.theta)), 1),
            Record("distance_to_truth", float(np.linalg.norm(whole.theta - world.truth)), 1),
            Record("optimum_on_bound", float(whole.place == BOUND), 1),
        ]
        shares = {"share_on_bound": BOUND, "share_at_kink": KINK, "share_at_reference": REFERENCE}
        records += [Record(name, places.count(place) / len(places), len(places)) for name, place in shares.items()]
        if np.isfinite(whole.residual):
            records.append(Record("gradient_left", whole.residual, 1))
        if min(errors) > 0:
            records.append(Record("slope", log_slope(s.sizes(), errors), len(errors)))
        return records

    def _optimum(self, method: PairwiseMethod, world: World, pairs: Ints, start: Floats | None = None) -> Optimum:
        s = self.settings
        return stationary(world.gradient(method, pairs), s.bound, s.dimension, start, method.convex)

    def work(self) -> Work:
        """Ten milliseconds per optimum, and a few microseconds per pair."""
        s = self.settings
        return Work(host_seconds=0.05 + s.draws * sum(0.01 + 4e-6 * size for size in s.sizes()))

    def summarise(self, results: pd.DataFrame, cells: pd.DataFrame) -> Study:
        """The rates as a figure, a table and a sentence."""
        return summarise(results, cells, SCENARIO, self.describe())


def log_slope(sizes: list[int], errors: list[float]) -> float:
    """Least-squares slope of log error against log size: the exponent of n."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])
