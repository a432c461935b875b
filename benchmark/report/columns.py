"""The columns of the main table: their names in files, labels, units and definitions."""

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


METRICS: tuple[Metric, ...] = (
    Metric(
        "over_envelope",
        "Over DPO envelope",
        "utility",
        "Gated worst-case reward minus the best worst case of any mixture of DPO policies (all betas, all "
        "checkpoints, the reference) with at least the same nominal reward. Above 0: robustness that early-stopped, "
        "re-tuned, mixed DPO does not have.",
        3,
        True,
        headline=True,
    ),
    Metric("over_envelope_ungated", "Envelope, ungated", "utility", "The same without the language gate.", 3, True),
    Metric("nominal", "Nominal", "utility", "Gated reward at the training shift.", 3, True),
    Metric("worst_case", "Worst case", "utility", "Least gated reward over the evaluation shifts.", 3, True),
    Metric("robustness_gap", "Gap", "utility", "Nominal minus worst case.", 3, False),
    Metric("auc", "AUC", "utility", "Mean gated reward over the evaluation shifts.", 3, True),
    Metric("nominal_ungated", "Nominal, ungated", "utility", "Reward at the training shift without the gate.", 3, True),
    Metric("worst_case_ungated", "Worst case, ungated", "utility", "Least reward without the gate.", 3, True),
    Metric(
        "gold_worst_case",
        "Worst case, gold",
        "utility",
        "Least gated reward over the evaluation shifts as the gold judge sees it.",
        3,
        True,
    ),
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
        "kl_saving",
        "KL saving",
        "nats",
        "Least KL of a DPO mixture that reaches the same nominal reward, minus this method's KL.",
        2,
        True,
    ),
    Metric("price", "Price", "utility", "DPO's nominal reward minus this method's.", 3, False),
    Metric(
        "win_rate",
        "Win rate",
        "share",
        "P(beats a reference completion of the same prompt and seed), gated, at the training shift; ties count half.",
        2,
        True,
    ),
    Metric(
        "preference_accuracy",
        "Pref. accuracy",
        "share",
        "Implicit-reward accuracy on held-out pairs labelled at the training shift.",
        2,
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
