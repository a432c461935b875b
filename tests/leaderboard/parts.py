"""What hand-made reports are made of: shifts, curves, trajectories, rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmark.measure.table.verdict import verdict_of
from benchmark.report import (
    METRICS,
    Absent,
    Collapse,
    CollapseTerm,
    Comparison,
    Curve,
    DiagnosticPoint,
    Estimate,
    EvalShift,
    Row,
    Standing,
    Status,
    TrainingCurve,
    TrajectoryPoint,
    missing,
)

MARGIN = 0.02


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


def trajectory(start: float, end: float, kl: float, count: int = 11) -> tuple[TrajectoryPoint, ...]:
    """Five checkpoints that leave the reference (0.35 everywhere) for a straight curve."""
    points = []
    for step in range(5):
        t = step / 4
        utilities = tuple((1 - t) * 0.35 + t * (start + (end - start) * i / (count - 1)) for i in range(count))
        rewards = {"joy": utilities[-1], "sadness": utilities[0]}
        points.append(TrajectoryPoint(32 * step, kl * t**1.5, utilities, rewards, {}, 0.97))
    return tuple(points)


def metrics(over: Estimate, start: float, end: float, kl: float) -> dict[str, Estimate]:
    """Every metric with some number."""
    made = {metric.name: Estimate(0.5, 0.45, 0.55, 1800) for metric in METRICS}
    return made | {
        "gated_over_envelope": over,
        "gated_nominal": Estimate(start, start - 0.02, start + 0.02, 1800),
        "gated_worst_case": Estimate(end, end - 0.03, end + 0.03, 1800),
        "gated_auc": Estimate((start + end) / 2, None, None, 1800),
        "gated_robustness_gap": Estimate(start - end, start - end - 0.03, start - end + 0.03, 1800),
        "kl_to_reference": Estimate(kl, kl - 0.2, kl + 0.2, 1800),
        "peak_memory_mb": Estimate(1234.0, None, None, 3),
        "gated_gold_worst_case": missing(Absent.NOT_RECORDED),
    }


def training(steps: int = 8) -> TrainingCurve:
    """What a run records, rising or falling."""
    grid = range(16, 16 * steps + 1, 16)
    return TrainingCurve(
        tuple(grid),
        {
            "loss": tuple(0.7 - step / 1000 for step in grid),
            "accuracy": tuple(0.5 + step / 500 for step in grid),
            "margin": tuple(step / 20 for step in grid),
            "chosen_log_ratio": tuple(-step / 50 for step in grid),
            "rejected_log_ratio": tuple(-step / 50 - step / 20 for step in grid),
        },
    )


def diagnostics() -> tuple[DiagnosticPoint, ...]:
    """Three checkpoints; nothing is known of what repeats."""
    return tuple(
        DiagnosticPoint(
            step,
            step / 30,
            {
                "logp_chosen": -step / 20,
                "logp_rejected": -step / 10,
                "logp_unseen": -step / 40 if step else None,
                "gradient_ratio": step / 25,
                "entropy": 2.0 - step / 100,
                "eos_rate": 0.98,
                "longest_repeat": None,
            },
        )
        for step in (0, 64, 128)
    )


def compared(difference: float, low: float, high: float, verdict: Standing, p: float = 0.2) -> Comparison:
    """A row against DPO at its default."""
    return Comparison("dpo(beta=0.1)", Estimate(difference, low, high, 1800), p, min(1.0, 8 * p), verdict)


def collapse(fallen: int = 0, quality: float = 0.97, name: str = "quality") -> Collapse:
    """By one term, in the first so many of three seeds."""
    return Collapse(tuple(map(str, range(fallen))), 3, (CollapseTerm(name, quality, 0.5),))


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
        verdict_of("done", over, MARGIN),
        curve(start, end),
        trajectory(start, end, kl),
        f"python run_all.py --suite grammar --methods '{key}' --seeds 3",
        rank=2,
        comparison=compared(0.02, -0.01, 0.05, "cannot tell"),
        diagnostics=diagnostics(),
        collapse=collapse(),
        training=training(),
        versions={"torch": "2.13.0", "trl": "1.16.0"},
        runs=(1, 3),
    )
    return replace(made, **changes)


def failed(key: str, label: str, status: Status, reason: str) -> Row:
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
        trajectory=(),
        seeds_done=0,
        verdict=verdict_of(status, None, MARGIN),
        rank=None,
        comparison=None,
        diagnostics=(),
        collapse=None,
        training=None,
        versions={},
    )
