"""Reports made by hand, with every odd case."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from benchmark.report import (
    Absent,
    Arena,
    Behaviour,
    Comparison,
    Conflict,
    ConflictKind,
    Control,
    ControlKind,
    Estimate,
    FewSeeds,
    LabelAgreement,
    Report,
    Row,
    SampleCompletion,
    SamplePrompt,
    Settings,
    Verdict,
    missing,
)
from tests.leaderboard.parts import (
    collapse,
    compared,
    curve,
    diagnostics,
    failed,
    metrics,
    row,
    shifts,
    training,
    trajectory,
)

__all__ = [
    "collapse",
    "compared",
    "curve",
    "diagnostics",
    "failed",
    "metrics",
    "row",
    "shifts",
    "training",
    "trajectory",
]

SCRIPT = "<script>alert('owned')</script>"
QUOTES = "\"'></td></script><img src=x onerror=alert(1)> {{ 7*7 }} %{x} \\"
RTL = "\u202eevil\u202c עברית"
LONG = "w" * 10_000
EMPTY = "nominal win: no mixture of DPO policies reaches this nominal utility; 100% of replicates empty"


def rows() -> tuple[Row, ...]:
    """The odd cases: clears, ties, below, one seed, empty programme, failed, skipped, controls."""
    one_seed = {
        name: Estimate(e.value, n=600, absent=e.absent) for name, e in metrics(Estimate(0.01), 0.7, 0.3, 1).items()
    }
    return (
        row(
            "group_dro(beta=0.1)",
            "GroupDRO",
            Estimate(0.141, 0.111, 0.175, 1800),
            0.55,
            0.48,
            3.4,
            robust=True,
            rank=1,
            comparison=compared(0.26, 0.21, 0.31, "better", 0.0004),
        ),
        row("wdpo(beta=0.1,rho=1)", "WDPO rho=1", Estimate(0.030, -0.011, 0.064, 1800), 0.72, 0.30, 1.7),
        row(
            "kldpo(beta=0.1,tau=0.1)",
            "KLDPO tau=0.1",
            Estimate(0.016, -0.026, 0.036, 1800, empty_share=0.39),
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
            rank=5,
            comparison=compared(-0.04, -0.06, -0.02, "worse", 0.001),
            collapse=collapse(1, 0.31),
        ),
        row(
            "kldpo(beta=0.1,tau=1)",
            "KLDPO tau=1",
            missing(Absent.NOMINAL_WIN, 1800, empty_share=1.0),
            0.84,
            0.22,
            4.4,
        ),
        row(
            "dpo(beta=0.1)",
            "DPO beta=0.1",
            Estimate(-0.004, -0.021, 0.010, 1800),
            0.77,
            0.22,
            5.9,
            comparison=Comparison("dpo(beta=0.1)", missing(Absent.IS_DPO)),
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
            verdict=Verdict.ONE_SEED,
            rank=None,
            comparison=Comparison("dpo(beta=0.1)", missing(Absent.NO_SEED_WITH_DPO)),
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


def arena(name: str = "joy against sadness", made: tuple[Row, ...] | None = None, **changes: Any) -> Arena:
    """An arena with the odd rows."""
    made = rows() if made is None else made
    keys = [item.key for item in made if item.status == "done"][:6]
    whole = Arena(
        "grammar",
        "alpha_mixture(a=joy,b=sadness,alpha=0.1)",
        name,
        3,
        Conflict(ConflictKind.CONFLICT, "joy", 0.46, -0.2),
        LabelAgreement(0.9, 500, population=False),
        (FewSeeds(3),),
        shifts(),
        ("joy", "sadness"),
        made,
        samples(keys, ["the quiet harbour was gentle that night", "a furious crowd broke the old gate", "she laughed"]),
        True,
    )
    return replace(whole, **changes)


def report(*arenas: Arena) -> Report:
    """A report around `arenas`; by default two arenas of the odd rows."""
    if not arenas:
        second = arena(
            "fear against anger",
            rows()[:6],
            suite="emotion",
            caveats=(),
            linear=False,
            train_shift="alpha_mixture(a=anger,b=fear,alpha=0.1)",
        )
        arenas = (arena(), second)
    return Report(
        "prefshift leaderboard",
        arenas,
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
        Settings(0.95, 2000, (("nominal", "the greatest"),), (600,), (1,), (3,)),
    )


def hostile() -> Report:
    """Every string that a plug-in, a data set or a policy can choose tries to break the page."""
    nasty = row(
        "evil(x=</script>)",
        f"{SCRIPT}{RTL}",
        Estimate(0.1, 0.0, 0.2, 10, against=QUOTES),
        0.5,
        0.4,
        1,
        summary=SCRIPT,
        paper=QUOTES,
        command=QUOTES,
        hparams={SCRIPT: QUOTES},
        collapse=collapse(1, 0.3, f"{SCRIPT}{RTL}{LONG}"),
        comparison=Comparison(QUOTES, Estimate(0.1, 0.0, 0.2, 10, against=SCRIPT), 0.01, 0.02, "better"),
        versions={SCRIPT: QUOTES, LONG: LONG},
    )
    long = row(
        LONG,
        LONG,
        Estimate(math.nan, absent=Absent.FAILED, reason=LONG),
        0.5,
        0.4,
        1,
        summary=LONG,
        reason=f"{LONG}{RTL}",
    )
    broken = failed(f"b{QUOTES}", QUOTES, "failed", f"{SCRIPT} {LONG}")
    made = arena(
        f"{SCRIPT}{LONG}",
        (nasty, long, broken),
        suite=QUOTES,
        conflict=Conflict(ConflictKind.CONFLICT, f"{QUOTES} {RTL}", 0.4, -0.1),
        controls=(
            Control(ControlKind.LEFT_OUT, SCRIPT, Behaviour.FAILS, Estimate(0.1, 0.05, 0.15, 5)),
            Control(ControlKind.ORACLE, LONG, Behaviour.NOT_JUDGED, missing(Absent.FAILED, reason=LONG)),
        ),
        objectives=("joy", SCRIPT),
        samples=samples([nasty.key, long.key], [SCRIPT, QUOTES, RTL, LONG, "", "<!--<script>"]),
    )
    whole = report(made, arena("second"))
    return replace(
        whole,
        title=f"{SCRIPT}{RTL}",
        suites={SCRIPT: {QUOTES: LONG}},
        settings=Settings(0.95, 10, ((QUOTES, SCRIPT),), (1,), (1,), (1,), labelling=(((QUOTES, SCRIPT),),)),
        provenance=({"command": SCRIPT, "packages": {QUOTES: SCRIPT}, "seeds": [SCRIPT], LONG: None},),
    )
