"""The main table in other formats."""

from __future__ import annotations

import io
import json
import math

import pandas as pd
import pytest

from benchmark.core.errors import UserError
from benchmark.report.flat import leaderboard_rows
from leaderboard.export import export
from tests.leaderboard.reports import arena, report


def table() -> pd.DataFrame:
    """Two finished rows and a failed one, with the names that formats must escape."""
    return pd.DataFrame(
        {
            "key": ["wdpo", "dpo", "cvar"],
            "suite": "grammar",
            "train_shift": "alpha_mixture(a=joy,alpha=0.1)",
            "label": ["WDPO_1 & 50% | x", "DPO", "CVaR"],
            "status": ["done", "done", "failed"],
            "reason": ["", "", "loss\nis NaN"],
            "gated_nominal": [0.5, 0.25, math.nan],
            "gated_nominal_low": [0.4, math.nan, math.nan],
            "gated_nominal_high": [0.6, math.nan, math.nan],
            "gated_nominal_n": [3, 1, 0],
            "gated_over_envelope": [-0.02, 0.1, math.nan],
            "gated_over_envelope_low": [-0.03, 0.05, math.nan],
            "gated_over_envelope_high": [-0.01, 0.15, math.nan],
            "gated_auc": math.nan,
            "rank": [2, 1, math.nan],
            "gated_difference_to_dpo": [0.1, math.nan, math.nan],
            "gated_difference_to_dpo_low": [0.05, math.nan, math.nan],
            "gated_difference_to_dpo_high": [0.15, math.nan, math.nan],
        }
    )


def test_csv_loses_nothing_and_has_the_headline_before_other_metrics() -> None:
    read = pd.read_csv(io.StringIO(export(table(), "csv")))
    assert set(read.columns) == set(table().columns)
    assert list(read.columns)[:6] == ["suite", "train_shift", "label", "status", "rank", "gated_over_envelope"]
    assert read["gated_over_envelope"].tolist()[:2] == [-0.02, 0.1] and math.isnan(read["gated_over_envelope"][2])


def test_csv_may_be_rounded_to_significant_digits() -> None:
    wide = table().assign(gated_nominal=[0.123456, 1234.56, math.nan])
    read = pd.read_csv(io.StringIO(export(wide, "csv", digits=4)))
    assert read["gated_nominal"].tolist()[:2] == [0.1235, 1235.0]


def test_json_has_null_for_missing() -> None:
    read = json.loads(export(table(), "json"))
    assert read[2]["gated_over_envelope"] is None and read[0]["gated_nominal"] == 0.5


def test_markdown_prints_intervals_and_reasons_and_escapes() -> None:
    head, rule, wdpo, dpo, cvar = export(table(), "markdown").splitlines()
    assert (
        head.endswith("| Over DPO envelope (utility) | Against DPO (utility) | Nominal, gated (utility) |")
        and "AUC" not in head
    )
    assert rule.count("---:") == 4
    assert r"| WDPO\_1 & 50% \| x |" in wdpo and wdpo.endswith(
        "| 2 | −0.020 [−0.030, −0.010] | +0.100 [0.050, 0.150] | 0.500 [0.400, 0.600] |"
    )
    assert dpo.endswith("| 1 | +0.100 [0.050, 0.150] | – | 0.250 |")  # n = 1: no interval
    assert cvar.endswith("| failed: loss is NaN | – | – | – | – |")
    assert len({line.replace(r"\|", "").count("|") for line in (head, rule, wdpo, dpo, cvar)}) == 1


def test_latex_is_booktabs_and_escaped() -> None:
    text = export(table(), "latex")
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    row = r"x & done & 2 & $-$0.020 {[}$-$0.030, $-$0.010{]} & +0.100 {[}0.050, 0.150{]} & 0.500 {[}0.400, 0.600{]} \\"
    assert rf"WDPO\_1 \& 50\% | {row}" in text
    assert r"\begin{tabular}{llllrrrr}" in text and "failed: loss is NaN & -- & -- & -- & -- " in text


def test_an_unknown_format_is_a_users_error() -> None:
    with pytest.raises(UserError, match="Did you mean 'markdown'"):
        export(table(), "markdwn")  # type: ignore[arg-type]


def test_the_table_holds_rank_and_comparison_as_the_page_shows_them() -> None:
    rows = leaderboard_rows(report(arena())).set_index("key")
    first, worse, control = (
        rows.loc[key] for key in ("group_dro(beta=0.1)", "kldpo(beta=0.1,tau=0.3)", "dpo(beta=0.6)")
    )
    assert first["rank"] == 1 and worse["rank"] == 5 and pd.isna(control["rank"])
    assert [first[f"gated_difference_to_dpo{part}"] for part in ("", "_low", "_high")] == [0.26, 0.21, 0.31]
    assert (first["gated_verdict_to_dpo"], worse["gated_verdict_to_dpo"]) == ("better", "worse")
    assert (first["verdict"], control["verdict"]) == ("clears", "does_not_clear")
    assert first["sentence"].startswith("Clears the DPO envelope by +0.141")
    assert first["gated_p_holm_to_dpo"] == pytest.approx(8 * 0.0004)
