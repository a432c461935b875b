"""What stands beside a number: why there is none, or what it rests on."""

from __future__ import annotations

from benchmark.report.estimates import Absent, Estimate

ABSENT = {
    Absent.NOT_RECORDED: "not recorded",
    Absent.NOT_RUN: "not run",
    Absent.FAILED: "failed",
    Absent.SKIPPED: "skipped",
    Absent.NO_DPO: "no plain DPO run to compare with",
    Absent.NO_OTHER_DPO: "no other plain DPO run to compare with",
    Absent.NO_COMMON_SEED: "no seed that this method and every DPO run finished",
    Absent.NO_SEED_WITH_DPO: "no seed in common with plain DPO",
    Absent.NO_SEED_WITH_REFERENCE: "no seed in common with the reference",
    Absent.IS_DPO: "this is DPO",
    Absent.IS_REFERENCE: "the reference is what others are compared with",
    Absent.IS_PRICE_BASE: "plain DPO is what the price is counted from",
    Absent.IS_IN_ENVELOPE: "the reference is a policy of the envelope itself",
    Absent.MAKES_ENVELOPE: "plain DPO is what the envelope is made of",
    Absent.NOMINAL_WIN: "nominal win: no mixture of DPO policies reaches this nominal utility",
    Absent.EDGE: "at the edge: DPO policies reach this nominal utility on some prompts or in some replicates, and not "
    "on others",
    Absent.NOT_REACHED: "no reweighting of the reference by the training utility reaches this nominal utility at this "
    "KL",
    Absent.NOT_PLANTED: "no planted row: the stored completions allow none of this lift",
    Absent.HELD_AT_REFERENCE: "some error is 0: the optimum is held at the reference, so there is nothing to converge "
    "to",
    Absent.NO_REFERENCE_PAIRS: "the run has no reference pairs",
    Absent.LABELLING_NOT_RECORDED: "the run does not say how labels were drawn",
    Absent.NEW_LABELS: "infinite: some pairs get a label that training never gives",
    Absent.NO_COMMON_ROWS: "no prompt was put to all groups of the training population",
    Absent.NOTHING_SAMPLED: "nothing is sampled in this suite, so the divergence from the reference is not known",
    Absent.NO_TASKS: "no task of lm-eval was asked for",
}
ONE_SEED = "n = 1 seed: no interval over seeds"
NOT_MEASURED = "not measured"


def note(estimate: Estimate) -> str:
    """Why the number is missing, or what it was compared with and rests on; "" where nothing is to be said."""
    said = [absence(estimate)] if estimate.value is None else [f"against {estimate.against}"] * bool(estimate.against)
    if estimate.empty_share:
        said.append(empties(estimate))
    if estimate.value is not None and estimate.n == 1:
        said.append(ONE_SEED)
    return "; ".join(said)


def absence(estimate: Estimate) -> str:
    """Why there is no number."""
    if estimate.absent is None:
        return NOT_MEASURED
    return f"{ABSENT[estimate.absent]}: {estimate.reason}" if estimate.reason else ABSENT[estimate.absent]


def empties(estimate: Estimate) -> str:
    """In how many replicates there was nothing to compare with."""
    return f"{estimate.empty_share:.0%} of replicates empty"
