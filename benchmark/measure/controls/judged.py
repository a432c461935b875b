"""The controls of an arena: what each must show, and whether it does.

- The *oracle* must clear the envelope. It is judged at the setting and the checkpoint that do best on its own mixture
  (see `oracle`), so that one which trains too long is no control.
- *Informed* methods, which know who labelled what where annotators disagree by group, must clear it too.
- Plain DPO at a beta strictly inside the sweep, *left out* of it, must not: its interval has to lie below the margin.
  One that cannot tell has not shown that the measure gives nothing where there is nothing. Below 0 it may lie anywhere:
  the betas beside it may do better. It is judged at its last checkpoint that does not stand at the edge, since there is
  nothing to judge at the edge or beyond it.
- *Planted* rows lie over the envelope by a known lift (see `planted`): did they clear?
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.measure.controls.ceiling import ReferenceBins, feasible_lift
from benchmark.measure.controls.oracle import chooses, chosen_oracle
from benchmark.measure.controls.planted import LIFTS, planted
from benchmark.measure.statistics.bootstrap import estimate
from benchmark.measure.statistics.envelope import TEST, over_envelope
from benchmark.measure.table.comparer import Comparer, at_edge, estimate_over
from benchmark.measure.table.verdict import margin_of, utility_range, verdict_of
from benchmark.report import Absent, Behaviour, Control, ControlKind, Row, Verdict, missing
from benchmark.report.rows import HEADLINE

JUDGED = (Verdict.CLEARS, Verdict.DOES_NOT, Verdict.CANNOT_TELL)
MUST_CLEAR = (ControlKind.ORACLE, ControlKind.INFORMED, ControlKind.PLANTED)


def controls(comparer: Comparer, rows: Sequence[Row], bins: ReferenceBins | None) -> tuple[Control, ...]:
    """Every control of the arena, positive ones first; none without a finished row."""
    if not any(row.metrics for row in rows):
        return ()
    oracle = _oracle(comparer, rows, bins)
    others = [row for row in rows if row.role == "positive control" and not chooses(comparer.arena, row.key)]
    return (
        *oracle,
        *(_of_row(row, ControlKind.ORACLE if row.method == "oracle" else ControlKind.INFORMED) for row in others),
        *(_left_out(comparer, row, bins) for row in inner_dpo(rows)),
        *(_planted(comparer, share * utility_range(comparer.arena)) for share in LIFTS),
    )


def behaviour(kind: ControlKind, verdict: Verdict) -> Behaviour:
    """Whether a control does what it must."""
    if verdict not in JUDGED:
        return Behaviour.NOT_JUDGED
    if verdict is Verdict.CANNOT_TELL:
        return Behaviour.CANNOT_TELL
    return Behaviour.AS_IT_SHOULD if (verdict is Verdict.CLEARS) == (kind in MUST_CLEAR) else Behaviour.FAILS


def inner_dpo(rows: Sequence[Row]) -> list[Row]:
    """Plain DPO rows whose beta lies strictly inside the sweep, at the run's own learning rate."""
    dpo = [row for row in rows if row.method == "dpo" and "beta" in row.hparams and row.seeds_done]
    dpo = sorted((row for row in dpo if row.hparams.get("rate", 1) == 1), key=lambda row: float(row.hparams["beta"]))
    return dpo[1:-1]


def _of_row(row: Row, kind: ControlKind) -> Control:
    return Control(
        kind=kind,
        label=row.label,
        behaviour=behaviour(kind, row.verdict),
        over=row.metrics.get(HEADLINE) or missing(Absent.NOT_RUN),
        kl=row.metrics.get("kl_to_reference"),
        feasible=row.metrics.get("gated_feasible_lift"),
        key=row.key,
        collapsed=row.collapse.seeds_fallen if row.collapse else (),
    )


def _oracle(comparer: Comparer, rows: Sequence[Row], bins: ReferenceBins | None) -> list[Control]:
    """The chosen oracle, or why there is none where one was run."""
    chosen = chosen_oracle(comparer)
    settings = [row for row in rows if chooses(comparer.arena, row.key)]
    if chosen is None:
        return [_of_row(row, ControlKind.ORACLE) for row in settings[:1]]
    row = next(row for row in settings if row.key == chosen.candidate.key)
    verdict = verdict_of("done", chosen.over, margin_of(comparer.arena))
    return [
        Control(
            kind=ControlKind.ORACLE,
            label=row.label,
            behaviour=behaviour(ControlKind.ORACLE, verdict),
            over=chosen.over,
            kl=chosen.kl,
            feasible=feasible_lift(bins, chosen.sample, chosen.over),
            key=row.key,
            step=chosen.candidate.step,
            collapsed=row.collapse.seeds_fallen if row.collapse and chosen.candidate.last else (),
        )
    ]


def _left_out(comparer: Comparer, row: Row, bins: ReferenceBins | None) -> Control:
    """Plain DPO against its other settings, at the last checkpoint that can be judged."""
    side = comparer.against(row.key)
    if isinstance(side, Absent):
        return _of_row(row, ControlKind.LEFT_OUT)
    margin, seeds = margin_of(comparer.arena), len(side.seed_rows)
    trajectory = comparer.arena.trajectory(row.key)
    for policy in reversed(trajectory):
        dpo, method = comparer.sides(side, "gated", policy)
        values = over_envelope(dpo, method)
        if not at_edge(values):
            over = estimate_over(values, seeds, shared=comparer.shared(side.seed_rows, "gated"))
            return Control(
                kind=ControlKind.LEFT_OUT,
                label=row.label,
                behaviour=behaviour(ControlKind.LEFT_OUT, verdict_of("done", over, margin)),
                over=over,
                kl=estimate(method[TEST].kl[:, 0], seeds),
                feasible=feasible_lift(bins, method, over),
                key=row.key,
                step=comparer.arena.policies[policy].step,
                collapsed=row.collapse.seeds_fallen if row.collapse and policy == trajectory[-1] else (),
            )
    return _of_row(row, ControlKind.LEFT_OUT)


def _planted(comparer: Comparer, lift: float) -> Control:
    made = planted(comparer, lift)
    if made is None:
        return Control(ControlKind.PLANTED, "", Behaviour.NOT_JUDGED, missing(Absent.NOT_PLANTED), truth=lift)
    values, seed_rows = made
    over = estimate_over(values, len(seed_rows), shared=comparer.shared(seed_rows, "gated"))
    verdict = verdict_of("done", over, margin_of(comparer.arena))
    return Control(ControlKind.PLANTED, "", behaviour(ControlKind.PLANTED, verdict), over, truth=lift)
