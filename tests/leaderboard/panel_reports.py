"""Reports made by hand that fill every panel, with numbers that a reader can find again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmark.report import (
    Absent,
    AdversarialCurve,
    Arena,
    Claim,
    ClaimVerdict,
    DiagnosticPoint,
    Estimate,
    EvalShift,
    Finding,
    Measured,
    NotChecked,
    NothingTaken,
    Place,
    Report,
    Row,
    SeedsKind,
    SeedsNeeded,
    Selected,
    Study,
    StudyFigure,
    StudyLine,
    StudyRow,
    StudyTable,
    Subject,
    TrajectoryPoint,
    Unchecked,
    Variance,
    missing,
)
from tests.leaderboard.reports import LONG, QUOTES, RTL, SCRIPT, arena, collapse, report, rows, shifts

RULES = ("nominal", "held_out_shifts", "matched_kl", "data_driven_radius", "oracle")
RADII = (0.0, 0.05, 0.1, 0.25, 0.5)


def far_shifts() -> tuple[EvalShift, ...]:
    """The grid with distances in proportion to |alpha - 0.1|; the last one's KL is infinite."""
    near = [
        replace(
            shift,
            correlation=1 - 1.8 * _far(shift),
            flip_rate=0.3 + 0.3 * _far(shift),
            label_kl=_far(shift) ** 2,
            label_w1=0.5 * _far(shift),
        )
        for shift in shifts()
    ]
    return (*near[:-1], replace(near[-1], label_kl=None, label_absent=Absent.NEW_LABELS, new_labels=0.04))


def _far(shift: EvalShift) -> float:
    assert shift.position is not None
    return abs(shift.position - 0.1)


def adversarial(start: float) -> tuple[AdversarialCurve, ...]:
    """Curves that fall from `start` by half the radius, in three balls over prompts and one over objectives."""
    values = tuple(Estimate(start - r / 2, start - r / 2 - 0.03, start - r / 2 + 0.03, 3) for r in RADII)
    prompts = [AdversarialCurve("prompts", divergence, RADII, values) for divergence in ("KL", "chi-square", "TV")]
    return (*prompts, AdversarialCurve("objectives", "TV", RADII, values))


def diagnostics(pull: float) -> tuple[DiagnosticPoint, ...]:
    """Five checkpoints; the held-out change is unknown at the third."""
    return tuple(
        DiagnosticPoint(
            32 * step,
            pull * step,
            {
                "logp_chosen": pull * (step - step**2 / 2),
                "logp_rejected": -pull * step**2,
                "logp_unseen": -pull * step,
                "logp_heldout": None if step == 2 else -pull * step / 2,
                "gradient_ratio": pull * step / 4,
                "entropy": 2 - step / 4,
                "eos_rate": 0.98 - step / 100,
                "distinct_2": 0.6 - step / 20,
                "longest_repeat": 2.0 + step,
            },
        )
        for step in range(5)
    )


def gold_trajectory(trajectory: tuple[TrajectoryPoint, ...]) -> tuple[TrajectoryPoint, ...]:
    """Learned reward rises along the path; gold turns round."""
    return tuple(
        replace(point, nominal=0.4 + 0.1 * place, gold_nominal=0.4 + 0.1 * place - 0.03 * place**2)
        for place, point in enumerate(trajectory)
    )


def filled(row: Row, place: int) -> Row:
    """`row` with everything that the panels show; a row that is not done stays as it is."""
    if row.status != "done" or row.curve is None or row.curve.gated[0].value is None:
        return row
    costs = {
        "train_seconds": Estimate(60.0 + place, 58.0 + place, 63.0 + place, 3),
        "step_ratio_to_dpo": Estimate(1 + place / 10, 0.95 + place / 10, 1.1 + place / 10, 3),
        "peak_memory_mb": Estimate(1200.0 + 10 * place, None, None, 3),
    }
    parts = {
        "seed": 1e-4 * (place + 1),
        "prompt": 2e-4,
        "seed x prompt": 5e-5,
        "completion": None,
        "reward model": 3e-3,
    }
    return replace(
        row,
        metrics=row.metrics | costs,
        trajectory=gold_trajectory(row.trajectory),
        adversarial=adversarial(row.curve.gated[0].value),
        diagnostics=diagnostics(1 + place / 4),
        collapse=collapse(int(place == 1)),
        variance=Variance(parts, f"alpha={place % 2}", seeds=3),
    )


def selected(method: str, key: str, place: int) -> tuple[Selected, ...]:
    """Every rule for a method; the radius rule takes nothing."""
    return tuple(_selected(method, key, place, index, rule) for index, rule in enumerate(RULES))


def _selected(method: str, key: str, place: int, index: int, rule: str) -> Selected:
    ceiling = rule == "oracle"
    if rule == "data_driven_radius":
        return Selected(rule, f"what {rule} does", ceiling, method, 15, nothing=NothingTaken.NO_BALL)
    over = 0.05 * place - 0.06
    return Selected(
        rule,
        f"what {rule} does",
        ceiling,
        method,
        15,
        key,
        32 * (index + 1),
        0.6 + index / 20,
        {
            "gated_over_envelope": Estimate(over, 0.05 * place - 0.08, 0.05 * place - 0.04, 3),
            "gated_worst_case": Estimate(0.3, 0.28, 0.33, 3),
            "gated_nominal": Estimate(0.7, 0.68, 0.71, 3),
            "kl_to_reference": Estimate(1.5, None, None, 1),
        },
        budget=2.0 if rule == "matched_kl" else None,
        lacking=0.04 if rule == "matched_kl" else 0.0,
    )


