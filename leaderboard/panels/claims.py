"""What the papers claim, and what the runs on this page say to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from benchmark.report import Claim, ClaimVerdict, Report, words
from leaderboard.panels.base import Kind, Panel, PanelTable, TableCell
from leaderboard.panels.printing import text_cell

LEAD = (
    "Every claim has a verdict for every place where it was checked. Reproduced: the 95% interval of the number "
    "measured here lies wholly on the side that the paper claims; not reproduced: wholly on the other; cannot tell: it "
    "holds both. One seed tells nothing. Met by training less: it holds as stated, and not against DPO stopped at "
    "equal KL."
)
PLACES = "The same claims, one line for every place where the runs have what the claim speaks of."
COLUMNS = ("Claim", "Source", "Run again at", "Measured here", "Verdict")
LOOKS: dict[ClaimVerdict, tuple[str, Kind]] = {  # a mark with every verdict, so that nothing rests on colour
    ClaimVerdict.REPRODUCED: ("✓", "clears"),
    ClaimVerdict.BY_TRAINING_LESS: ("◐", ""),
    ClaimVerdict.NOT_REPRODUCED: ("✕", "below"),
    ClaimVerdict.CANNOT_TELL: ("≈", ""),
    ClaimVerdict.NOT_RUN_HERE: ("○", "muted"),
}


def claims(report: Report) -> list[Panel]:
    """The claims with their verdicts, and every place of those that were checked in several; no claims, no panel."""
    if not report.claims:
        return []
    by_claim: dict[tuple[str, str], list[Claim]] = {}
    for claim in report.claims:
        by_claim.setdefault((claim.paper, claim.id), []).append(claim)
    run = {key: checked for key, checked in by_claim.items() if not _not_run(checked)}
    rest = {key: checked for key, checked in by_claim.items() if _not_run(checked)}
    panel = Panel(
        "claims",
        "What the papers claim, run again",
        LEAD,
        tables=_tables(run, _overall),
        gist=f"{_many(len(by_claim), 'claim')} with a verdict per place: {_counts(report.claims)}.",
        second=_tables(rest, _overall),
        second_title=f"{_many(len(rest), 'claim')} not run here, with the reasons",
    )
    several = {key: checked for key, checked in by_claim.items() if len(checked) > 1}
    tables = _tables(several, lambda checked: [_row(claim) for claim in checked])
    places = Panel("claims-places", "Claims that were checked in several places", PLACES, tables=tables)
    return [panel, places] if several else [panel]


def _not_run(checked: list[Claim]) -> bool:
    return all(claim.verdict is ClaimVerdict.NOT_RUN_HERE for claim in checked)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _counts(claims: Iterable[Claim], marks: bool = False) -> str:
    """How often each verdict was given."""
    counts = Counter(claim.verdict for claim in claims)
    said = ((_look(verdict)[0] if marks else "", counts[verdict], words.VERDICTS[verdict]) for verdict in ClaimVerdict)
    return ", ".join(f"{mark} {count} {name}".strip() for mark, count, name in said if count)


def _look(verdict: ClaimVerdict) -> tuple[str, Kind]:
    return LOOKS.get(verdict, ("", ""))


Rows = list[tuple[TableCell, ...]]


def _tables(
    by_claim: dict[tuple[str, str], list[Claim]], rows: Callable[[list[Claim]], Rows]
) -> tuple[PanelTable, ...]:
    """One table per paper; greyed is what was not run there."""
    tables = []
    for paper in dict.fromkeys(paper for paper, _ in by_claim):
        made = [row for (of, _), checked in by_claim.items() if of == paper for row in rows(checked)]
        tables.append(PanelTable(paper, COLUMNS, tuple(made), tuple(row[-1].kind == "muted" for row in made)))
    return tuple(tables)


def _overall(checked: list[Claim]) -> Rows:
    """A claim in one line: its number where there is one place, else how often it held."""
    if len(checked) == 1:
        return [_row(checked[0])]
    first, verdicts = checked[0], {claim.verdict for claim in checked}
    verdict = _verdict(first) if len(verdicts) == 1 else text_cell(_counts(checked, marks=True))
    measured, where = text_cell("each place stands below"), text_cell(f"{len(checked)} places")
    return [(text_cell(first.text, first.id), text_cell(first.source), where, measured, verdict)]


def _row(claim: Claim) -> tuple[TableCell, ...]:
    return (
        text_cell(claim.text, claim.id),
        text_cell(claim.source),
        text_cell(words.claim_place(claim.place) or "nowhere"),
        text_cell(words.claim_measured(claim)),
        _verdict(claim),
    )


def _verdict(claim: Claim) -> TableCell:
    mark, kind = _look(claim.verdict)
    return TableCell(f"{mark} {words.VERDICTS[claim.verdict]}".strip(), kind=kind)
