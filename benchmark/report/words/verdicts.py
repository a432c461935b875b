"""What one row shows, in a sentence; why rows have no number or no rank."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.report.estimates import Estimate
from benchmark.report.rows import HEADLINE, POWER, Comparison, Row, Status, Verdict
from benchmark.report.words.estimates import empties, note
from benchmark.report.words.numbers import listed, signed, verb, with_interval

MISSING_NUMBER = (Verdict.NOT_JUDGED, Verdict.EDGE, Verdict.NOMINAL_WIN)
UNRANKED = {"dpo": "plain DPO is what the envelope is made of", "reference": "the reference is not ranked"}


def row_verdict(row: Row) -> str:
    """What the row shows against the envelope and, of a method, against plain DPO."""
    return _broken(row) + _against_envelope(row) + (against_dpo(row.comparison) if row.role == "method" else "")


def _broken(row: Row) -> str:
    if not row.broken:
        return ""
    return f"Breaks the contract of a method ({listed(row.broken)}): its numbers may not mean what its formula says. "


def _against_envelope(row: Row) -> str:
    over = row.metrics.get(HEADLINE)
    if row.verdict in (Verdict.FAILED, Verdict.SKIPPED):
        return f"{row.status.capitalize()}: {row.reason}" if row.reason else f"{row.status.capitalize()}."
    if row.verdict is Verdict.NOT_JUDGED or over is None:
        return f"Not judged: {note(over)}." if over is not None and over.value is None else "Not judged."
    share = f" {empties(over).capitalize()}." if over.empty_share else ""
    if row.verdict is Verdict.EDGE:
        at_edge = "At the edge of the nominal utilities that DPO reaches: no worst case to compare."
        return f"{at_edge}{share}{collapsed(row)}"
    if row.verdict is Verdict.NOMINAL_WIN:
        return (
            "Reaches a nominal utility that no mixture of DPO policies reaches: a nominal win, with no worst case "
            f"to compare.{collapsed(row)}"
        )
    number = with_interval(over)
    if row.verdict is Verdict.ONE_SEED:
        return f"Over the DPO envelope by {number} on these prompts; one seed: it cannot be judged over seeds."
    rivals = " of the other betas" if row.method == "dpo" else ""
    if row.verdict is Verdict.CLEARS:
        return (
            f"Clears the DPO envelope{rivals} by {number}{_corrected(row)}.{_without_gate(row)}{share}{collapsed(row)}"
        )
    if row.verdict is Verdict.DOES_NOT:
        where = "lies below" if over.high is not None and over.high < 0 else "does not clear"
        less = "" if where == "lies below" else ", less than the margin"
        return f"{where.capitalize()} the DPO envelope{rivals}: {number}{less}.{share}{collapsed(row)}"
    lead = f"Cannot tell from the DPO envelope{rivals}: {number}{_corrected(row)}."
    return f"{lead}{_open(row, over)}{share}{collapsed(row)}"


def _corrected(row: Row) -> str:
    """The corrected p of a row whose own interval lies above 0."""
    over = row.metrics[HEADLINE]
    if row.p_holm is None or over.low is None or over.low <= 0:
        return ""
    return f" (p {p_text(row.p_holm)} after correction for the other rows)"


def _open(row: Row, over: Estimate) -> str:
    """What is still compatible, and what it would take to decide."""
    said = f" A lift of up to {signed(over.high)} is compatible." if over.high is not None else ""
    if row.least_detectable is not None:
        said += f" One of {signed(row.least_detectable)} would be seen in {POWER:.0%} of runs."
    if row.to_decide is None:
        return said
    if row.to_decide.prompts is not None:
        return f"{said} To see the margin takes {row.to_decide.prompts:,} test prompts or more."
    number = "more than 1,000" if row.to_decide.seeds is None else f"about {row.to_decide.seeds:,}"
    return f"{said} To see the margin takes {number} seeds."


def collapsed(row: Row) -> str:
    """Which seeds collapsed, which an average would hide; nothing where none did."""
    if row.collapse is None or not row.collapse.seeds_fallen:
        return ""
    seeds = row.collapse.seeds_fallen
    return f" {verb(seeds, 'Seed', 'Seeds')} {listed(seeds)} collapsed."


def p_text(p: float) -> str:
    """Such as `< .001` or `= .023`."""
    return "< .001" if p < 1e-3 else f"= {p:.3f}".replace("0.", ".")


def _without_gate(row: Row) -> str:
    over = row.metrics.get("over_envelope")
    if over is None or over.value is None or over.low is None or over.low > 0:
        return ""
    return f" Without the language gate it does not ({with_interval(over)})."


def against_dpo(comparison: Comparison | None) -> str:
    """The comparison with plain DPO, where it says that the row differs; else nothing."""
    if comparison is None or comparison.verdict not in ("better", "worse"):
        return ""
    p = p_text(comparison.p_holm or 0.0)
    return f" Worst case {comparison.verdict} than default DPO's (p {p}, Holm)."


def comparison_values(comparison: Comparison | None) -> str:
    """What a row was compared with, and the p-values; nothing where it was not."""
    if comparison is None:
        return ""
    values = (("p", comparison.p), ("Holm-corrected p", comparison.p_holm))
    return ", ".join([f"against {comparison.against}", *(f"{name} {p:.2g}" for name, p in values if p is not None)])


def not_compared(row: Row) -> str:
    """Why a row has no comparison with plain DPO."""
    return "what the others are compared with" if row.method == "dpo" else "no plain DPO to compare with"


def not_ranked(row: Row) -> str:
    """Why a row has no rank."""
    if row.role in ("positive control", "negative control"):
        return "a control is not ranked"
    if row.broken:
        return "it breaks the contract of a method"
    if row.verdict is Verdict.CANNOT_TELL:
        return "one cannot tell it from the envelope"
    other = "one seed cannot be ranked" if row.seeds_done == 1 else "no value over the DPO envelope to rank by"
    return UNRANKED.get(row.method, other)


def reasons(rows: Iterable[tuple[str, Status, str]]) -> str:
    """Why rows have no numbers: every reason once, with the labels that share it.

    Args:
        rows: label, status and reason of each row.
    """
    labels: dict[tuple[Status, str], list[str]] = {}
    for label, status, reason in rows:
        labels.setdefault((status, reason), []).append(label)
    return "; ".join(
        f"{listed(list(dict.fromkeys(named)))} {status}" + (f" ({reason})" if reason else "")
        for (status, reason), named in labels.items()
    )
