"""Variance, collapse, selection and the number of seeds, in words."""

from __future__ import annotations

from benchmark.report.panels import (
    PROMPT,
    REWARD_MODEL,
    SEED_PROMPT,
    NothingTaken,
    RadiusChoice,
    SeedsKind,
    SeedsNeeded,
    Selected,
    Variance,
)
from benchmark.report.trajectories import Collapse, CollapseTerm
from benchmark.report.words.numbers import signed, verb

TERMS = {"quality": "quality", "eos_rate": "EOS rate", "entropy": "entropy per token", "distinct_2": "distinct-2"}
NOTHING = {
    NothingTaken.NO_COMMON_SEED: "no seed that every setting of this method and every DPO run finished",
    NothingTaken.NO_VALIDATION_SHIFTS: "the family of the training shift has no validation shifts that are not tested",
    NothingTaken.NO_TRAINING_PAIRS: "the run keeps no training pairs: what share of labels disagrees is not known",
    NothingTaken.PAIRS_NOT_COUNTED: "the run does not record how many pairs it trained on",
    NothingTaken.NO_BALL: "no setting of this method stands for a ball of known radius",
    NothingTaken.LOSSES_NOT_RECORDED: "the spread of losses that turns this method's settings into radii was not "
    "recorded in training",
}


def variance_notes(variance: Variance) -> list[str]:
    """What the parts of a row's variance hold and leave out, one remark each."""
    said = [f"under {variance.worst_shift}, the worst shift of this row"] if variance.worst_shift else []
    if variance.seeds == 1:
        said.append(f"one seed: its part is not known, and {PROMPT} holds {SEED_PROMPT}")
    else:
        said.append(f"seed holds {_what_seeds_vary(variance.policies)} together")
    if variance.samples == 1:
        holder = PROMPT if variance.seeds == 1 else SEED_PROMPT
        said.append(f"one sample per prompt: {holder} holds what completions add")
    if variance.below_zero:
        said.append(f"{', '.join(variance.below_zero)}: estimated below 0, shown as 0")
    if variance.components.get(REWARD_MODEL) is None:
        said.append("reward model: no gold judge")
    else:
        said.append("reward model: half of the squared gap of learned and gold, one degree of freedom, not in the sum")
    return said


def _what_seeds_vary(policies: int | None) -> str:
    """Which draws differ between the seeds of a row, as far as the cells say."""
    drawn = "pairs, labels, training and sampling"
    if policies is None:
        return f"reference policy, {drawn}"
    return f"{drawn} (all from one reference policy)" if policies == 1 else f"reference policy ({policies}), {drawn}"


def collapse(rule: Collapse) -> str:
    """The rule's terms with their numbers."""
    named = f"{verb(rule.seeds_fallen, 'seed', 'seeds')} {', '.join(rule.seeds_fallen)}"
    fallen = f"Collapsed in {len(rule.seeds_fallen)} of {rule.seeds} seeds ({named})"
    lead = fallen if rule.collapsed else "Not collapsed"
    terms = ", ".join(_term(term) for term in rule.terms)
    return f"{lead}: at the worst seed, as a share of the reference's, {terms}."


def _term(term: CollapseTerm) -> str:
    share = "not known" if term.share is None else f"{term.share:.2f}"
    return f"{TERMS.get(term.name, term.name)} {share} (least {term.least:g})"


def selection_note(chosen: Selected) -> str:
    """Why a rule takes nothing, or how its choice came about; "" where that takes no words."""
    budget = f"{chosen.budget:g} nats" if chosen.budget is not None else ""
    if chosen.nothing is NothingTaken.NONE_WITHIN_BUDGET:
        return f"no policy of this method within {budget} of the reference"
    if chosen.nothing is not None:
        return NOTHING[chosen.nothing]
    if chosen.lacking:
        return f"no policy within {budget} in {chosen.lacking:.0%} of replicates, which are left out"
    return "" if chosen.radius is None else _radius(chosen.radius)


def _radius(choice: RadiusChoice) -> str:
    """Both radii, so that each stands beside the other, and those of the settings."""
    said = []
    if choice.disagreement is not None and choice.share is not None:
        said.append(f"{choice.disagreement:.2g} nats by disagreement ({choice.share:.0%} of training labels)")
    if choice.chi_square is not None and choice.pairs is not None:
        said.append(f"{choice.chi_square:.2g} nats by the chi-square quantile ({choice.pairs:,.0f} pairs)")
    settings = ", ".join(f"{label} {radius:.2g}" for label, radius in choice.settings)
    rest = f" ({choice.unknown} of unknown radius left out)" if choice.unknown else ""
    return f"{', '.join(said)}; settings imply {settings}{rest}"


def seeds_needed(contest: SeedsNeeded | None) -> str:
    """What it takes to tell the two best methods apart."""
    if contest is None:
        return ""
    if contest.kind is SeedsKind.TOO_FEW_RANKED:
        return "Fewer than two methods can be ranked over seeds: how many seeds would settle it is not known."
    if contest.kind is SeedsKind.TOO_FEW_IN_COMMON:
        return f"{contest.first} and {contest.second} have fewer than two seeds in common."
    lead = f"{contest.first} over {contest.second}: {signed(contest.difference)} on {contest.seeds} seeds"
    if contest.kind is SeedsKind.SETTLED:
        return f"{lead}, settled at the 5% level by the seeds that there are."
    if contest.kind is SeedsKind.ALIKE:
        return f"{lead}: no number of seeds tells apart what is alike."
    if contest.kind is SeedsKind.PROMPTS:
        return (
            f"{lead}, not settled, and no number of seeds would do it on these {contest.prompts:,} prompts: if that is "
            f"the true difference, {contest.power:.0%} power takes at least {contest.needed:,} test prompts, and more "
            "seeds."
        )
    number = f"more than {contest.most:,}" if contest.needed is None else f"about {contest.needed:,}"
    return (
        f"{lead}, not settled: if that is the true difference, {contest.power:.0%} power at the 5% level takes "
        f"{number} seeds."
    )
