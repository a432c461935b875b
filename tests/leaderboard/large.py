"""Large synthetic reports: 50 methods, 20 shifts, 5 seeds, with noise in every number, so that they pack no better than
real ones."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.core.seeds import generator
from benchmark.report import (
    METRICS,
    AdversarialCurve,
    Arena,
    Collapse,
    CollapseTerm,
    Curve,
    DiagnosticPoint,
    Estimate,
    Report,
    Row,
    SampleCompletion,
    SamplePrompt,
    SeedsKind,
    SeedsNeeded,
    Selected,
    TrainingCurve,
    TrajectoryPoint,
    Variance,
)
from tests.leaderboard.reports import arena, compared, report, row, shifts
from tests.synthetic import WORDS

METHODS = ("dpo", "kldpo", "wdpo", *(f"method{i}" for i in range(33)))
Draw = Callable[[float, float], float]
STEPS, CHECKPOINTS, PROMPTS, SEEDS = 60, 5, 12, 5
DIAGNOSTICS = (
    *("logp_chosen", "logp_rejected", "logp_unseen", "logp_heldout", "gradient_ratio", "entropy", "eos_rate"),
    *("distinct_2", "longest_repeat", "length", "gold", "learned"),
)
LEAST = ("quality", "distinct_2", "eos_rate", "entropy")
BALLS = (("prompts", "KL"), ("prompts", "chi-square"), ("prompts", "TV"), ("objectives", "TV"))
RECORDED = ("loss", "loss_std", "accuracy", "margin", "chosen_log_ratio", "rejected_log_ratio")


def large(row_count: int = 50, shift_count: int = 20, arena_count: int = 1) -> Report:
    """`group_count` arenas of `row_count` rows over 36 methods, evaluated on `shift_count` shifts."""
    return report(*(_arena(place, row_count, shift_count) for place in range(arena_count)))


def _arena(place: int, row_count: int, shift_count: int) -> Arena:
    rows = tuple(_row(place, index, shift_count) for index in range(row_count))
    return arena(
        f"shift {place} of a grid of mixtures",
        rows,
        train_shift=f"alpha_mixture(a=joy,b=sadness,alpha={place / 100})",
        eval_shifts=shifts(shift_count),
        samples=_samples(place, [item.key for item in rows]),
        selections=tuple(_selected(place, rule, method) for rule in ("nominal", "oracle") for method in METHODS),
        seeds_needed=SeedsNeeded(SeedsKind.SEEDS, "A", "B", 0.1, SEEDS, PROMPTS, 9, 0.8, 1000),
    )


def _draw(*names: object) -> Draw:
    rng = generator("large", *map(str, names))
    return lambda mean, spread: float(mean + spread * rng.standard_normal())


def _estimate(draw: Draw, mean: float, spread: float = 0.02) -> Estimate:
    value, low, high = draw(mean, spread), abs(draw(0.03, 0.01)), abs(draw(0.03, 0.01))
    return Estimate(value, value - low, value + high, SEEDS)


def _row(place: int, index: int, shift_count: int) -> Row:
    draw, method = _draw(place, index), METHODS[index % len(METHODS)]
    over, start = 0.2 - index / 100, 0.8 - index / 200
    means = [start + (0.3 - start) * i / (shift_count - 1) for i in range(shift_count)]
    trajectory = tuple(
        TrajectoryPoint(
            step * 32,
            abs(draw(step**1.5 / 4, 0.1)),
            tuple(draw(mean, 0.02) for mean in means),
            {"joy": draw(0.5, 0.1), "sadness": draw(0.5, 0.1)},
            {"joy": draw(0.5, 0.1), "sadness": draw(0.5, 0.1)},
            draw(0.95, 0.01),
            draw(0.7, 0.1),
            draw(0.7, 0.1),
        )
        for step in range(CHECKPOINTS)
    )
    return row(
        f"{method}(beta={index / 10})",
        f"{method.upper()} beta={index / 10}",
        Estimate(None),
        start,
        0.3,
        2.0,
        seeds_done=SEEDS,
        seeds_planned=SEEDS,
        metrics={metric.name: _estimate(draw, over if metric.headline else 0.5) for metric in METRICS},
        curve=Curve(tuple(_estimate(draw, m) for m in means), tuple(_estimate(draw, m + 0.04) for m in means)),
        trajectory=trajectory,
        rank=1 + index // 3,
        comparison=compared(draw(0.1, 0.05), draw(0.05, 0.01), draw(0.2, 0.01), "cannot tell", abs(draw(0.1, 0.01))),
        variance=Variance({name: abs(draw(1e-4, 1e-5)) for name in ("seed", "prompt", "seed x prompt", "completion")}),
        collapse=Collapse(
            ("0",) * (index % 17 == 16), SEEDS, tuple(CollapseTerm(name, draw(0.9, 0.1), 0.5) for name in LEAST)
        ),
        adversarial=tuple(_adversarial(draw, *ball) for ball in BALLS),
        diagnostics=tuple(
            DiagnosticPoint(point.step, point.kl, {name: draw(0.5, 0.2) for name in DIAGNOSTICS})
            for point in trajectory
        ),
        training=TrainingCurve(
            tuple(range(2, 2 * STEPS + 1, 2)), {name: tuple(draw(0.5, 0.1) for _ in range(STEPS)) for name in RECORDED}
        ),
    )


def _adversarial(draw: Draw, over: str, divergence: str) -> AdversarialCurve:
    radii = tuple(i / 10 for i in range(9))
    return AdversarialCurve(over, divergence, radii, tuple(_estimate(draw, 0.6 - r / 3) for r in radii))  # type: ignore[arg-type]


def _selected(place: int, rule: str, method: str) -> Selected:
    draw = _draw(place, rule, method)
    names = ("gated_over_envelope", "gated_nominal", "gated_worst_case", "kl_to_reference")
    chosen = {name: _estimate(draw, 0.1) for name in names}
    return Selected(rule, "what it does", rule == "oracle", method, 20, f"{method}(beta=0.1)", 96, 0.6, chosen)


def _samples(place: int, keys: list[str]) -> tuple[SamplePrompt, ...]:
    rng, draw = generator("large", "samples", str(place)), _draw(place, "rewards")
    return tuple(
        SamplePrompt(
            f"p{prompt}",
            f"on day {prompt} the child",
            tuple(
                SampleCompletion(
                    key,
                    " ".join(rng.choice(WORDS, 14)),
                    {"joy": draw(0.5, 0.1), "sadness": draw(0.5, 0.1)},
                    {"joy": draw(0.5, 0.1), "sadness": draw(0.5, 0.1)},
                    bool(rng.random() < 0.9),
                )
                for key in keys
            ),
        )
        for prompt in range(PROMPTS)
    )
