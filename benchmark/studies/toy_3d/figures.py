"""The toy's figures: DPO along training in every scenario, all methods on unseen mass, and the reward model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from benchmark.measure.analytic.intervals import over_seeds
from benchmark.measure.analytic.tables import Numbers
from benchmark.report import Estimate, StudyFigure, StudyLine, StudyRow, StudyTable
from benchmark.studies.toy_3d.world import CLASSES, SCENARIOS, scenario_label

EPOCH = "epoch (steps on the full batch)"
REWARD_MODEL = "reward_model"
BALANCE = (
    "Balance: change of reward at the end of training, in nats of preference, mean over scenarios "
    "(0 in the last column: balanced)"
)


def figures(numbers: Numbers, rows: list[StudyRow]) -> tuple[StudyFigure, ...]:
    """All figures that have a line."""
    done = [row for row in rows if row.status == "done"]
    lead = next((row for row in done if row.method == "dpo"), done[0] if done else None)
    made = [_reward_figure(numbers, lead)]
    if lead is not None:
        made = [*(_three_curves(numbers, lead, s) for s in SCENARIOS), _ratio(numbers, lead), *made]
    made += [_unseen(numbers, done, scenario) for scenario in SCENARIOS]
    return tuple(figure for figure in made if figure.lines)


def _figure(id_: str, title: str, how: str, y_label: str, lines: list[StudyLine]) -> StudyFigure:
    return StudyFigure(id_, title, how, EPOCH, y_label, False, tuple(line for line in lines if line.x))


def _three_curves(numbers: Numbers, lead: StudyRow, scenario: str) -> StudyFigure:
    return _figure(
        f"classes-{scenario}",
        f"{lead.label}: {scenario_label(scenario)}",
        "Mean change of log-probability against the initial policy, over the chosen, the rejected and the unseen "
        "responses. Drop: rejected falls and keeps falling. Degradation: chosen turns down after its peak.",
        "change of log-probability (nats)",
        [numbers.line(scenario, lead.key, f"logp_{name}", name, name) for name in CLASSES],
    )


def _ratio(numbers: Numbers, lead: StudyRow) -> StudyFigure:
    return _figure(
        "gradient-ratio",
        f"{lead.label}: by how much the rejected side's gradient is larger",
        "log10 of |d loss / d pi(rejected)| over |d loss / d pi(chosen)|, mean over pairs. For DPO it is exactly "
        "pi(chosen) / pi(rejected): at 3, the rejected side pulls a thousand times as hard.",
        "log10 of the ratio of gradients",
        [numbers.line(s, lead.key, "gradient_ratio", scenario_label(s), s) for s in SCENARIOS],
    )


def _unseen(numbers: Numbers, rows: list[StudyRow], scenario: str) -> StudyFigure:
    return _figure(
        f"unseen-{scenario}",
        f"Probability on unseen responses: {scenario_label(scenario)}",
        "Mean over prompts of the probability of all responses that are in no pair. Rising: mass is taken from the "
        "rejected responses and does not go to the chosen ones. Intervals stand at the last epoch.",
        "probability of unseen responses",
        [
            _bare(numbers.line(scenario, row.key, "mass_unseen", row.label, row.method))
            for row in rows
            if row.scenario == scenario
        ],
    )


def _bare(line: StudyLine) -> StudyLine:
    """Without intervals but the last: those of ten methods would hide each other."""
    bare = [Estimate(y.value, n=y.n, absent=y.absent) for y in line.y[:-1]]
    return replace(line, y=(*bare, *line.y[-1:]))


def _reward_figure(numbers: Numbers, lead: StudyRow | None) -> StudyFigure:
    """The reward model's rewards, mean over scenarios: it does not know how likely a response is, so they are alike."""
    lines = [_pooled(numbers, REWARD_MODEL, f"reward_{name}", f"reward model: {name}", name, 1.0) for name in CLASSES]
    beta = lead.hparams.get("beta") if lead is not None else None
    if lead is not None and beta is not None:
        lines += [
            _pooled(numbers, lead.key, f"logp_{name}", f"{lead.label}, implicit: {name}", name, float(beta), True)
            for name in CLASSES
        ]
    return _figure(
        "reward-model",
        "A reward model on the same pairs",
        "Mean reward of chosen, rejected and unseen responses, from 0 at the start (solid), and DPO's implicit reward "
        "beta log pi/pi_ref (dashed), both mean over the four scenarios. Balanced: chosen rises as rejected falls, and "
        "unseen stays.",
        "reward (nats of preference)",
        lines,
    )


def _pooled(
    numbers: Numbers, key: str, metric: str, label: str, method: str, factor: float, dashed: bool = False
) -> StudyLine:
    points = next((recorded for s in SCENARIOS if (recorded := numbers.points(s, key, metric))), [])
    estimates = tuple(over_seeds(_over_scenarios(numbers, key, f"{metric}@{point}") * factor) for point in points)
    return StudyLine(label, method, tuple(map(float, points)), estimates, dashed)


def _over_scenarios(numbers: Numbers, key: str, metric: str) -> pd.Series:
    """One number per seed: the mean over the scenarios, where the seed has all of them."""
    return pd.DataFrame([numbers.seeds(scenario, key, metric) for scenario in SCENARIOS]).mean(axis=0, skipna=False)


@dataclass(frozen=True)
class Moved:
    """How far a reward of the three classes moved in training, nats of preference, mean over scenarios.

    is_model: of the reward model, not a method's implicit reward; both: chosen plus rejected.
    """

    label: str
    is_model: bool
    chosen: Estimate
    rejected: Estimate
    unseen: Estimate
    both: Estimate


def moved(numbers: Numbers, rows: list[StudyRow]) -> list[Moved]:
    """Of the reward model and of every method's implicit reward, those that were recorded."""
    subjects = [(REWARD_MODEL, "reward model", "reward", 1.0)]
    for row in {row.key: row for row in rows if row.status == "done" and row.hparams.get("beta") is not None}.values():
        subjects.append((row.key, f"{row.label}: beta log pi/pi_ref", "logp", float(row.hparams["beta"])))
    rewards = []
    for key, label, metric, factor in subjects:
        ends = {name: _over_scenarios(numbers, key, f"{metric}_{name}") * factor for name in CLASSES}
        if not ends["chosen"].empty:
            means = {name: over_seeds(ends[name]) for name in ("chosen", "rejected", "unseen")}
            both = over_seeds(ends["chosen"] + ends["rejected"])
            rewards.append(Moved(label, key == REWARD_MODEL, **means, both=both))
    return rewards


def reward_table(rewards: list[Moved]) -> StudyTable:
    """How far the three classes move, of the reward model and of every method's implicit reward."""
    columns = ("reward", "chosen", "rejected", "unseen", "chosen plus rejected")
    body = tuple((one.label, one.chosen, one.rejected, one.unseen, one.both) for one in rewards)
    return StudyTable(BALANCE, columns, body)
