"""Reports made by hand: small ones with every odd case, and large ones for size and speed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from benchmark.measure.columns import METRICS
from benchmark.measure.report import (
    Curve,
    Estimate,
    EvalShift,
    Group,
    PathPoint,
    Report,
    Row,
    SampleCompletion,
    SamplePrompt,
)

SCRIPT = "<script>alert('owned')</script>"
QUOTES = "\"'></td></script><img src=x onerror=alert(1)> {{ 7*7 }} %{x} \\"
RTL = "\u202eevil\u202c עברית"
LONG = "w" * 10_000
EMPTY = "No DPO mixture reaches this nominal reward: the programme is empty in 100% of replicates (a nominal win)."


def shifts(count: int = 11) -> tuple[EvalShift, ...]:
    """A mixture's grid; the training shift is the second point."""
    grid = [i / (count - 1) for i in range(count)]
    return tuple(
        EvalShift(
            f"alpha_mixture(a=joy,b=sadness,alpha={a:.1f})",
            f"alpha={a:.2g}",
            a,
            i == 1,
            1.0 - 0.6 * abs(a - 0.1),
            0.3 - 0.5 * a,
        )
        for i, a in enumerate(grid)
    )


def curve(start: float, end: float, count: int = 11, width: float = 0.03) -> Curve:
    """A straight curve with a band."""
    points = tuple(start + (end - start) * i / (count - 1) for i in range(count))
    gated = tuple(Estimate(p, p - width, p + width, 1800) for p in points)
    return Curve(gated, tuple(Estimate(p + 0.04, p + 0.04 - width, p + 0.04 + width, 1800) for p in points))


def path(start: float, end: float, kl: float, count: int = 11) -> tuple[PathPoint, ...]:
    """Five checkpoints that leave the reference (0.35 everywhere) for a straight curve."""
    points = []
    for step in range(5):
        t = step / 4
        rewards = tuple((1 - t) * 0.35 + t * (start + (end - start) * i / (count - 1)) for i in range(count))
        points.append(PathPoint(32 * step, kl * t**1.5, rewards, {"joy": rewards[-1], "sadness": rewards[0]}, {}, 0.97))
    return tuple(points)


def metrics(over: Estimate, start: float, end: float, kl: float) -> dict[str, Estimate]:
    """Every metric with some number."""
    made = {metric.name: Estimate(0.5, 0.45, 0.55, 1800) for metric in METRICS}
    return made | {
        "over_envelope": over,
        "nominal": Estimate(start, start - 0.02, start + 0.02, 1800),
        "worst_case": Estimate(end, end - 0.03, end + 0.03, 1800),
        "auc": Estimate((start + end) / 2, None, None, 1800),
        "robustness_gap": Estimate(start - end, start - end - 0.03, start - end + 0.03, 1800),
        "kl_to_reference": Estimate(kl, kl - 0.2, kl + 0.2, 1800),
        "peak_memory_mb": Estimate(1234.0, None, None, 3),
        "gold_worst_case": Estimate(None, note="This suite has no gold judge for the objective."),
    }


def row(key: str, label: str, over: Estimate, start: float, end: float, kl: float, **changes: Any) -> Row:
    """A finished row; `changes` replaces any field."""
    method = key.split("(")[0]
    made = Row(
        key,
        method,
        {"beta": 0.1},
        label,
        "method",
        method in ("kldpo", "wdpo"),
        f"What {label} is.",
        "Xu et al., arXiv:2502.01930, Algorithm 2",
        "done",
        "",
        3,
        3,
        metrics(over, start, end, kl),
        "Not separable from DPO.",
        curve(start, end),
        path(start, end, kl),
        f"python run_all.py --suite grammar --methods '{key}' --seeds 3",
    )
    return replace(made, **changes)


def failed(key: str, label: str, status: str, reason: str) -> Row:
    """A row without numbers."""
    return row(
        key,
        label,
        Estimate(None),
        0,
        0,
        0,
        status=status,
        reason=reason,
        metrics={},
        curve=None,
        path=(),
        seeds_done=0,
        verdict="",
    )


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
        row("dpo(beta=0.1)", "DPO beta=0.1", Estimate(-0.004, -0.021, 0.010, 1800), 0.77, 0.22, 5.9),
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
    )
    long = row(LONG, LONG, Estimate(math.nan, note=LONG), 0.5, 0.4, 1, summary=LONG)
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


def large(row_count: int = 50, shift_count: int = 20, group_count: int = 1) -> Report:
    """Many rows on many shifts."""
    made = tuple(_large_row(i, shift_count) for i in range(row_count))
    return report(
        *(group(f"shift {g}", made, train_shift=f"s{g}", eval_shifts=shifts(shift_count)) for g in range(group_count))
    )


def _large_row(i: int, shift_count: int) -> Row:
    over = Estimate(0.2 - i / 100, 0.1 - i / 100, 0.3 - i / 100, 1800)
    start = 0.8 - i / 200
    return row(
        f"method{i % 10}(beta={i})",
        f"Method {i % 10} beta={i}",
        over,
        start,
        0.3,
        2.0,
        curve=curve(start, 0.3, shift_count),
        path=path(start, 0.3, 2.0 + i / 20, shift_count),
    )
