"""How the numbers of a page were made, in words."""

from __future__ import annotations

from benchmark.report.page import Correlations, Settings
from benchmark.report.words.caveats import repeats
from benchmark.report.words.numbers import signed


def settings(made: Settings | None) -> dict[str, str]:
    """By what they are about; empty where there is no arena."""
    if made is None:
        return {}
    rules = ". ".join(f"{name}: {summary}" for name, summary in made.rules)
    said = {
        "Intervals": f"{made.level:.0%}; seeds, prompts, and both resampled (crossed bootstrap), paired over methods, "
        f"{made.replicates:,} replicates; Student's t where seeds make the spread; over the envelope, rows share what "
        "they tell of the seed variance",
        "Against plain DPO": f"gated worst case, paired; p corrected for all rows of a table (Holm), "
        f"{1 - made.level:.0%} level. Ranks are of gated_over_envelope, where its verdict says something: 1 + rows "
        "that are better by more than the interval of the difference",
        "Envelope": "mixtures of plain DPO over beta, learning rate and checkpoints, with the reference; chosen on "
        "validation prompts and measured on test prompts, then the other way round, averaged; solved anew in every "
        "replicate",
        "Selection": "in the table none: every setting is a row of its own, at its last checkpoint. Under a rule: "
        "among all settings and checkpoints of a method, on validation prompts, anew in every replicate; measured on "
        f"test prompts. {rules}",
        "Test prompts": ", ".join(f"{count:,}" for count in made.prompts),
        "Samples per prompt": ", ".join(map(str, made.samples)),
        "Seeds": ", ".join(map(str, made.seeds)),
        "Merged runs": "; ".join(f"{one.suite}: {one.runs} runs; {repeats(one.repeats)}" for one in made.merged),
        "Labels": "; ".join(", ".join(f"{key} {value}" for key, value in labels) for labels in made.labelling),
        "Correlation of objectives": "; ".join(
            f"{one.suite}: {correlations(one)}" for one in made.correlations if one.least
        ),
    }
    return {name: text for name, text in said.items() if text}


def correlations(objectives: Correlations) -> str:
    """Such as `joy and sadness −0.31`; of many the least ones, and out of how many."""
    least = ", ".join(f"{a} and {b} {signed(value, 2)}" for a, b, value in objectives.least)
    return f"{least} (the least of {objectives.pairs})" if objectives.pairs > len(objectives.least) else least
