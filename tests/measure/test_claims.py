"""Claims of papers: the file, the checks in worlds whose truth is known, and all verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.analytic.runs import StudyRuns
from benchmark.measure.build import build_report
from benchmark.measure.claims import arena_findings, claim_table, read_catalogue
from benchmark.measure.claims.verdict import finding
from benchmark.measure.claims.verdict import verdict as side
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.table.comparer import Comparer
from benchmark.measure.table.estimates import curve
from benchmark.report import Absent, Claim, ClaimVerdict, Estimate, Measured, Place, Subject, missing, words
from benchmark.studies.toy_3d import Toy3D
from methods.base import parse_method
from tests.synthetic import METHODS, Trained, write_run

DPO = METHODS[:1] + METHODS[2:5]  # the reference, and DPO that ends at t = 1, .8 and .5 for beta = .1, .3 and 1
QUIET: dict[str, Any] = {"seeds": 3, "prompts": 60, "noise": 0.01, "seed_noise": 0.001}
KLDPO = "kldpo(beta=0.1,tau=0.1)"
CONVEX = "synthetic, 0.1 joy + 0.9 sadness"


@pytest.fixture(autouse=True)
def quick_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of results.parquet, claims read log-probabilities alone: the rest is left out of the worlds of this file."""
    monkeypatch.setattr("tests.synthetic.cell_records", lambda *_: [])


def checked(folders: list[Path], replicates: int = 150) -> tuple[Claim, ...]:
    """The table of claims, as the report makes it, without the rest of the report."""
    arenas = [arena for runs in load_runs(folders) for arena in arenas_of(runs)]
    findings = [arena_findings(Comparer(arena, replicates), read_catalogue()) for arena in arenas]
    return claim_table(read_catalogue(), findings, [])


def claims_of(folder: Path, *methods: Trained, **world: Any) -> dict[str, Claim]:
    """The one row of every claim, in a world with DPO and some methods."""
    claims = checked([write_run(folder / "run", methods=[*DPO, *methods], **{**QUIET, **world})])
    assert len({claim.id for claim in claims}) == len(claims)
    return {claim.id: claim for claim in claims}


def measured(claim: Claim) -> Measured:
    """What a claim that was checked in one place rests on."""
    evidence = claim.findings[0].evidence
    assert isinstance(evidence, Measured)
    return evidence


def number(claim: Claim) -> float:
    """The re-run number."""
    value = measured(claim).estimate.value
    assert value is not None
    return value


def where(claim: Claim) -> str:
    return words.claim_place(claim.place)


# DPO at beta 0.1 ends at t = 1: joy .15, nominal .1 x .15 + .9 x .8 = .735, fall .585. A method at (t, lift) has joy
# .35 - .2 t + lift, nominal .35 + .385 t, fall .585 t - lift; the claims are about differences to DPO.
@pytest.mark.parametrize(
    ("call", "t", "lift", "noise", "nominal", "fall", "far"),
    [
        (KLDPO, 0.6, 0.1, 0.004, ("reproduced", -0.154), ("reproduced", -0.334), ("reproduced", 0.18)),
        (KLDPO, 1.2, 0.0, 0.004, ("not_reproduced", 0.077), ("not_reproduced", 0.117), ("not_reproduced", -0.04)),
        ("kldpo(tau=0.4)", 1.0, 0.0, 0.03, ("cannot_tell", 0.0), ("cannot_tell", 0.0), ("cannot_tell", 0.0)),
    ],
)
def test_every_verdict_in_a_world_where_it_must_come(
    call: str, t: float, lift: float, noise: float, nominal: Any, fall: Any, far: Any, tmp_path: Path
) -> None:
    claims = claims_of(tmp_path, Trained(call, t=t, lift=lift, quality=1.0), seed_noise=noise, seeds=5)
    for name, (verdict, value) in {
        "dpo-best-at-training-kldpo": nominal,
        "kldpo-level": fall,
        "kldpo-above-under-shift": far,
    }.items():
        assert (claims[name].verdict, where(claims[name])) == (verdict, CONVEX), name
        # The deviation of a difference of 5 seeds on both sides is at most .9 of the noise of one seed.
        assert number(claims[name]) == pytest.approx(value, abs=3 * noise), name
    assert claims["dpo-falls"].verdict == "reproduced"
    assert number(claims["dpo-falls"]) == pytest.approx(0.585 * (1 + 0.8 + 0.5) / 3, abs=3 * noise)


