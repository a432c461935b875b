"""The panels that belong to no arena: claims and studies."""

from __future__ import annotations

from dataclasses import replace

from benchmark.report import ClaimVerdict
from leaderboard.palette import SERIES, colour
from tests.leaderboard.panel_reports import claims, panel_report, rates, study
from tests.leaderboard.panel_views import DASH, column, lines, of_report


def test_claims_stand_by_paper_with_a_mark_for_every_verdict() -> None:
    panel, _, _ = of_report(panel_report())
    (xu,), (yan,) = panel.tables, panel.second
    assert (xu.caption, yan.caption) == ("Xu et al., arXiv:2502.01930", "Yan et al., arXiv:2406.07327")
    assert column(xu, "Claim") == ["DPO falls under shift.", "KLDPO is level."]
    assert column(xu, "Verdict") == ["✓ 1 reproduced, ✕ 1 not reproduced", "≈ cannot tell"]
    assert [cell.text for cell in yan.rows[0]] == [
        *("It holds at 7B.", "Table 3", "nowhere", "no model of that size is run", "○ not run here")
    ]
    assert (xu.muted, yan.muted) == ((False, False), (True,))
    counts = "1 reproduced, 1 not reproduced, 1 cannot tell, 1 not run here"
    assert panel.gist == f"3 claims with a verdict per place: {counts}."
    assert panel.second_title == "1 claim not run here, with the reasons"


def test_where_no_claim_was_run_all_are_folded() -> None:
    unrun = tuple(claim for claim in claims() if claim.verdict is ClaimVerdict.NOT_RUN_HERE)
    panel = of_report(replace(panel_report(), claims=unrun))[0]
    assert panel.tables == () and len(panel.second) == 1
    assert panel.gist == "1 claim with a verdict per place: 1 not run here."


def test_a_claim_that_was_checked_in_several_places_is_told_place_by_place() -> None:
    (table,) = of_report(panel_report())[1].tables
    assert column(table, "Run again at") == ["grammar", "emotion"]
    assert column(table, "Measured here") == [
        f"DPO, fall of the utility from the training shift to joy: {number} (5 seeds)"
        for number in ("+0.500 [+0.400, +0.600]", "−0.100 [−0.200, −0.100]")
    ]
    assert column(table, "Verdict") == ["✓ reproduced", "✕ not reproduced"]
    assert [cells[-1].kind for cells in table.rows] == ["clears", "below"]


def test_a_claim_with_one_verdict_everywhere_has_that_verdict() -> None:
    alike = tuple(replace(claim, verdict=ClaimVerdict.REPRODUCED) for claim in claims())
    panel = of_report(replace(panel_report(), claims=alike))[0]
    assert column(panel.tables[0], "Verdict") == ["✓ reproduced"] * 2
    assert column(panel.tables[0], "Run again at") == ["2 places", "grammar"]
    assert [made.id for made in of_report(replace(panel_report(), claims=claims()[2:]))] == ["claims", "study-1"]


def test_a_study_draws_its_lines_with_bands_and_proven_rates_dashed() -> None:
    panel = of_report(panel_report())[2]
    (made,) = panel.figures
    assert (panel.title, panel.gist, made.id) == ("Suite loglinear", "DPO converges as n^−1/2.", "study-1-1")
    assert made.layout["xaxis"]["type"] == made.layout["yaxis"]["type"] == "log" and made.layout["showlegend"]
    drawn_ = lines(made)
    assert drawn_["DPO"]["y"] == [0.1, 0.0316, 0.01] and drawn_["DPO"]["line"]["color"] == colour("dpo")
    assert drawn_["DPO"]["customdata"][0] == [0.09, 0.11, 5] and drawn_["WDPO ρ=1"]["y"][2] is None
    assert drawn_["WDPO: proven, n^−1/4"]["line"]["dash"] == "dash" and drawn_["DPO"]["line"]["dash"] == "solid"
    assert drawn_["WDPO ρ=1"]["marker"]["symbol"] != drawn_["WDPO ρ=2"]["marker"]["symbol"]
    assert drawn_["DPO"]["meta"]["bounds"] and drawn_["WDPO: proven, n^−1/4"]["customdata"][0] == [None, None, 0]


def test_what_is_no_method_has_a_colour_of_its_own_in_the_study() -> None:
    names = ("chosen", "rejected", "unseen", "chosen", "dpo")
    lines_ = tuple(replace(rates().lines[0], label=str(place), method=name) for place, name in enumerate(names))
    shown = study(figures=(replace(rates(), lines=lines_),))
    (made,) = of_report(replace(panel_report(), studies=(shown,)))[2].figures
    colours = [trace["line"]["color"] for trace in made.data]
    assert colours == [*SERIES[:3], SERIES[0], colour("dpo")]  # DPO as everywhere on the page
    assert len({trace["marker"]["symbol"] for trace in made.data[:4]}) == 4


def test_a_study_with_many_lines_has_bars_in_place_of_bands() -> None:
    one = rates(log_axes=False).lines[0]
    many = replace(rates(log_axes=False), lines=tuple(replace(one, label=f"DPO {i}") for i in range(9)))
    report = replace(panel_report(), studies=(study(figures=(many,)),))
    (made,) = of_report(report)[2].figures
    assert not any("bounds" in trace["meta"] for trace in made.data) and "type" not in made.layout["xaxis"]
    assert made.data[0]["error_y"]["array"] == [0.01, 0.00316, 0.001]


def test_a_study_prints_its_tables_and_how_it_was_made() -> None:
    exponents, facts = of_report(panel_report())[2].tables
    assert [cell.text for cell in exponents.rows[0]] == ["DPO", "−0.510", "cannot tell it from the bound"]
    assert exponents.rows[0][1].interval == "[−0.530, −0.480]"
    assert (exponents.rows[1][1].text, exponents.rows[1][1].note) == (DASH, "failed: diverged")
    assert [cell.text for cell in facts.rows[0]] == ["sizes", "100 to 10,000"]
