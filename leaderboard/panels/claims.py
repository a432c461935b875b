"""What the papers claim, and what the runs on this page say to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from benchmark.report.types import Claim, Report
from leaderboard.panels.base import Kind, Panel, PanelTable, TableCell
from leaderboard.panels.printing import words

LEAD = (
    "Reproduced: the 95% interval of the number measured here lies wholly on the side that the paper claims; not "
    "reproduced: wholly on the other; not separable: it holds both. One seed separates nothing."
)
PLACES = "The same claims, one line for every place where the runs have what the claim speaks of."
COLUMNS = ("Claim", "Source", "Run again at", "Measured here", "Verdict")
LOOKS: dict[str, tuple[str, Kind]] = {  # a mark with every verdict, so that nothing rests on colour
    "reproduced": ("✓", "clears"),
    "not reproduced": ("✕", "below"),
    "not separable": ("≈", ""),
    "not run here": ("○", "muted"),
}


def claims(report: Report) -> list[Panel]:
    """The claims with their verdicts, and every place of those that were checked in several; no claims, no panel."""
    if not report.claims:
        return []
    found: dict[tuple[str, str], list[Claim]] = {}
    for claim in report.claims:
        found.setdefault((claim.paper, claim.id), []).append(claim)
    panel = Panel(
        "claims",
        "What the papers claim, run again",
        _lead(report.claims, len(found)),
        tables=_tables(found, lambda checked: [_overall(checked)]),
        folded=False,
    )
    several = {key: checked for key, checked in found.items() if len(checked) > 1}
    tables = _tables(several, lambda checked: [_row(claim) for claim in checked])
    places = Panel("claims-places", "Claims that were checked in several places", PLACES, tables=tables)
    return [panel, places] if several else [panel]


def _lead(claims: tuple[Claim, ...], different: int) -> str:
    return f"{different} claims, each with a verdict for every place where it was checked: {_counts(claims)}. {LEAD}"


def _counts(claims: Iterable[Claim], marks: bool = False) -> str:
    """How often each verdict was given."""
    counts = Counter(str(claim.verdict) for claim in claims)
    return ", ".join(
        f"{LOOKS[verdict][0]} {counts[verdict]} {verdict}" if marks else f"{counts[verdict]} {verdict}"
        for verdict in LOOKS
        if verdict in counts
    )


Rows = list[tuple[TableCell, ...]]


def _tables(found: dict[tuple[str, str], list[Claim]], rows: Callable[[list[Claim]], Rows]) -> tuple[PanelTable, ...]:
    """One table per paper; greyed is what was not run."""
    tables = []
    for paper in dict.fromkeys(paper for paper, _ in found):
        made = [row for (of, _), checked in found.items() if of == paper for row in rows(checked)]
        tables.append(PanelTable(paper, COLUMNS, tuple(made), tuple(row[-1].kind == "muted" for row in made)))
    return tuple(tables)


def _overall(checked: list[Claim]) -> tuple[TableCell, ...]:
    """A claim in one line: its number where there is one place, else how often it held."""
    if len(checked) == 1:
        return _row(checked[0])
    first, verdicts = checked[0], {claim.verdict for claim in checked}
    verdict = _verdict(first) if len(verdicts) == 1 else words(_counts(checked, marks=True))
    measured = "each place stands below"
    return words(first.text, first.id), words(first.source), words(f"{len(checked)} places"), words(measured), verdict


def _row(claim: Claim) -> tuple[TableCell, ...]:
    return (
        words(claim.text, claim.id),
        words(claim.source),
        words(claim.where or "nowhere"),
        words(claim.measured),
        _verdict(claim),
    )


def _verdict(claim: Claim) -> TableCell:
    mark, kind = LOOKS[claim.verdict]
    return TableCell(f"{mark} {claim.verdict}", kind=kind)