@pytest.mark.parametrize(("lift", "verdict"), [(0.1, "reproduced"), (-0.1, "not_reproduced")])
def test_beyond_early_stopping_is_over_the_envelope(lift: float, verdict: str, tmp_path: Path) -> None:
    claim = claims_of(tmp_path, Trained(KLDPO, t=0.6, lift=lift, quality=1.0))["kldpo-beyond-early-stopping"]
    assert claim.verdict == verdict and number(claim) == pytest.approx(lift, abs=0.01)


def test_an_early_stopped_dpo_cannot_be_told_from_the_envelope(tmp_path: Path) -> None:
    claim = claims_of(tmp_path, Trained(KLDPO, t=0.6), noise=0.15, seed_noise=0.01)["kldpo-beyond-early-stopping"]
    assert claim.verdict == "cannot_tell"


def test_a_nominal_win_has_no_worst_case_to_judge(tmp_path: Path) -> None:
    claim = claims_of(tmp_path, Trained(KLDPO, t=1.5))["kldpo-beyond-early-stopping"]
    assert claim.verdict == "cannot_tell" and "nominal win" in words.claim_measured(claim)


def test_several_settings_count_as_their_mean(tmp_path: Path) -> None:
    settings = (Trained("kldpo(tau=0.1)", t=0.6), Trained("kldpo(tau=1)", t=1.0))
    claim = claims_of(tmp_path, *settings)["kldpo-above-under-shift"]
    assert number(claim) == pytest.approx((0.08 + 0.0) / 2, abs=0.005)
    assert "KLDPO (mean of 2 settings) minus DPO β=0.1" in words.claim_measured(claim)


def test_a_setting_is_compared_with_dpo_of_its_own_beta(tmp_path: Path) -> None:
    claim = claims_of(tmp_path, Trained("kldpo(beta=1,tau=0.1)", t=0.8))["kldpo-above-under-shift"]
    assert number(claim) == pytest.approx(-0.2 * (0.8 - 0.5), abs=0.005) and "minus DPO β=1" in words.claim_measured(
        claim
    )


def test_one_seed_separates_nothing(tmp_path: Path) -> None:
    claim = claims_of(tmp_path, Trained(KLDPO, t=0.6, lift=0.1), seeds=1)["kldpo-above-under-shift"]
    assert claim.verdict == "cannot_tell" and "1 seed" in words.claim_measured(claim)


def test_differences_are_paired_over_prompts(tmp_path: Path) -> None:
    """Prompt effects of deviation .2 are shared, the mean of 16 completions has .1 of its own: paired, the difference
    has the deviation .1 sqrt 2 instead of sqrt(.2^2 + .1^2) sqrt 2, a ratio of .45."""
    world = {"noise": 0.4, "samples": 16, "seed_noise": 0.0, "seeds": 2}
    run = write_run(tmp_path / "run", methods=[*DPO, Trained(KLDPO, t=0.6, quality=1.0)], **{**QUIET, **world})
    (claim,) = [claim for claim in checked([run]) if claim.id == "kldpo-above-under-shift"]
    low, high = measured(claim).estimate.low, measured(claim).estimate.high
    assert low is not None and high is not None
    comparer = Comparer(arenas_of(load_runs([run])[0])[0], 150)
    keys = (str(parse_method("dpo(beta=0.1)")), str(parse_method(KLDPO)))
    ends = [points.ungated[-1] for key in keys if (points := curve(comparer, key)) is not None]
    apart = [end.high - end.low for end in ends if end.high is not None and end.low is not None]
    assert high - low < 0.75 * np.hypot(*apart)


def test_the_report_has_the_table(run: Path) -> None:
    assert build_report([run], replicates=60).claims == checked([run], 60)


def test_mixing_decides_which_claim_is_checked(tmp_path: Path) -> None:
    shift = "alpha_mixture(a=joy,b=sadness,alpha=0.1,kind=geometric)"
    claims = claims_of(tmp_path, Trained(KLDPO, t=0.6, lift=0.1), train_shift=shift)
    assert claims["kldpo-above-under-shift"].verdict == "not_run_here"
    assert (
        words.claim_measured(claims["kldpo-above-under-shift"])
        == "no run that trained on alpha_mixture with convex mixing"
    )
    assert claims["kldpo-above-under-shift-geometric"].verdict == "reproduced"
    assert words.claim_measured(claims["wdpo-above-under-shift-geometric"]).endswith("no WDPO was finished")


