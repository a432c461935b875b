"""The toy's numbers over seeds, as rows with a verdict on each of the three properties, and as a sentence."""

from __future__ import annotations

from enum import StrEnum

import pandas as pd

from benchmark.measure.analytic.tables import Numbers, study_rows, with_numbers, without_number
from benchmark.report import Estimate, Study, StudyRow, StudyTable, words
from benchmark.studies.toy_3d.figures import Moved, figures, moved, reward_table
from benchmark.studies.toy_3d.world import SCENARIOS, scenario_label

LEAST = 0.01  # nats, or probability: a property appears where its interval lies above this
METRICS = ("rejected_drop", "chosen_rise", "chosen_fall", "unseen_peak", "unseen_gain")
PROPERTIES = {  # each of the three by the numbers that must all exceed LEAST
    "drop": ("rejected_drop",),
    "degradation": ("chosen_fall",),
    "dispersion": ("unseen_gain",),
}
TITLES = {
    "drop": "drastic drop of rejected",
    "degradation": "degradation of chosen",
    "dispersion": "dispersion onto unseen",
}


class Appears(StrEnum):
    """Whether a property shows."""

    YES = "yes"
    NO = "no"
    OPEN = "open"
    ONE_SEED = "open: one seed"


def summarise(results: pd.DataFrame, cells: pd.DataFrame, facts: dict[str, str]) -> Study:
    """The report of the suite; `results` and `cells` carry the method's call as `key`."""
    numbers = Numbers.of(results)
    rows = [_judged(row, numbers) for row in study_rows(cells, SCENARIOS)]
    methods = [row for row in rows if row.method != "reward_model"]
    rewards = moved(numbers, methods)
    tables = [_properties(methods), reward_table(rewards)]
    return Study(
        suite="toy_3d",
        headline=headline(methods) + balance_sentence(rewards),
        facts={**facts, "intervals": "95%, Student's t over seeds", "verdicts": f"yes: the interval is above {LEAST}"},
        figures=figures(numbers, methods),
        tables=tuple(table for table in tables if table.rows),
        rows=tuple(methods),
    )


def _judged(row: StudyRow, numbers: Numbers) -> StudyRow:
    if row.status != "done":
        return row
    metrics = {metric: numbers.mean(row.scenario, row.key, metric) for metric in METRICS}
    shown = [name for name in PROPERTIES if appears(metrics, name) is Appears.YES]
    sentence = f"shows {', '.join(TITLES[name] for name in shown)}" if shown else "shows none of the three properties"
    return with_numbers(row, metrics, "+".join(shown) or "none", sentence)


def appears(metrics: dict[str, Estimate], name: str) -> Appears:
    """yes: every number of the property has its interval above LEAST; no: one has it at or below; else open."""
    lows = [metrics[metric].low for metric in PROPERTIES[name]]
    highs = [metrics[metric].high for metric in PROPERTIES[name]]
    if any(low is None for low in lows):
        return Appears.ONE_SEED
    if all(low is not None and low > LEAST for low in lows):
        return Appears.YES
    return Appears.NO if any(high is not None and high <= LEAST for high in highs) else Appears.OPEN


def _properties(rows: list[StudyRow]) -> StudyTable:
    columns = (
        "scenario", "method", "rejected drops by (nats)", "chosen rises by", "then falls by", "unseen mass, peak",
        "unseen mass, end", "drop?", "degradation?", "dispersion?",
    )  # fmt: skip
    body: list[tuple[str | Estimate, ...]] = []
    for row in rows:
        if row.status == "done":
            shown = [row.metrics[metric] for metric in METRICS]
            verdicts = [str(appears(row.metrics, name)) for name in PROPERTIES]
        else:
            shown, verdicts = [without_number(row)] * len(METRICS), ["–"] * 3
        body.append((scenario_label(row.scenario), row.label, *shown, *verdicts))
    return StudyTable("The three properties: changes from the initial policy", columns, tuple(body))


def headline(rows: list[StudyRow]) -> str:
    """How often DPO shows each property, and where unseen responses gain most."""
    done = [row for row in rows if row.status == "done"]
    dpo = leading(done)
    if not dpo:
        return words.nothing_done([(row.label, row.status, row.reason) for row in rows])
    counts = ", ".join(
        f"{TITLES[name]} in {sum(appears(row.metrics, name) is Appears.YES for row in dpo)}" for name in PROPERTIES
    )
    seeds = max(row.seeds_done for row in dpo)
    most = max(dpo, key=_gain)
    text = f"Of {len(dpo)} scenarios, {dpo[0].label} shows {counts} ({_seeds(seeds)}). "
    text += (
        f"Its unseen responses gain most with {scenario_label(most.scenario)}: "
        f"{words.plain_interval(most.metrics['unseen_gain'], signs=True)} of the probability."
    )
    rivals = [row for row in done if row.scenario == most.scenario and row.key != most.key]
    if rivals:
        least = min(rivals, key=_gain)
        less = f"{least.label} has the least: {words.plain_interval(least.metrics['unseen_gain'], signs=True)}"
        text += f" There, {less}." if _gain(least) < _gain(most) else " There, no other method has less."
    return text


def balance_sentence(rewards: list[Moved]) -> str:
    """What the reward model does beside the first method's implicit reward; empty where either is missing."""
    model = next((moved for moved in rewards if moved.is_model), None)
    rival = next((moved for moved in rewards if not moved.is_model), None)
    if model is None or rival is None:
        return ""
    parts = [
        f"chosen {words.plain_interval(moved.chosen, signs=True)}, rejected "
        f"{words.plain_interval(moved.rejected, signs=True)}"
        for moved in (model, rival)
    ]
    return f" A reward model on the same pairs moves {parts[0]} (nats of preference); {rival.label} {parts[1]}."


def _gain(row: StudyRow) -> float:
    return row.metrics["unseen_gain"].value or 0.0


def leading(rows: list[StudyRow]) -> list[StudyRow]:
    """The rows of plain DPO (its first setting), or of the first method where DPO did not run."""
    key = next((row.key for row in rows if row.method == "dpo"), rows[0].key if rows else "")
    return [row for row in rows if row.key == key]


def _seeds(count: int) -> str:
    return "1 seed: no interval, so nothing can be judged" if count == 1 else f"{count} seeds, 95% intervals"
