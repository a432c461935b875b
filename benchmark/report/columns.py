"""The columns of the main table: their names in files, labels, units and definitions.

A name means one number in every file, on the page and in the terminal: the plain name is without the language gate, and
`gated_` stands before what is with it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A column of the main table."""

    name: str
    label: str
    unit: str
    definition: str
    decimals: int
    higher_is_better: bool | None  # None: neither
    headline: bool = False


WITHOUT_GATE = "The same without the language gate."

METRICS: tuple[Metric, ...] = (
    Metric(
        "gated_over_envelope",
        "Over DPO envelope",
        "utility",
        "Gated worst-case utility minus the best worst case of any mixture of DPO policies (all betas, all "
        "checkpoints, the reference) with at least the same nominal utility. Above 0: robustness that early-stopped, "
        "re-tuned, mixed DPO does not have.",
        3,
        True,
        headline=True,
    ),
    Metric(
        "gated_feasible_lift",
        "Feasible lift",
        "utility",
        "How far over the DPO envelope any reweighting of the reference's completions that favours greater training "
        "utility could come, at this row's nominal utility and KL: labels at one mixture tell a method no more. A "
        "ceiling, without an interval.",
        3,
        None,
    ),
    Metric(
        "gated_over_checkpoint",
        "Over best checkpoint",
        "utility",
        "Gated worst-case utility minus that of the best single DPO policy with at least the same nominal utility: the "
        "lower hurdle, since mixtures with the reference do better than DPO's own path.",
        3,
        True,
    ),
    Metric(
        "gated_worst_case_regret",
        "Regret, worst",
        "utility",
        "The most that is lacking, over the evaluation shifts, against the best row for each (chosen on validation "
        "prompts; controls and the reference are among them).",
        3,
        False,
    ),
    Metric("over_envelope", "Envelope, ungated", "utility", WITHOUT_GATE, 3, True),
    Metric(
        "gated_nominal",
        "Nominal, gated",
        "utility",
        "Utility at the training shift, where a completion that fails the suite's language gate counts as the least "
        "possible utility.",
        3,
        True,
    ),
    Metric(
        "gated_worst_case", "Worst case, gated", "utility", "Least gated utility over the evaluation shifts.", 3, True
    ),
    Metric("gated_robustness_gap", "Gap, gated", "utility", "Gated nominal minus gated worst case.", 3, False),
    Metric("gated_auc", "AUC, gated", "utility", "Mean gated utility over the evaluation shifts.", 3, True),
    Metric("nominal", "Nominal", "utility", "Utility at the training shift, without the language gate.", 3, True),
    Metric("worst_case", "Worst case", "utility", "Least utility over the shifts, without the gate.", 3, True),
    Metric("robustness_gap", "Gap", "utility", "Nominal minus worst case, without the gate.", 3, False),
    Metric("auc", "AUC", "utility", "Mean utility over the evaluation shifts, without the gate.", 3, True),
    Metric(
        "gated_gold_worst_case",
        "Worst case, gold, gated",
        "utility",
        "Least gated utility over the evaluation shifts as the gold judge sees it.",
        3,
        True,
    ),
    Metric("gold_worst_case", "Worst case, gold", "utility", WITHOUT_GATE, 3, True),
    Metric("quality", "Quality", "share", "Share of completions that pass the language gate.", 2, True),
    Metric(
        "kl_to_reference",
        "KL",
        "nats",
        "KL(policy || reference) per completion, summed over exact next-token distributions along sampled "
        "prefixes; mean. Of best-of-n: the bound log n - (n - 1) / n.",
        2,
        None,
    ),
    Metric("kl_median", "KL, median", "nats", "The same, median over completions; mean over seeds.", 2, None),
    Metric(
        "gated_kl_saving",
        "KL saving, gated",
        "nats",
        "Least KL of a DPO mixture that reaches the same gated nominal utility, minus this method's KL.",
        2,
        True,
    ),
    Metric("gated_price", "Price, gated", "utility", "DPO's gated nominal utility minus this method's.", 3, False),
    Metric("price", "Price", "utility", WITHOUT_GATE, 3, False),
    Metric(
        "gated_win_rate",
        "Win rate, gated",
        "share",
        "P(beats a reference completion of the same prompt and seed), gated, at the training shift; ties count half.",
        2,
        True,
    ),
    Metric("win_rate", "Win rate", "share", WITHOUT_GATE, 2, True),
    Metric(
        "preference_accuracy",
        "Pref. accuracy",
        "share",
        "Implicit-reward accuracy on held-out pairs labelled at the training shift.",
        2,
        True,
    ),
    Metric(
        "worst_group_accuracy",
        "Worst group acc.",
        "share",
        "Implicit-reward accuracy on held-out pairs in the group of annotators where it is least, where a training "
        "population has groups.",
        2,
        True,
    ),
    Metric(
        "length_controlled_accuracy",
        "Accuracy, length",
        "share",
        "Pref. accuracy with length controlled: the mean of that where the chosen response is the longer one and that "
        "where it is the shorter one, so that going by length alone gives 1/2; of suites with people's labels.",
        2,
        True,
    ),
    Metric(
        "worst_group_length_controlled_accuracy",
        "Worst group, length",
        "share",
        "The same in the group of annotators where it is least.",
        2,
        True,
    ),
    Metric(
        "implicit_margin",
        "Margin",
        "nats",
        "Mean log-ratio of the chosen response minus that of the other on held-out pairs labelled at the training "
        "shift; of suites with people's labels.",
        2,
        True,
    ),
    Metric("length_controlled_margin", "Margin, length", "nats", "The same with length controlled.", 2, True),
    Metric(
        "calibration_error",
        "Calibration error",
        "share",
        "Expected calibration error of sigmoid(beta margin) on held-out labels at the training shift, in ten bins; of "
        "methods with a beta.",
        2,
        False,
    ),
    Metric(
        "lm_eval",
        "lm-eval",
        "score",
        "Mean over the tasks of lm-eval that were asked for (a group of groups by its groups), each by its first "
        "metric, where more is better. Seeds and questions are in the interval.",
        3,
        True,
    ),
    Metric("length", "Length", "tokens", "Mean completion length.", 1, None),
    Metric("eos_rate", "EOS rate", "share", "Share of completions that end by themselves.", 2, None),
    Metric(
        "distinct_2", "Distinct-2", "share", "Distinct bigrams over bigrams in a fixed number of completions.", 2, None
    ),
    Metric("train_seconds", "Train", "s", "Seconds of training per run, without set-up.", 1, False),
    Metric(
        "step_ratio_to_dpo",
        "Step / DPO",
        "ratio",
        "Median step time over that of the DPO run of the same seed on the same machine.",
        2,
        False,
    ),
    Metric("peak_memory_mb", "Memory", "MB", "Peak resident memory of the process while training.", 0, False),
)

RANK = Metric(
    "rank",
    "Rank",
    "place",
    "1 + the rows of this table that are further over the DPO envelope by more than the 95% interval of the paired "
    "difference; = where several share the place. Where one cannot tell, there is no rank; controls, plain DPO and the "
    "reference have none.",
    0,
    False,
)
TO_DPO = Metric(
    "gated_difference_to_dpo",
    "Against DPO",
    "utility",
    "Gated worst-case utility minus that of plain DPO at its default setting, paired over seeds and prompts. The "
    "verdict is corrected for all comparisons of the table (Holm).",
    3,
    True,
)