def test_the_gate_stands_beside(tmp_path: Path) -> None:
    claim = claims_of(tmp_path, Trained(KLDPO, t=1.0, quality=0.5))["dpo-best-at-training-kldpo"]
    assert number(claim) == pytest.approx(0.0, abs=0.005)  # half of the texts fail the gate: .735 (.97 - .5)
    gated = measured(claim).gated
    assert gated is not None and gated.value == pytest.approx(-0.735 * 0.47, abs=0.08)
    assert f"with the language gate {words.with_interval(gated)}" in words.claim_measured(claim)


@pytest.mark.parametrize(
    ("of_flex", "verdict"),
    [((-4.0, -4.1, -3.9), "reproduced"), ((-8.0, -8.1, -7.9), "not_reproduced"), ((-4.0, -8.0, -6.0), "cannot_tell")],
)
def test_log_probabilities_are_compared_over_seeds(of_flex: tuple[float, ...], verdict: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", methods=[*DPO, Trained("flex_dpo", t=0.6)], **QUIET)  # DPO: -6 for all seeds
    results = pd.read_parquet(run / "results.parquet")
    mine = (results["method"] == "flex_dpo") & (results["metric"] == "logp_rejected")
    results.loc[mine, "value"] = results.loc[mine, "seed"].map(dict(enumerate(of_flex)))
    results.to_parquet(run / "results.parquet")
    claims = {claim.id: claim for claim in checked([run])}
    assert claims["flex-dpo-drop"].verdict == verdict
    assert number(claims["flex-dpo-drop"]) == pytest.approx(np.mean(of_flex) + 6)
    assert claims["rejected-drops"].verdict == claims["chosen-degrades"].verdict == "reproduced"


def test_a_claim_has_a_row_for_each_arena_that_checks_it(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", methods=[*DPO, Trained(KLDPO, t=0.6, lift=0.1)], **QUIET)
    other = write_run(tmp_path / "other", methods=[*DPO, Trained(KLDPO, t=1.3)], suite="another", **QUIET)
    without = write_run(tmp_path / "without", methods=DPO, suite="without", **QUIET)
    claims = checked([one, other, without])
    verdicts = [
        (where(claim).split(",")[0], claim.verdict) for claim in claims if claim.id == "kldpo-above-under-shift"
    ]
    assert verdicts == [("another", "not_reproduced"), ("synthetic", "reproduced")]


def test_a_claim_that_nothing_checks_is_there_and_says_why(tmp_path: Path) -> None:
    claims = claims_of(tmp_path)
    assert set(claims) == {claim.id for claim in read_catalogue().claims}
    for claim in claims.values():
        assert words.claim_measured(claim) and claim.paper and claim.source
        assert (claim.place is None) == (claim.verdict == "not_run_here")
    assert words.claim_measured(claims["rate-wdpo"]) == "the suite loglinear is not among the runs"
    assert words.claim_measured(claims["kldpo-level"]) == f"{CONVEX}: no KLDPO was finished"


@pytest.mark.parametrize(
    ("low", "high", "claimed", "threshold", "verdict"),
    [
        (0.1, 0.3, "above", 0.0, "reproduced"),
        (0.1, 0.3, "below", 0.0, "not_reproduced"),
        (-0.3, -0.1, "above", 0.0, "not_reproduced"),
        (-0.3, -0.1, "below", 0.0, "reproduced"),
        (-0.1, 0.1, "above", 0.0, "cannot_tell"),
        (-0.1, 0.1, "below", 0.0, "cannot_tell"),
        (0.0, 0.3, "above", 0.0, "cannot_tell"),  # an interval that touches the threshold does not clear it
        (0.1, 0.3, "above", 0.2, "cannot_tell"),
        (0.25, 0.3, "above", 0.2, "reproduced"),
        (-0.5, -0.46, "below", -0.45, "reproduced"),
        (-0.4, -0.3, "below", -0.45, "not_reproduced"),
    ],
)
def test_verdicts(low: float, high: float, claimed: Any, threshold: float, verdict: str) -> None:
    def said(estimate: Estimate) -> ClaimVerdict:
        return side(Measured("m", Subject("M"), estimate, claimed, threshold))

    assert said(Estimate((low + high) / 2, low, high, 3)) == verdict
    assert said(Estimate((low + high) / 2, low, high, 1)) == "cannot_tell"
    assert said(Estimate((low + high) / 2, None, None, 3)) == "cannot_tell"
    assert said(missing(Absent.NOT_RECORDED)) == "not_run_here"
    assert said(missing(Absent.EDGE, 3)) == "cannot_tell"


def test_a_missing_number_is_not_run_and_says_why() -> None:
    made = finding(Place("here"), Measured("a_number", Subject("M"), missing(Absent.NOT_RECORDED), "above"))
    assert (made.verdict, words.finding(made)) == ("not_run_here", "M, a number: not recorded")


ON, OFF = "chosen_on_rejected_on", "chosen_off_rejected_off"


def study_of(values: dict[tuple[str, str, str], list[float]]) -> StudyRuns:
    """The toy suite with given numbers: (scenario, call, metric) to one value per seed."""
    rows = [
        {"train_shift": scenario, "key": key, "metric": metric, "seed": seed, "value": value}
        for (scenario, key, metric), seeds in values.items()
        for seed, value in enumerate(seeds)
    ]
    results = pd.DataFrame(rows)
    cells = results[["train_shift", "key", "seed"]].drop_duplicates()
    cells = cells.assign(method=cells["key"].str.partition("(")[0], status="done")
    return StudyRuns(folders=("run",), suite=Toy3D(Toy3D.Settings()), cells=cells, results=results, environments=({},))


def study_claims(values: dict[tuple[str, str, str], list[float]]) -> dict[tuple[str, str], Claim]:
    claims = claim_table(read_catalogue(), [], [study_of(values)])
    return {(claim.id, where(claim)): claim for claim in claims if claim.place}


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [([0.2, 0.22, 0.18], "reproduced"), ([-0.1, -0.12, -0.11], "not_reproduced"), ([-0.1, 0.2, 0.0], "cannot_tell")],
)
def test_a_study_is_judged_over_seeds(gains: list[float], verdict: str) -> None:
    claim = study_claims({(ON, "dpo", "unseen_gain"): gains})["unseen-gain", "toy_3d, chosen on rejected on"]
    assert claim.verdict == verdict and number(claim) == pytest.approx(np.mean(gains), abs=5e-4)


@pytest.mark.parametrize(("sign", "verdict"), [(-1, "reproduced"), (1, "not_reproduced")])
def test_studies_are_paired_by_seed(sign: int, verdict: str) -> None:
    """Seeds differ by far more than the methods do: only their differences, .1 each, are separable from 0."""
    dpo = [0.1, 0.5, 0.9]
    other = [value + sign * gap for value, gap in zip(dpo, (0.1, 0.11, 0.09), strict=True)]
    claims = study_claims({(ON, "dpo", "unseen_gain"): dpo, (ON, "flex_dpo", "unseen_gain"): other})
    claim = claims["flex-dpo-dispersion", "toy_3d, chosen on rejected on"]
    assert claim.verdict == verdict and number(claim) == pytest.approx(sign * 0.1)


def test_scenarios_are_compared_by_seed() -> None:
    values = {(ON, "dpo", "rejected_drop"): [0.1, 0.5, 0.9], (OFF, "dpo", "rejected_drop"): [0.3, 0.71, 1.09]}
    claim = study_claims(values)["on-policy-best-both-off", "toy_3d, chosen on rejected on"]
    assert claim.verdict == "reproduced" and number(claim) == pytest.approx(-0.2)
    assert "minus that of chosen off rejected off" in words.claim_measured(claim)


def test_a_study_without_the_method_says_so_once() -> None:
    claims = claim_table(read_catalogue(), [], [study_of({(ON, "dpo", "unseen_gain"): [0.1, 0.2]})])
    (claim,) = [claim for claim in claims if claim.id == "flex-dpo-dispersion"]
    assert (claim.verdict, words.claim_measured(claim)) == ("not_run_here", "toy_3d: no FlexDPO was finished")


def test_settings_of_a_study_count_as_their_mean() -> None:
    values = {(ON, "dpo(beta=1)", "unseen_gain"): [0.1, 0.2], (ON, "dpo(beta=2)", "unseen_gain"): [0.3, 0.2]}
    assert number(study_claims(values)["unseen-gain", "toy_3d, chosen on rejected on"]) == pytest.approx(0.2)
