"""What the runs say to a claim, in words."""

from __future__ import annotations

from benchmark.report.claims import Claim, ClaimVerdict, Finding, Measured, NotChecked, Place, Subject, Unchecked
from benchmark.report.estimates import Absent
from benchmark.report.words.estimates import note
from benchmark.report.words.numbers import signed, with_interval

VERDICTS = {verdict: verdict.value.replace("_", " ") for verdict in ClaimVerdict}
VERDICTS[ClaimVerdict.BY_TRAINING_LESS] = "met by training less"
METRICS = {
    "nominal": "utility at the training shift",
    "far_end": "utility under {far}",
    "fall": "fall of the utility from the training shift to {far}",
    "gated_over_envelope": "worst case over the DPO envelope, gated",
    "logp_chosen": "change of log-probability of chosen completions, nats",
    "logp_rejected": "change of log-probability of rejected completions, nats",
    "worst_group_accuracy": "accuracy on held-out pairs in the worst group",
    "worst_group_loss": "the method's own loss on held-out pairs in the worst group",
    "group_loss_gap": "difference of that loss between the worst and the best group",
    "lm_eval/leaderboard_ifeval/prompt_level_strict_acc": "IFEval, share of prompts followed to the letter",
    "lm_eval/leaderboard_ifeval/inst_level_strict_acc": "IFEval, share of instructions followed to the letter",
    "lm_eval/leaderboard_bbh/acc_norm": "BBH, normalised accuracy",
    "lm_eval/leaderboard_math_hard/exact_match": "MATH, exact match",
    "lm_eval/leaderboard_mmlu_pro/acc": "MMLU-Pro, accuracy",
}


def claim_place(place: Place | None) -> str:
    """Where a claim was checked; "" where it was not."""
    if place is None:
        return ""
    return f"{place.suite}, {place.where}" if place.where else place.suite


def claim_measured(claim: Claim) -> str:
    """The number with its interval; of a claim that was checked nowhere, every reason once."""
    if claim.verdict is not ClaimVerdict.NOT_RUN_HERE:
        return finding(claim.findings[0])
    said = dict.fromkeys(
        f"{claim_place(one.place)}: {finding(one)}" if one.place else finding(one) for one in claim.findings
    )
    return "; ".join(said)


def finding(one: Finding) -> str:
    """What was measured, the interval, the threshold where it is not 0, and seeds; or why nothing was."""
    if isinstance(one.evidence, Unchecked):
        return _unchecked(one.evidence)
    return _measured(one.evidence)


def _measured(measured: Measured) -> str:
    estimate = measured.estimate
    what = f"{_subjects(measured.subject, measured.rival)}, {_metric(measured)}"
    if measured.rival_scenario:
        what += f", minus that of {measured.rival_scenario}"
    if estimate.absent in (Absent.NOMINAL_WIN, Absent.EDGE) or estimate.value is None:
        return f"{what}: {note(estimate)}"
    threshold = f", claimed {measured.claimed} {signed(measured.threshold)}" if measured.threshold else ""
    seeds = "1 seed: no interval over seeds" if estimate.n == 1 else f"{estimate.n} seeds"
    gate = "" if measured.gated is None else f"; with the language gate {with_interval(measured.gated)}"
    matched = "" if measured.matched_kl is None else f"; at equal KL {with_interval(measured.matched_kl)}"
    return f"{what}: {with_interval(estimate)}{threshold} ({seeds}{gate}{matched})"


def _metric(measured: Measured) -> str:
    """A number of text suites by its definition, one of an analytic suite by its name."""
    known = METRICS.get(measured.metric)
    return known.format(far=measured.far_shift) if known else measured.metric.replace("_", " ")


def _subjects(subject: Subject, rival: Subject | None) -> str:
    """Such as `KLDPO (mean of 3 settings) minus DPO β=0.1`."""
    return " minus ".join(_subject(side) for side in (subject, rival) if side is not None)


def _subject(subject: Subject) -> str:
    return f"{subject.label} (mean of {subject.settings} settings)" if subject.settings > 1 else subject.label


def _unchecked(why: Unchecked) -> str:
    mixing = f" with {why.mixing} mixing" if why.mixing else ""
    of = _subjects(why.subject, why.rival) if why.subject else ""
    return {
        NotChecked.NO_AXIS: "the evaluation shifts have no axis, so there is no far end",
        NotChecked.NOT_FINISHED: f"no {why.method} was finished",
        NotChecked.NO_COMMON_SEED: f"{why.metric}: no seed has it for all of {of}",
        NotChecked.NO_SUITE: f"the suite {why.suite} is not among the runs",
        NotChecked.NO_TRAINING_SHIFT: f"no run that trained on {why.family or 'any shift'}{mixing}",
        NotChecked.NO_TASK: f"no run was held to {_task(why.metric)}: --set eval.lm_eval.tasks=[{_task(why.metric)}]",
        NotChecked.CANNOT_BE_RUN: why.reason,
    }[why.kind]


def _task(metric: str) -> str:
    """The task in the name of a metric of lm-eval, lm_eval/TASK/METRIC; "" of any other."""
    return metric.split("/")[1] if metric.count("/") == 2 else ""
