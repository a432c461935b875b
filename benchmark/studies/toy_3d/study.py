"""The suite `toy_3d`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from benchmark.core.work import Work
from benchmark.report import Study
from benchmark.studies.toy_3d.settings import Toy3DSettings
from benchmark.studies.toy_3d.summary import summarise
from benchmark.studies.toy_3d.training import train_policy, train_reward_model
from benchmark.studies.toy_3d.world import SCENARIOS, World
from benchmark.suites.analytic import AnalyticSuite, Record
from methods import Method, PairwiseMethod

REWARD_MODEL = "reward_model"


class Toy3D(AnalyticSuite):
    """A policy over ten discrete responses, trained on all pairs at once: what happens to chosen, rejected and unseen.

    Four prompts, a network of three linear layers, and four scenarios: chosen and rejected responses each on-policy
    (likely under the initial policy) or off-policy (unlikely). A reward model is trained on the same pairs beside.
    Source: arXiv:2406.07327, the toy model; sizes and the initial policy are this suite's own.
    """

    name = "toy_3d"
    versioned = True
    version = 1
    Settings = Toy3DSettings
    scenarios = SCENARIOS
    beside: ClassVar[tuple[str, ...]] = (REWARD_MODEL,)
    settings: Toy3DSettings

    def describe(self) -> dict[str, str]:
        """How world, policy and training are made."""
        s = self.settings
        likely, unlikely = s.head_mass / s.head, (1 - s.head_mass) / (s.responses - s.head)
        return {
            "world": f"{s.prompts} prompts x {s.responses} responses; per prompt {s.chosen} chosen, {s.chosen} "
            f"rejected, {s.responses - 2 * s.chosen} unseen; all chosen x rejected pairs",
            "initial policy": f"{s.head} likely responses of probability {likely:.3g} each and "
            f"{s.responses - s.head} unlikely ones of {unlikely:.3g}; exact, by the least change of the last layer",
            "on- and off-policy": "on: taken from the likely responses; off: from the unlikely ones; which responses "
            "are likely is drawn per prompt and seed",
            "network": f"embedding {s.embedding} ({s.similarity:.0%} of its variance common to all prompts, so that "
            f"prompts interfere), two hidden layers of {s.width}, tanh, float64",
            "training": f"{s.epochs} steps of Adam on the full batch, learning rate {s.learning_rate:g}, no clipping",
            "input of WDPO's penalty": "the prompt's embedding, as each side of a pair reads it",
        }

    def run(self, subject: Method | str, scenario: str, seed: int) -> list[Record]:
        """Curves `NAME@EPOCH` (see `training`), the last point under the plain name, and the headline numbers."""
        world = World.draw(self.settings, scenario, seed)
        if subject == REWARD_MODEL:
            records = train_reward_model(world, self.settings, seed)
        else:
            assert isinstance(subject, PairwiseMethod), "skip() lets pairwise methods through alone"
            records = train_policy(subject, world, self.settings, seed)
            records += _headline_numbers(records)
        last = f"@{self.settings.epochs}"
        ends = [Record(r.metric.removesuffix(last), r.value, r.n) for r in records if r.metric.endswith(last)]
        return [*records, *ends]

    def work(self) -> Work:
        """Half a millisecond per step."""
        return Work(host_seconds=0.05 + 5e-4 * self.settings.epochs * len(self.scenarios))

    def summarise(self, results: pd.DataFrame, cells: pd.DataFrame) -> Study:
        """The three properties as figures, tables and a sentence."""
        return summarise(results, cells, self.describe())


def _headline_numbers(records: list[Record]) -> list[Record]:
    """rejected_drop, chosen_rise, chosen_fall in nats; unseen_peak, unseen_gain as changes of probability.

    drop: start minus end. rise: highest recorded point minus start; fall: highest minus end. peak: highest minus start
    of the mass on unseen responses; gain: end minus start.
    """
    rejected, n_rejected = _along_training(records, "logp_rejected")
    chosen, n_chosen = _along_training(records, "logp_chosen")
    unseen, prompts = _along_training(records, "mass_unseen")
    return [
        Record("rejected_drop", rejected[0] - rejected[-1], n_rejected),
        Record("chosen_rise", max(chosen) - chosen[0], n_chosen),
        Record("chosen_fall", max(chosen) - chosen[-1], n_chosen),
        Record("unseen_peak", max(unseen) - unseen[0], prompts),
        Record("unseen_gain", unseen[-1] - unseen[0], prompts),
    ]


def _along_training(records: list[Record], metric: str) -> tuple[list[float], int]:
    own = [record for record in records if record.metric.partition("@")[0] == metric]
    if not np.isfinite([record.value for record in own]).all():
        raise FloatingPointError(f"{metric} is not finite: training diverged")
    return [record.value for record in own], own[0].n
