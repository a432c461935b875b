"""How the numbers of a page were made, in words."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.measure.panels.conflict import objective_correlations
from benchmark.measure.runs.groups import GroupData
from benchmark.measure.runs.reading import SuiteRuns
from benchmark.measure.selection import RULES
from benchmark.measure.statistics.bootstrap import LEVEL


def settings_in_words(suites: Sequence[SuiteRuns], groups: Sequence[GroupData], replicates: int) -> dict[str, str]:
    """How the numbers were made, in words."""
    prompts = sorted({len(group.test.prompt_ids) for group in groups})
    samples = sorted({group.test.kl.shape[-1] for group in groups})
    labels = dict.fromkeys(
        ", ".join(f"{key} {value}" for key, value in environment["labelling"].items())
        for runs in suites
        for environment in runs.environments
        if "labelling" in environment
    )
    correlated = {runs.suite: objective_correlations(runs.conflict, runs.objectives) for runs in suites}
    told = {
        "Intervals": f"{LEVEL:.0%}; seeds, prompts, and both resampled (crossed bootstrap), paired over methods, "
        f"{replicates:,} replicates; Student's t where seeds make the spread",
        "Against plain DPO": f"worst case, paired; p corrected for all rows of a table (Holm), {1 - LEVEL:.0%} level. "
        "Ranks are of over_envelope: 1 + rows that are better by more than the interval of the difference",
        "Envelope": "mixtures of plain DPO over beta and checkpoints, with the reference; chosen on validation prompts "
        "and judged on test prompts, then the other way round, averaged; solved anew in every replicate",
        "Selection": "in the table none: every setting is a row of its own, at its last checkpoint. Under a rule: "
        "among all settings and checkpoints of a method, on validation prompts, anew in every replicate; judged on "
        "test prompts. " + ". ".join(f"{rule.name}: {rule.summary}" for rule in RULES.values()),
        "Test prompts": ", ".join(f"{count:,}" for count in prompts),
        "Samples per prompt": ", ".join(str(count) for count in samples),
        "Seeds": ", ".join(dict.fromkeys(str(len(group.seeds)) for group in groups)),
    }
    merged = [f"{runs.suite}: {len(runs.folders)} runs; {runs.repeats}" for runs in suites if len(runs.folders) > 1]
    if merged:
        told["Merged runs"] = "; ".join(merged)
    if labels:
        told["Labels"] = "; ".join(labels)
    if any(correlated.values()):
        told["Correlation of objectives"] = "; ".join(f"{suite}: {line}" for suite, line in correlated.items() if line)
    return told
