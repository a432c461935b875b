"""The table of claims: every claim of the file, with a row for each place where it was checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.measure.analytic.runs import StudyRuns
from benchmark.measure.claims.arenas import check_arena
from benchmark.measure.claims.catalogue import TASK_METRICS, Catalogue, Check, DifferenceCheck, MetricCheck, NotRun
from benchmark.measure.claims.catalogue import Claim as Entry
from benchmark.measure.claims.studies import check_studies
from benchmark.measure.claims.verdict import unchecked
from benchmark.measure.table.comparer import Comparer
from benchmark.report import Claim, ClaimVerdict, Finding, NotChecked, Unchecked

ArenaFindings = dict[tuple[str, int], Finding]  # by claim and index of the check in it


def arena_findings(comparer: Comparer, catalogue: Catalogue) -> ArenaFindings:
    """What one arena says to every check that is about its training shift."""
    findings = {}
    for claim in catalogue.claims:
        for index, check in enumerate(claim.checks):
            if isinstance(check, MetricCheck | DifferenceCheck):
                finding = check_arena(comparer, check)
                if finding is not None:
                    findings[claim.id, index] = finding
    return findings


def claim_table(
    catalogue: Catalogue, arenas: Iterable[ArenaFindings], studies: Sequence[StudyRuns]
) -> tuple[Claim, ...]:
    """One row per claim and place where it was checked; a claim that was checked nowhere has one row that says why."""
    by_arena = list(arenas)
    rows = []
    for claim in catalogue.claims:
        findings: list[Finding] = []
        for index, check in enumerate(claim.checks):
            findings += _findings(claim.id, index, check, by_arena, studies)
        checked = [finding for finding in findings if finding.verdict is not ClaimVerdict.NOT_RUN_HERE]
        nowhere = findings or [unchecked(None, _needs(check)) for check in claim.checks]
        rows += [_row(catalogue, claim, finding.verdict, finding) for finding in checked]
        if not checked:
            rows.append(_row(catalogue, claim, ClaimVerdict.NOT_RUN_HERE, *nowhere))
    return tuple(rows)


def _findings(
    claim: str, index: int, check: Check, by_arena: Sequence[ArenaFindings], studies: Sequence[StudyRuns]
) -> list[Finding]:
    if isinstance(check, NotRun):
        return [unchecked(None, _needs(check))]
    if isinstance(check, MetricCheck | DifferenceCheck):
        return [findings[claim, index] for findings in by_arena if (claim, index) in findings]
    return list(check_studies(studies, check))


def _needs(check: Check) -> Unchecked:
    """What must run so that the check can be made."""
    if isinstance(check, NotRun):
        return Unchecked(NotChecked.CANNOT_BE_RUN, reason=check.reason)
    if not isinstance(check, MetricCheck | DifferenceCheck):
        return Unchecked(NotChecked.NO_SUITE, suite=check.suite)
    if check.metric in TASK_METRICS:
        return Unchecked(NotChecked.NO_TASK, metric=check.metric)
    where = check.where
    return Unchecked(NotChecked.NO_TRAINING_SHIFT, family=where.shift or "", mixing=where.mixing or "")


def _row(catalogue: Catalogue, claim: Entry, verdict: ClaimVerdict, *findings: Finding) -> Claim:
    return Claim(
        id=claim.id,
        paper=catalogue.papers[claim.paper],
        source=claim.source,
        text=claim.text,
        verdict=verdict,
        findings=findings,
    )
