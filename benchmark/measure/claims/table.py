"""The table of claims: every claim of the file, with a row for each place where it was checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.measure.analytic.runs import StudyRuns
from benchmark.measure.claims.catalogue import Catalogue, Check, DifferenceCheck, MetricCheck, NotRun
from benchmark.measure.claims.catalogue import Claim as Entry
from benchmark.measure.claims.groups import check_group
from benchmark.measure.claims.studies import check_studies
from benchmark.measure.claims.verdict import Finding
from benchmark.measure.table.comparer import Judge
from benchmark.report.types import Claim

GroupFindings = dict[tuple[str, int], Finding]  # by claim and place of the check in it


def group_findings(judge: Judge, catalogue: Catalogue) -> GroupFindings:
    """What one group says to every check that is about its training shift."""
    told = {}
    for claim in catalogue.claims:
        for place, check in enumerate(claim.checks):
            if isinstance(check, MetricCheck | DifferenceCheck) and (found := check_group(judge, check)) is not None:
                told[claim.id, place] = found
    return told


def claim_table(
    catalogue: Catalogue, groups: Iterable[GroupFindings], studies: Sequence[StudyRuns]
) -> tuple[Claim, ...]:
    """One row per claim and place where it was checked; a claim that was checked nowhere has one row that says why."""
    told = list(groups)
    rows = []
    for claim in catalogue.claims:
        found: list[Finding] = []
        for place, check in enumerate(claim.checks):
            found += _findings(claim.id, place, check, told, studies)
        checked = [f for f in found if f.verdict != "not run here"]
        rows += [_row(catalogue, claim, f) for f in checked or [_nowhere(claim, found)]]
    return tuple(rows)


def _findings(
    claim: str, place: int, check: Check, groups: Sequence[GroupFindings], studies: Sequence[StudyRuns]
) -> list[Finding]:
    if isinstance(check, NotRun):
        return [Finding("", check.reason, "not run here")]
    if isinstance(check, MetricCheck | DifferenceCheck):
        return [group[claim, place] for group in groups if (claim, place) in group]
    return list(check_studies(studies, check))


def _nowhere(claim: Entry, found: Sequence[Finding]) -> Finding:
    reasons = dict.fromkeys(f"{f.where}: {f.measured}" if f.where else f.measured for f in found)
    reasons = reasons or dict.fromkeys(_needs(check) for check in claim.checks)
    return Finding("", "; ".join(reasons), "not run here")


def _needs(check: Check) -> str:
    """What must run so that the check can be made."""
    if isinstance(check, NotRun):
        return check.reason
    if not isinstance(check, MetricCheck | DifferenceCheck):
        return f"the suite {check.suite} is not among the runs"
    mixing = f" with {check.where.mixing} mixing" if check.where.mixing else ""
    return f"no run that trained on {check.where.shift or 'any shift'}{mixing}"


def _row(catalogue: Catalogue, claim: Entry, found: Finding) -> Claim:
    return Claim(
        id=claim.id,
        paper=catalogue.papers[claim.paper],
        source=claim.source,
        text=claim.text,
        where=found.where,
        measured=found.measured,
        verdict=found.verdict,
    )
