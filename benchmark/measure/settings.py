"""How the numbers of a page were made."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.measure.panels.conflict import objective_correlations
from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.runs.reading import SuiteRuns
from benchmark.measure.selection import RULES
from benchmark.measure.statistics.bootstrap import LEVEL
from benchmark.report import MergedRuns, Settings


def settings_of(suites: Sequence[SuiteRuns], arenas: Sequence[ArenaData], replicates: int) -> Settings:
    """What was the same, and what different numbers there were, over all arenas of a page."""
    labelling = dict.fromkeys(
        tuple((str(key), str(value)) for key, value in environment["labelling"].items())
        for runs in suites
        for environment in runs.environments
        if "labelling" in environment
    )
    return Settings(
        level=LEVEL,
        replicates=replicates,
        rules=tuple((rule.name, rule.summary) for rule in RULES.values()),
        prompts=tuple(sorted({len(arena.test.prompt_ids) for arena in arenas})),
        samples=tuple(sorted({arena.test.kl.shape[-1] for arena in arenas})),
        seeds=tuple(dict.fromkeys(len(arena.seeds) for arena in arenas)),
        merged=tuple(
            MergedRuns(runs.suite, len(runs.folders), runs.repeats) for runs in suites if len(runs.folders) > 1
        ),
        labelling=tuple(labelling),
        correlations=tuple(objective_correlations(runs.suite, runs.pair_rewards, runs.objectives) for runs in suites),
    )