def panel_arena(**changes: Any) -> Arena:
    """An arena that fills every panel of an arena."""
    made = tuple(filled(row, place) for place, row in enumerate(rows()))
    keys = ("wdpo(beta=0.1,rho=1)", "kldpo(beta=0.1,tau=0.1)", "ipo(beta=0.1)")
    whole = arena(
        made=made,
        eval_shifts=far_shifts(),
        selections=tuple(s for place, key in enumerate(keys) for s in selected(key.split("(")[0], key, place)),
        seeds_needed=SeedsNeeded(SeedsKind.SEEDS, "GroupDRO", "WDPO rho=1", 0.11, 3, 600, 12, 0.8, 1000),
    )
    return replace(whole, **changes)


def claims() -> tuple[Claim, ...]:
    """A claim of every verdict, two papers."""
    xu, yan = "Xu et al., arXiv:2502.01930", "Yan et al., arXiv:2406.07327"
    falls, level = ("falls", xu, "Experiment 1", "DPO falls under shift."), ("level", xu, "Figure 2", "KLDPO is level.")
    nowhere = Finding(
        None, ClaimVerdict.NOT_RUN_HERE, Unchecked(NotChecked.CANNOT_BE_RUN, reason="no model of that size is run")
    )
    return (
        _claim(falls, ClaimVerdict.REPRODUCED, "grammar", Estimate(0.5, 0.4, 0.6, 5)),
        _claim(falls, ClaimVerdict.NOT_REPRODUCED, "emotion", Estimate(-0.1, -0.2, -0.1, 5)),
        _claim(level, ClaimVerdict.CANNOT_TELL, "grammar", Estimate(-0.01, -0.05, 0.04, 5)),
        Claim("scales", yan, "Table 3", "It holds at 7B.", ClaimVerdict.NOT_RUN_HERE, (nowhere,)),
    )


def _claim(named: tuple[str, str, str, str], verdict: ClaimVerdict, suite: str, estimate: Estimate) -> Claim:
    measured = Measured("fall", Subject("DPO"), estimate, "above", far_shift="joy")
    return Claim(*named, verdict, (Finding(Place(suite), verdict, measured),))


def rates(log_axes: bool = True) -> StudyFigure:
    """Measured n^-1/2 and n^-1/4 with intervals, the second with a proven rate beside it, and one unknown point."""
    sizes = (100.0, 1000.0, 10000.0)
    dpo = tuple(Estimate(n**-0.5, 0.9 * n**-0.5, 1.1 * n**-0.5, 5) for n in sizes)
    wdpo = (
        *(Estimate(n**-0.25, 0.8 * n**-0.25, 1.3 * n**-0.25, 5) for n in sizes[:2]),
        missing(Absent.NOT_RECORDED),
    )
    proven = tuple(Estimate(n**-0.25) for n in sizes)
    lines = (
        StudyLine("DPO", "dpo", sizes, dpo),
        StudyLine("WDPO ρ=1", "wdpo", sizes, wdpo),
        StudyLine("WDPO ρ=2", "wdpo", sizes, wdpo),
        StudyLine("WDPO: proven, n^−1/4", "wdpo", sizes, proven, dashed=True),
    )
    return StudyFigure("rates", "Distance to the optimum", "A power is a line.", "pairs n", "error", log_axes, lines)


def study(**changes: Any) -> Study:
    """An analytic suite with one figure, one table and a fact."""
    table = StudyTable(
        "Measured exponents",
        ("method", "exponent", "verdict"),
        (
            ("DPO", Estimate(-0.51, -0.53, -0.48, 5), "cannot tell it from the bound"),
            ("WDPO", missing(Absent.FAILED, reason="diverged"), "–"),
        ),
    )
    made = Study("loglinear", "DPO converges as n^−1/2.", {"sizes": "100 to 10,000"}, (rates(),), (table,))
    rows_ = tuple(StudyRow("any", method, method, {}, method, "method", "done", "", 5) for method in ("dpo", "wdpo"))
    made = replace(made, rows=rows_)
    return replace(made, **changes)


def panel_report(*arenas: Arena) -> Report:
    """A report with every panel."""
    return replace(report(*(arenas or (panel_arena(),))), claims=claims(), studies=(study(),))


def hostile_panels() -> Report:
    """Every string that comes from outside tries to be markup."""
    bad = f"{SCRIPT}{QUOTES}{RTL}"
    first = replace(
        filled(rows()[0], 0), label=bad, collapse=collapse(1, name=bad), variance=Variance({bad: 1e-4}, bad)
    )
    shifts = tuple(replace(shift, label=bad, name=bad) for shift in far_shifts())
    chosen = tuple(replace(s, method=first.method, key=LONG, summary=bad) for s in panel_arena().selections[:5])
    made = arena(
        made=(first,),
        eval_shifts=shifts,
        selections=chosen,
        seeds_needed=SeedsNeeded(SeedsKind.TOO_FEW_IN_COMMON, bad, bad),
    )
    one = rates()
    lines_ = tuple(replace(line, label=bad) for line in one.lines)
    figure_ = replace(one, id=bad, title=bad, how=bad, x_label=bad, y_label=bad, lines=lines_)
    bad_study = study(suite=bad, headline=bad, facts={bad: bad}, figures=(figure_,))
    measured = Measured(bad, Subject(bad), Estimate(0.1, 0.0, 0.2, 3), "above")
    finding = Finding(Place(bad, bad), ClaimVerdict.REPRODUCED, measured)
    bad_claim = Claim(bad, bad, bad, bad, ClaimVerdict.REPRODUCED, (finding,))
    return replace(panel_report(made), claims=(bad_claim, *claims()), studies=(bad_study,))
