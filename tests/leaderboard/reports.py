"""Reports made by hand, with every odd case."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from benchmark.report.types import (
    Collapse,
    Comparison,
    Estimate,
    Group,
    Report,
    Row,
    SampleCompletion,
    SamplePrompt,
)
from tests.leaderboard.parts import compared, curve, diagnostics, failed, metrics, path, row, shifts, training

__all__ = ["compared", "curve", "diagnostics", "failed", "metrics", "path", "row", "shifts", "training"]

SCRIPT = "<script>alert('owned')</script>"
QUOTES = "\"'></td></script><img src=x onerror=alert(1)> {{ 7*7 }} %{x} \\"
RTL = "\u202eevil\u202c עברית"
LONG = "w" * 10_000
EMPTY = "No DPO mixture reaches this nominal reward: the programme is empty in 100% of replicates (a nominal win)."


def rows() -> tuple[Row, ...]:
    """The odd cases: clears, ties, below, one seed, empty programme, failed, skipped, controls."""
    one_seed = {name: Estimate(e.value, n=600, note=e.note) for name, e in metrics(Estimate(0.01), 0.7, 0.3, 1).items()}
    return (
        row(
            "group_dro(beta=0.1)",
            "GroupDRO",
            Estimate(0.141, 0.111, 0.175, 1800),
            0.55,
            0.48,
            3.4,
            robust=True,
            verdict="Clears the DPO envelope by 0.141.",
            rank=1,
            comparison=compared(0.26, 0.21, 0.31, "better", 0.0004),
        ),
        row("wdpo(beta=0.1,rho=1)", "WDPO rho=1", Estimate(0.030, -0.011, 0.064, 1800), 0.72, 0.30, 1.7),
        row(
            "kldpo(beta=0.1,tau=0.1)",
            "KLDPO tau=0.1",
            Estimate(0.016, -0.026, 0.036, 1800, "39% of the replicates are empty."),
            0.77,
            0.26,
            2.1,
        ),
        row(
            "kldpo(beta=0.1,tau=0.3)",
            "KLDPO tau=0.3",
            Estimate(-0.020, -0.040, -0.003, 1800),
            0.81,
            0.24,
            3.9,
            verdict="Below the DPO envelope.",
            rank=5,
            comparison=compared(-0.04, -0.06, -0.02, "worse", 0.001),
            collapse=Collapse(True, "Collapsed in 1 of 3 seeds: quality 0.31 (least 0.5), EOS rate 0.90 (least 0.5)."),
        ),
        row(
            "kldpo(beta=0.1,tau=1)",
            "KLDPO tau=1",
            Estimate(None, note=EMPTY),
            0.84,
            0.22,
            4.4,
            verdict="Reaches a nominal reward that no DPO mixture has.",
        ),
        row(
            "dpo(beta=0.1)",
            "DPO beta=0.1",
            Estimate(-0.004, -0.021, 0.010, 1800),
            0.77,
            0.22,
            5.9,
            comparison=Comparison("dpo(beta=0.1)", Estimate(None, note="this is the row compared with")),
        ),
        row("dpo(beta=0.3)", "DPO beta=0.3", Estimate(-0.009, -0.031, 0.012, 1800), 0.80, 0.25, 4.3),
        row("dpo(beta=1)", "DPO beta=1", Estimate(-0.012, -0.034, 0.009, 1800), 0.76, 0.28, 2.2),
        row(
            "ipo(beta=0.1)",
            "IPO",
            Estimate(0.010),
            0.7,
            0.3,
            1,
            metrics=one_seed,
            seeds_done=1,
            seeds_planned=3,
            verdict="One seed: no interval.",
            rank=None,
            comparison=Comparison("dpo(beta=0.1)", Estimate(None, note="one seed")),
            training=None,
            diagnostics=(),
        ),
        failed("cvar(level=0.5)", "CVaR", "failed", "seed 2: loss became NaN at step 40; see the log of the cell."),
        failed("gr_dpo(eta=1)", "GR-DPO", "skipped", "needs annotator groups, which alpha_mixture does not have."),
        row("sft", "SFT on chosen", Estimate(-0.060, -0.09, -0.03, 1800), 0.45, 0.33, 0.4, role="baseline"),
        row(
            "oracle(beta=0.1)",
            "Oracle, mid mixture",
            Estimate(0.184, 0.085, 0.307, 1800),
            0.58,
            0.53,
            6.6,
            role="positive control",
            verdict="Clears 0, as it must.",
            rank=None,
        ),
        row(
            "dpo(beta=0.6)",
            "DPO beta=0.6, left out",
            Estimate(-0.001, -0.056, 0.038, 1800),
            0.77,
            0.25,
            3,
            role="negative control",
            verdict="Does not clear 0, as it must not.",
            rank=None,
        ),
    )


def samples(keys: list[str], texts: list[str]) -> tuple[SamplePrompt, ...]:
    """One prompt per text; every row answers it."""
    return tuple(
        SamplePrompt(
            f"p{i}",
            f"Prompt {i}: {text[:300]}",
            tuple(
                SampleCompletion(key, f"{text} ({key})", {"joy": 0.71, "sadness": 0.1}, {"joy": 0.65}, j % 3 != 2)
                for j, key in enumerate(keys)
            ),
        )
        for i, text in enumerate(texts)
    )


def group(name: str = "joy against sadness", made: tuple[Row, ...] | None = None, **changes: Any) -> Group:
    """A group with the odd rows."""
    made = rows() if made is None else made
    keys = [item.key for item in made if item.status == "done"][:6]
    whole = Group(
        "grammar",
        "alpha_mixture(a=joy,b=sadness,alpha=0.1)",
        name,
        "GroupDRO clears the DPO envelope on 3 seeds; WDPO and KLDPO do not: they give no more than DPO stopped early.",
        "Joy and sadness conflict: at alpha = 1 annotators agree with the training labels on 46% of pairs.",
        ("Three seeds only: intervals are wide.",),
        shifts(),
        ("joy", "sadness"),
        made,
        samples(keys, ["the quiet harbour was gentle that night", "a furious crowd broke the old gate", "she laughed"]),
        True,
    )
    return replace(whole, **changes)


def report(*groups: Group) -> Report:
    """A report around `groups`; by default two groups of the odd rows."""
    if not groups:
        second = group(
            "fear against anger",
            rows()[:6],
            suite="emotion",
            caveats=(),
            linear=False,
            train_shift="alpha_mixture(a=anger,b=fear,alpha=0.1)",
            headline="No method clears the envelope.",
        )
        groups = (group(), second)
    return Report(
        "prefshift leaderboard",
        groups,
        {"grammar": {"data": "A probabilistic grammar.", "policy": "Llama shape, width 64, from scratch."}},
        (
            {
                "command": "python run_all.py --suite grammar",
                "commit": "a11f825",
                "seeds": [0, 1, 2],
                "hardware": {"cpu": "2 cores", "memory": "8 GiB"},
                "packages": {"torch": "2.13.0", "trl": "1.16.0"},
            },
        ),
        {
            "intervals": "Crossed bootstrap of seeds and prompts, 2,000 replicates, 95% percentile.",
            "selection": "Last checkpoint; no hyper-parameter is selected.",
        },
    )


def hostile() -> Report:
    """Every string that a plug-in, a data set or a policy can choose tries to break the page."""
    nasty = row(
        "evil(x=</script>)",
        f"{SCRIPT}{RTL}",
        Estimate(0.1, 0.0, 0.2, 10, QUOTES),
        0.5,
        0.4,
        1,
        summary=SCRIPT,
        paper=QUOTES,
        verdict=f"{QUOTES}{LONG}",
        command=QUOTES,
        hparams={SCRIPT: QUOTES},
        collapse=Collapse(True, f"{SCRIPT}{RTL}{LONG}"),
        comparison=Comparison(QUOTES, Estimate(0.1, 0.0, 0.2, 10, SCRIPT), 0.01, 0.02, "better"),
        versions={SCRIPT: QUOTES, LONG: LONG},
    )
    long = row(LONG, LONG, Estimate(math.nan, note=LONG), 0.5, 0.4, 1, summary=LONG, reason=f"{LONG}{RTL}")
    broken = failed(f"b{QUOTES}", QUOTES, "failed", f"{SCRIPT} {LONG}")
    made = group(
        f"{SCRIPT}{LONG}",
        (nasty, long, broken),
        suite=QUOTES,
        headline=f"{SCRIPT} {RTL}",
        conflict=QUOTES,
        caveats=(SCRIPT, LONG),
        objectives=("joy", SCRIPT),
        samples=samples([nasty.key, long.key], [SCRIPT, QUOTES, RTL, LONG, "", "<!--<script>"]),
    )
    whole = report(made, group("second"))
    return replace(
        whole,
        title=f"{SCRIPT}{RTL}",
        suites={SCRIPT: {QUOTES: LONG}},
        settings={QUOTES: SCRIPT},
        provenance=({"command": SCRIPT, "packages": {QUOTES: SCRIPT}, "seeds": [SCRIPT], LONG: None},),
    )
